"""Studies on images of one's own: how long to train, and by which networks, where a scale names data of other sizes."""

from collections.abc import Callable, Collection

from ganscape.data import SHIPPED, Source
from ganscape.models import ConfigError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.search_spaces import Scale

# In the order in which they are tried: the convolutional pairs of the studies, then those that take most sizes.
CANDIDATES = ("sndcgan", "dcgan", "infogan", "mlp")


def length_name(data: str, source: Source) -> str:
    """Returns the data set whose length of training a scale has for these: `cifar10` for coloured images of one's own,
    `mnist` for gray ones, and for a data set of ours itself."""
    if data in SHIPPED:
        return data
    return "cifar10" if source.image_shape[2] == 3 else "mnist"


def fit_architecture(
    data: str, source: Source, scale: Scale, chosen: Collection[str], check: Callable[[Scale], None]
) -> tuple[Scale, list[str]]:
    """Returns the scale with an architecture that takes the images, and a line that says so if it is another one.

    Only for images of one's own, and data sets that others register, where the scale and not the user names the
    architecture.

    Args:
      chosen: the fields that the user has set.
      check: raises ConfigError if a config of the study cannot be trained at a scale.

    Raises:
      ConfigError: what `check` raises for the scale itself, if it does for every candidate.
    """
    try:
        check(scale)
        return scale, []
    except ConfigError as error:
        named = scale.settings.get("architecture")
        if data in SHIPPED or named is None or "architecture" in chosen:
            raise
        if ARCHITECTURES[str(named)].accepts(source.image_shape):
            raise  # it is something else that is wrong
        for candidate in CANDIDATES:
            other = scale._replace(settings={**scale.settings, "architecture": candidate})
            try:
                check(other)
            except ConfigError:
                continue
            size = "x".join(map(str, source.image_shape))
            takes = ARCHITECTURES[str(named)].sizes
            return other, [f"architecture {candidate} in place of {named}, which takes {takes}, not {size}"]
        raise error from None
