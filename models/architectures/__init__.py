"""Pairs of networks by name."""

from models.architectures.infogan import CONV8, INFOGAN
from models.architectures.mlp import MLP

ARCHITECTURES = {"conv8": CONV8, "infogan": INFOGAN, "mlp": MLP}
