"""What is said of a sweep that is published as a data set: a card for people, Croissant metadata, how to cite it."""

import json
from typing import Any

from ganscape.results import sentences
from ganscape.results.frames import Results

CITATION = "CITATION.cff"
ROLES = {
    "study": "the definition of the study as it was begun: methods, ranges, phases, rungs, metric",
    "definitions": "later definitions, of a study that was given more",
    "environments": "one row per start of the sweep: processor, versions, command",
    "protocols": "how scores were measured, by the fingerprint that scores name",
    "trials": "one row per trial: its method, config, seed, settings",
    "scores": "one row per score of a trial at a rung",
    "failures": "one row per failure: cause, rung, step, message",
    "retries": "which failures were tried again",
    "signs": "losses, gradient norms and the like beside scores, and of which failure they are a sign",
    "programs": "what workers compiled, and how long that took",
    "baselines": "scores of real images, of noise and of untrained generators by the same protocol",
}
TYPES = {"int": "sc:Integer", "float": "sc:Float", "str": "sc:Text"}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "equivalentProperty": "cr:equivalentProperty",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(results: Results, files: dict[str, dict[str, Any]], license: str | None) -> dict[str, Any]:
    """Returns the metadata of a data set in the format Croissant 1.1 (https://docs.mlcommons.org/croissant/).

    license: its SPDX name, such as CC-BY-4.0; None says nothing of it.
    files: table -> sha256, bytes, columns (name -> "int", "float" or "str") and rows of its file.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": _title(results),
        "description": f"{results.study['question']} Every trial and score of the sweep, failures included.",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "version": "1.0.0",
        "datePublished": _date(results),
        **({"license": f"https://spdx.org/licenses/{license}"} if license else {}),
        "citeAs": f"{_title(results)}, a sweep by Ganscape; {results.study['source']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{table}.parquet",
                "name": f"{table}.parquet",
                "contentUrl": f"tables/{table}.parquet",
                "contentSize": f"{facts['bytes']} B",
                "encodingFormat": "application/x-parquet",
                "sha256": facts["sha256"],
            }
            for table, facts in files.items()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": table,
                "name": table,
                "description": ROLES.get(table, table),
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"{table}/{column}",
                        "name": column,
                        "dataType": TYPES[kind],
                        "source": {"fileObject": {"@id": f"{table}.parquet"}, "extract": {"column": column}},
                    }
                    for column, kind in facts["columns"].items()
                ],
            }
            for table, facts in files.items()
        ],
    }


def write_card(results: Results, files: dict[str, dict[str, Any]], license: str | None) -> str:
    """Returns the text of README.md, with a head that hubs of data sets read."""
    study, counts = results.study, results.trials()["status"].value_counts()
    head = ["---", f"pretty_name: {json.dumps(_title(results))}", "tags: [gan, hyperparameter-search, benchmark]"]
    head += [*([f"license: {license.lower()}"] if license else []), "configs:"]
    for table in files:
        head += [f"  - config_name: {table}", f"    data_files: tables/{table}.parquet"]
    protocol = [f"| {name} | {value} |" for name, value in results.protocol().items()]
    tables = [
        f"| [{table}](tables/{table}.parquet) | {facts['rows']:,} | {ROLES.get(table, '')} |"
        for table, facts in files.items()
    ]
    lines = [
        *head, "---", "", f"# {_title(results)}", "", study["question"], "",
        f"A sweep by Ganscape after {study['source']}: {', '.join(f'{n} {status}' for status, n in counts.items())} "
        f"of {len(results.trials()):,} trials of the methods {', '.join(results.methods())}.",
        "", "## What was found", "", *(f"- {sentence}" for sentence in sentences.describe(results)), "",
        "## How scores were measured", "", "| | |", "| --- | --- |", *protocol, "",
        "## Tables", "", "| table | rows | what it is |", "| --- | --- | --- |", *tables, "",
        "`samples/` has pictures of generated images by trial and rung. Trained generators are not included.", "",
        "## Read it", "",
        "    ganscape import THIS_FOLDER --into runs/copy",
        "    ganscape report runs/copy", "",
        "gives the sweep's own report again; `pandas.read_parquet` reads each table alone.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def citation(results: Results, license: str | None) -> str:
    """Returns the text of CITATION.cff (https://citation-file-format.github.io, version 1.2.0) for the data set."""
    lines = {
        "cff-version": "1.2.0",
        "message": "If you use these data, cite them and the paper whose study they follow.",
        "type": "dataset",
        "title": _title(results),
        "abstract": results.study["question"],
        "keywords": ["GAN", "hyperparameter search"],
        "date-released": _date(results),
        **({"license": license} if license else {}),
        "authors": [{"name": "The authors of this sweep"}],
    }
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines.items())


def _title(results: Results) -> str:
    return f"{results.study['study']} on {results.study['data']}, scale {results.study['scale']}"


def _date(results: Results) -> str:
    """Returns the day on which the last score was recorded, or the study where there is none."""
    tables = results.tables()
    return max(tables["scores"]["recorded"] or tables["study"]["recorded"])[:10]
