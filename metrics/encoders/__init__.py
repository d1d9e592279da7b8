"""Encoders: images -> features. A distance between features means something only together with its encoder."""

from collections.abc import Callable
from functools import partial

from metrics.encoders import classifier, inception, pixels, random_conv, vgg16
from metrics.encoders.encoder import Encoder
from metrics.encoders.weight_files import Network

__all__ = ["ENCODERS", "NETWORKS", "Encoder"]

_INCEPTIONS = {
    "inception": {},
    "inception_pytorch": {"preprocessing": "pytorch"},
    "inception_clean": {"preprocessing": "clean"},
    "inception_64": {"output": "64"},
    "inception_192": {"output": "192"},
    "inception_768": {"output": "768"},
    "inception_logits": {"output": "logits"},
    "inception_logits_unbiased": {"output": "logits_unbiased"},
}

ENCODERS: dict[str, Callable[[tuple[int, int, int]], Encoder]] = {
    "pixels": pixels.encoder,
    "digits": classifier.digits,
    "mnist": classifier.mnist,
    "random_conv": random_conv.encoder,
    **{name: partial(inception.encoder, name, **choices) for name, choices in _INCEPTIONS.items()},
    "vgg16": vgg16.encoder,
    "digits_logits": classifier.digits_logits,
    "mnist_logits": classifier.mnist_logits,
}

# Networks whose weights come from outside.
NETWORKS: dict[str, Network] = {network.name: network for network in (inception.NETWORK, vgg16.NETWORK)}
