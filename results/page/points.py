"""What a page needs to tell about a point of a figure: its trial under the pointer, settings and samples on a click."""

import json
import re
from typing import TYPE_CHECKING

from ganscape.results.frames import Results
from ganscape.results.samples import data_url, grid
from ganscape.results.wording import number, setting

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

EMBEDDED = 1_000_000  # bytes of pictures within a page; the others are looked for beside it


class Points:
    """The points of all figures of a page, each trial once."""

    def __init__(self, results: Results):
        self.results = results
        self._rows: dict[str, dict] = {}
        self._places: dict[str, int] = {}

    def mark(self, picture: str, drawn: "dict[str, pd.DataFrame]") -> "Markup":
        """The picture with a number and a title at each point.

        drawn: by method, in the order drawn, the `per_trial` rows of the artist with the gid "points-i".
        """
        from markupsafe import Markup, escape

        text = str(picture)
        for lane, rows in enumerate(drawn.values()):
            start = text.find(f'-points-{lane}"')
            end = text.find("</g>", text.find("<use", start)) if start >= 0 else -1
            parts = re.split(r"(?<=/>)", text[start:end]) if end >= 0 else []
            places = [i for i, part in enumerate(parts) if "<use" in part]
            if len(places) != len(rows):
                continue
            for i, row in zip(places, rows.to_dict("records"), strict=True):
                title = f"{row['method']} {row['config']} seed {row['seed']}: {number(row['value'])}"
                about = f' data-point="{self._number(row)}"><title>{escape(title)}</title></use>'
                parts[i] = about.join(parts[i].rsplit("/>", 1))
            text = text[:start] + "".join(parts) + text[end:]
        return Markup(text)

    def facts(self, shared: dict[str, str]) -> "Markup":
        """JSON for the page's script: points (trial, method, config, seed, score, rung), settings, pictures, beside.

        settings: config -> those that are not shared by all; pictures: trial -> data URL; beside: trial -> path.
        """
        from markupsafe import Markup

        rows = list(self._rows.values())
        settings = {row["config"]: self.results.settings(row["config"]) for row in rows}
        pictures, beside = self._pictures(rows)
        facts = {
            "points": [[row["trial"], row["method"], row["config"], int(row["seed"]), number(row["value"]),
                        f"{row['rung']:,}"] for row in rows],
            "settings": {config: {name: setting(value) for name, value in each.items() if name not in shared}
                         for config, each in settings.items()},
            "pictures": pictures, "beside": beside,
        }  # fmt: skip
        return Markup(json.dumps(facts).replace("<", "\\u003c"))

    def _number(self, row) -> int:
        self._rows.setdefault(row["trial"], row)
        return self._places.setdefault(row["trial"], len(self._places))

    def _pictures(self, rows):
        """The best of each method first, then the second best, as many as fit."""
        rank: dict[str, int] = {}
        order = []
        for row in sorted(rows, key=lambda row: row["value"]):
            rank[row["method"]] = rank.get(row["method"], 0) + 1
            order.append((rank[row["method"]], row["value"], row))
        embedded, beside, left = {}, {}, EMBEDDED
        for _, _, row in sorted(order, key=lambda each: each[:2]):
            found = grid(self.results.folder, row["trial"], int(row["rung"]))
            if found is None:
                continue
            path, size = found[0], found[0].stat().st_size
            if size <= left:
                embedded[row["trial"]] = data_url(path)
                left -= size
            else:
                beside[row["trial"]] = path.relative_to(self.results.folder).as_posix()
        return embedded, beside
