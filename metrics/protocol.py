"""Protocol: how a score was measured, which decides whether two scores can be compared."""

import json
from hashlib import sha256
from typing import Any, NamedTuple

from ganscape.metrics.errors import MetricError


class Protocol(NamedTuple):
    """How a score was measured. Two scores can be compared only if their protocols are equal."""

    metric: str  # name in METRICS
    encoder: str  # name in ENCODERS
    weights: str  # sha256 of the encoder's weights file, "none" if it has none
    preprocessing: str  # in words
    samples: int  # generated images per evaluation
    reference: str  # data set and split, "digits/test"
    reference_samples: int  # real images in the reference
    reference_fingerprint: str  # sha256 of the data
    draw: int = 0  # which samples of the generator: 0 those of its sweep, n those of `ganscape sample --seed n`
    code: str = ""  # sha256 of the code of a formula from outside the package, "" for ours

    @property
    def fingerprint(self) -> str:
        """Returns 12 hexadecimal digits that identify the protocol: they depend on every field and on nothing else."""
        text = json.dumps(self.describe(), sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """Returns the fields as a JSON-serializable dictionary, from which Protocol(**fields) is made again.

        Draw 0 and no code are left out: protocols of a sweep keep the fingerprint that they had before there were these
        fields.
        """
        fields = self._asdict() | {"samples": int(self.samples), "reference_samples": int(self.reference_samples)}
        return {name: value for name, value in fields.items() if value or name not in ("draw", "code")}

    def check_comparable(self, other: "Protocol") -> None:
        """Raises MetricError, naming the fields that differ, if scores by the two protocols cannot be compared."""
        mine, theirs = self._asdict(), other._asdict()
        different = [f"{name} is {mine[name]!r} and {theirs[name]!r}" for name in mine if mine[name] != theirs[name]]
        if different:
            raise MetricError(f"scores of two protocols do not compare: {'; '.join(different)}")

    def label(self) -> str:
        """Returns a short text for axes and tables: "fd_digits, 797 samples against digits/test (797)"."""
        return f"{self.metric}, {self.samples} samples against {self.reference} ({self.reference_samples})"
