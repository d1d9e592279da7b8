"""How the trials of a plan are scored: its metrics, their protocols, and those of a sweep that goes on."""

from collections.abc import Sequence
from pathlib import Path

from ganscape.data import DATASETS, Dataset, Source
from ganscape.metrics import MetricError, Protocol, check_images_alone, check_samples, code_of, make_encoder
from ganscape.results.definition import Definition
from ganscape.results.store import STORE, check_complete, read_facts


def protocol_of(name: str, dataset: Dataset, samples: int) -> Protocol:
    """Returns how a metric is measured on a data set: so many samples against its test images."""
    encoder = make_encoder(name, dataset.image_shape)
    check_samples(name, len(dataset.test), samples, encoder.dimension)
    return Protocol(
        metric=name,
        encoder=encoder.name,
        weights=encoder.weights,
        preprocessing=encoder.preprocessing,
        samples=samples,
        reference=f"{dataset.name}/test",
        reference_samples=len(dataset.test),
        reference_fingerprint=dataset.fingerprint,
        code=code_of(name),
    )


def check_further(metric: str | None, further: Sequence[str], source: Source) -> None:
    """Raises MetricError unless the images can be scored by these metrics, besides `metric`."""
    for index, name in enumerate(further):
        check_images_alone(name)
        if name == metric or name in further[:index]:
            raise MetricError(f"metric {name} is given twice")
        make_encoder(name, source.image_shape)


def recorded_definitions(out: Path) -> list[Definition]:
    """Returns the definition of the sweep that `out` holds, alone in a list; an empty list if there is no sweep yet."""
    recorded = [row["definition"] for row in read_facts(out)["study"]] if (out / STORE).exists() else []
    for definition in recorded:
        check_complete(out, definition)
    return recorded


def recorded_metrics(recorded: Sequence[Definition], data: str, source: Source) -> tuple[str, tuple[str, ...]] | None:
    """Returns the metric and the further ones of the first of these sweeps on the same data, or None if there is none.

    A continuation is then scored alike, whatever the default is now.
    """
    name = data if data in DATASETS else Path(data).resolve().stem
    same_data = (name, list(source.image_shape))
    same = (row for row in recorded if (row["data"], row["image_shape"]) == same_data)
    return next(((row["metric"], tuple(row.get("further", ()))) for row in same), None)
