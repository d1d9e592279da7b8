"""What is learnt, and one step of learning it."""

from models import gan
from models.config import Config, ConfigError

METHODS = {"gan": gan.METHOD}

__all__ = ["METHODS", "Config", "ConfigError"]
