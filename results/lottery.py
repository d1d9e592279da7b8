"""How much of the variance of scores is the config, how much the training seed, and how much the draw of samples."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganscape.errors import UserError
from ganscape.files import replacing
from ganscape.results.statistics import log_scale, nested_components
from ganscape.results.wording import rounded

if TYPE_CHECKING:
    import pandas as pd

DRAWS_FILE = "draws.csv"
UNTOLD = "which does not tell which of them matters more"
COLUMNS = ["trial", "method", "config", "seed", "rung", "draw", "value"]


class NothingToSplitError(UserError):
    """A sweep whose scores do not tell configs, seeds and draws apart; one line that says what is missing."""


def write(rows: Iterable[dict[str, Any]], path: Path) -> "pd.DataFrame":
    """Writes the scores to a .csv file, which is whole or absent, and returns them as a table with the columns
    COLUMNS."""
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=COLUMNS)
    with replacing(path, "w") as file:
        table.to_csv(file, index=False)
    return table


def read_draws(folder: Path) -> "pd.DataFrame | None":
    """Returns the scores of further draws that `ganscape calibrate draws` left in a sweep's folder, see `write`; None
    if there are none, or the file is not whole."""
    import pandas as pd

    try:
        table = pd.read_csv(folder / DRAWS_FILE, dtype={"config": str, "trial": str, "method": str})
    except (OSError, ValueError):  # pandas' errors of parsing are ValueErrors
        return None
    whole = set(COLUMNS) <= set(table.columns) and pd.api.types.is_numeric_dtype(table["value"])
    return table if whole and not table.duplicated(["method", "config", "seed", "draw"]).any() else None


def split_variance(table: "pd.DataFrame") -> "pd.DataFrame":
    """Returns the variance components of each method, from the scores of each trial by several draws.

    table: columns method config seed draw value. Only configs all of whose seeds have a generator count, which leaves
    out those with a failed trial.

    Columns method configs seeds draws scale, then value, low and high (95 %) of four quantities: configs_sd, seeds_sd
    and draws_sd, standard deviations of the natural logarithm of the score if all are positive (scale `log`; 0.1 is
    about 10 %), else of the score (scale `score`); and ratio, seeds_sd over draws_sd, which says how much more training
    again moves a score than sampling again.

    Raises:
      NothingToSplitError: if a method has fewer than two such configs, two seeds or two draws.
    """
    import pandas as pd

    scale = log_scale(table["value"])
    rows = []
    for method, part in table.groupby("method", sort=False):
        scores = part.pivot(index=["config", "seed"], columns="draw", values="value").dropna()
        counts = scores.groupby("config").size()
        seeds = int(counts.max()) if len(counts) else 0
        whole = counts.index[counts == seeds]
        draws = scores.shape[1]
        if len(whole) < 2 or seeds < 2 or draws < 2:
            raise NothingToSplitError(
                f"method {method}: {len(whole)} configs with generators of {seeds} seeds, each by {draws} draws; it "
                "takes two of each at least: run the sweep with --keep all, two configs and two seeds"
            )
        cube = np.stack([scores.loc[config].to_numpy() for config in whole])
        parts = nested_components(scale(cube))
        names = "log" if scale is np.log else "score"
        rows.append((method, *cube.shape, names, *(value for part in parts for value in part)))
    columns = ["configs_sd", "seeds_sd", "draws_sd", "ratio"]
    intervals = [name for column in columns for name in (column, f"{column}_low", f"{column}_high")]
    return pd.DataFrame(rows, columns=["method", "configs", "seeds", "draws", "scale", *intervals])


def describe_split(split: "pd.DataFrame") -> list[str]:
    """Returns one sentence per method of `split_variance`: whether another training seed or other samples move a score
    more, by the ratio's 95 % interval."""
    sentences = []
    for row in split.to_dict("records"):
        value, low, high = row["ratio"], row["ratio_low"], row["ratio_high"]
        told = "so the seed matters more" if low > 1.0 else "so the samples matter more" if high < 1.0 else UNTOLD
        of = "the logarithm of a score" if row["scale"] == "log" else "a score"
        sentences.append(
            f"{row['method']}: another training seed moves {of} {rounded(value)} times ({rounded(low)} to "
            f"{rounded(high)}) as much as other samples, {told}."
        )
    return sentences
