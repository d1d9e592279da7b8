"""Points of a figure that know their trial, so that the page's script can tell about it."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup


def mark(picture: str, drawn: "dict[str, pd.DataFrame]", numbers: dict[str, int]) -> "Markup":
    """Returns the SVG picture with the number of its trial at each point, as `data-trial`.

    drawn: by method, in the order drawn, the `per_trial` rows of the artist with the gid "points-i".
    """
    from markupsafe import Markup

    text = str(picture)
    for lane, rows in enumerate(drawn.values()):
        start = text.find(f'-points-{lane}"')
        end = text.find("</g>", text.find("<use", start)) if start >= 0 else -1
        parts = re.split(r"(?<=/>)", text[start:end]) if end >= 0 else []
        points = [i for i, part in enumerate(parts) if "<use" in part]
        if len(points) != len(rows):
            continue
        for i, trial in zip(points, rows["trial"], strict=True):
            parts[i] = f' data-trial="{numbers[trial]}"/>'.join(parts[i].rsplit("/>", 1))
        text = text[:start] + "".join(parts) + text[end:]
    return Markup(text)
