"""What is learnt, and one step of learning it."""

from models.config import Config, ConfigError
from models.families import METHODS

__all__ = ["METHODS", "Config", "ConfigError"]
