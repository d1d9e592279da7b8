from ganscape.errors import UserError


class MetricError(UserError):
    """A metric was asked for something it cannot do; the message is one line naming culprit, value and choices."""
