"""Generative models: their configs, networks, losses and training steps, and images from them."""

from ganscape.models.config import Config, ConfigError
from ganscape.models.families import FAMILIES

__all__ = ["FAMILIES", "Config", "ConfigError"]
