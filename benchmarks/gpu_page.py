"""A page of Markdown from the lines of JSON that `gpu.sh` wrote: one table for each benchmark.

python benchmarks/gpu_page.py ROWS FAILED > page.md
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

MACHINE = ("date", "jax", "device", "machine", "cores")


def page(rows: list[dict], failed: list[str]) -> str:
    """Returns the page: the machine, a table for each benchmark, and the parts that failed."""
    machines = {tuple(str(row.get(fact, "")) for fact in MACHINE) for row in rows}
    parts = ["# Measurements on one device", ""]
    parts += [
        ", ".join(f"{fact} {value}" for fact, value in zip(MACHINE, machine, strict=True)) for machine in machines
    ]
    tables: defaultdict[str, list[dict]] = defaultdict(list)
    for row in rows:
        tables[row["benchmark"]].append({name: row[name] for name in row if name not in ("benchmark", *MACHINE)})
    for name, table in tables.items():
        columns = list(dict.fromkeys(column for row in table for column in row))
        parts += ["", f"## {name}", "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        parts += [f"| {' | '.join(str(row.get(column, '')) for column in columns)} |" for row in table]
    if failed:
        parts += ["", "## Failed or over the limit", "", *(f"- {words}" for words in failed)]
    return "\n".join(parts) + "\n"


def main() -> None:
    rows, failed = (Path(name).read_text().splitlines() for name in sys.argv[1:3])
    sys.stdout.write(page([json.loads(row) for row in rows], failed))


if __name__ == "__main__":
    main()
