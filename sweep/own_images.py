"""Studies on images of one's own: how long to train, and by which networks, where a scale names data of other sizes."""

from collections.abc import Callable, Collection

from ganscape.data import SHIPPED, Source
from ganscape.metrics.defaults import is_large
from ganscape.models import ConfigError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.search_spaces import Scale

# In the order in which they are tried: the convolutional pairs of the studies, then those that take most sizes.
CANDIDATES = ("sndcgan", "dcgan", "infogan", "mlp")
DENSE = (
    "dense layers of 128 units (architecture mlp) scored worse than noise on photographs of 32x32; "
    "`ganscape run presets --scale photos` has convolutions, and so has --set architecture=infogan"
)


def length_name(data: str, source: Source) -> str:
    """Returns the data set whose length of training a scale has for these: `cifar10` for coloured images of one's own,
    `mnist` for gray ones, and for a data set of ours itself."""
    if data in SHIPPED:
        return data
    return "cifar10" if source.image_shape[2] == 3 else "mnist"


def fit_architecture(
    data: str, source: Source, scale: Scale, chosen: Collection[str], check: Callable[[Scale], None]
) -> tuple[Scale, list[str]]:
    """Returns the scale with an architecture that takes the images, and a line if it is another one or takes
    photographs without learning them.

    Only for images of one's own, and data sets that others register, where the scale and not the user names the
    architecture.

    Args:
      chosen: the fields that the user has set.
      check: raises ConfigError if a config of the study cannot be trained at a scale.

    Raises:
      ConfigError: what `check` raises for the scale itself, if it does for every candidate.
    """
    named = scale.settings.get("architecture")
    try:
        check(scale)
        own = data not in SHIPPED and "architecture" not in chosen
        return scale, [DENSE] if own and named == "mlp" and _may_be_photographs(source.image_shape) else []
    except ConfigError as error:
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


def _may_be_photographs(image_shape: tuple[int, int, int]) -> bool:
    """Returns whether images are coloured, and so large that they are scored as photographs by default."""
    return image_shape[2] == 3 and is_large(image_shape)
