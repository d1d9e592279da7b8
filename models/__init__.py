"""What is learnt, and one step of learning it."""

from ganscape.models.config import Config, ConfigError
from ganscape.models.families import FAMILIES

__all__ = ["FAMILIES", "Config", "ConfigError"]
