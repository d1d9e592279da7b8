"""Every search space by study and method."""

from search_spaces import equal, landscape, presets, tricks
from search_spaces.space import Space

SPACES: dict[str, dict[str, Space]] = equal.SPACES | landscape.SPACES | presets.SPACES | tricks.SPACES
