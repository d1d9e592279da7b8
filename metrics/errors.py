"""The error of metrics."""

from ganscape.errors import UserError


class MetricError(UserError):
    """A score that cannot be computed: one line naming what is wrong, its value and the choices."""
