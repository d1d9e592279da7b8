"""The store: what a sweep has asked and found, in one SQLite file per output folder.

One process writes, any number read meanwhile. Rows are appended and never changed; a call that has returned
survives `kill -9` and loss of power (WAL, synchronous=FULL). This folder is the only one that knows SQL.

    OUT/store.sqlite    the tables of `schema`; created complete under another name, then renamed
    OUT/store.lock      held with flock by the writer; the kernel frees it when the writer dies

Tables: study (one row), definitions (of a study that grew later), environments, owners, protocols, trials, scores,
failures, signs, programs, generators, migrations.
"""

from ganscape.results.store.database import LOCK, STORE, StoreError
from ganscape.results.store.definitions import differences
from ganscape.results.store.growth import describe_growth
from ganscape.results.store.reader import (
    NO_STUDY,
    check,
    check_rows,
    is_written,
    kept_generators,
    read,
    read_columns,
    read_facts,
    rows_written,
    unwritten,
)
from ganscape.results.store.soundness import TO_READ, check_complete
from ganscape.results.store.totals import MethodTotals, Totals, read_totals
from ganscape.results.store.writer import Store, open_store

__all__ = [
    "LOCK",
    "NO_STUDY",
    "STORE",
    "TO_READ",
    "MethodTotals",
    "Store",
    "StoreError",
    "Totals",
    "check",
    "check_complete",
    "check_rows",
    "describe_growth",
    "differences",
    "is_written",
    "kept_generators",
    "open_store",
    "read",
    "read_columns",
    "read_facts",
    "read_totals",
    "rows_written",
    "unwritten",
]
