"""Every search space by study and method."""

from ganscape.search_spaces import equal, landscape, presets, tricks
from ganscape.search_spaces.space import Space

SPACES: dict[str, dict[str, Space]] = equal.SPACES | landscape.SPACES | presets.SPACES | tricks.SPACES
