"""Encoders: images -> features. A distance between features means something only together with its encoder."""

from collections.abc import Callable
from functools import partial

from ganscape.metrics.encoders import classifier, dinov2, inception, lite0, pixels, random_conv, stacked, vgg16
from ganscape.metrics.encoders.encoder import Encoder
from ganscape.metrics.encoders.weight_files import Network

__all__ = ["ENCODERS", "NETWORKS", "Encoder"]

ENCODERS: dict[str, Callable[[tuple[int, int, int]], Encoder]] = {
    "pixels": pixels.encoder,
    "digits": classifier.digits,
    "mnist": classifier.mnist,
    "mnist16": classifier.mnist16,
    "stacked_mnist": partial(stacked.encoder, "mnist"),
    "stacked_mnist16": partial(stacked.encoder, "mnist16"),
    "random_conv": random_conv.encoder,
    "lite0": lite0.encoder,
    "inception": partial(inception.encoder, "inception"),
    "inception_pytorch": partial(inception.encoder, "inception_pytorch", preprocessing="pytorch"),
    "inception_clean": partial(inception.encoder, "inception_clean", preprocessing="clean"),
    "inception_64": partial(inception.encoder, "inception_64", output="64"),
    "inception_192": partial(inception.encoder, "inception_192", output="192"),
    "inception_768": partial(inception.encoder, "inception_768", output="768"),
    "vgg16": vgg16.encoder,
    "dinov2_vits14": partial(dinov2.encoder, "dinov2_vits14"),
    "dinov2_vitb14": partial(dinov2.encoder, "dinov2_vitb14"),
    "digits_logits": classifier.digits_logits,
    "mnist_logits": classifier.mnist_logits,
    "mnist16_logits": classifier.mnist16_logits,
    "stacked_mnist_logits": partial(stacked.encoder, "mnist", of_logits=True),
    "stacked_mnist16_logits": partial(stacked.encoder, "mnist16", of_logits=True),
    "lite0_logits": partial(lite0.encoder, of_logits=True),
    "inception_logits": partial(inception.encoder, "inception_logits", output="logits"),
    "inception_logits_unbiased": partial(inception.encoder, "inception_logits_unbiased", output="logits_unbiased"),
}

# Networks whose weights do not ship with the package.
NETWORKS: dict[str, Network] = {
    network.name: network for network in (inception.NETWORK, vgg16.NETWORK, *dinov2.VARIANTS.values())
}
