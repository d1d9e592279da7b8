"""ARCHITECTURES: pairs of networks, by name, and `build`, which returns those of a config."""

from typing import TYPE_CHECKING

from ganscape.models.architectures.architecture import ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.biggan import BIGGAN, SAGAN
from ganscape.models.architectures.completer import Completer
from ganscape.models.architectures.dcgan import DCGAN
from ganscape.models.architectures.infogan import CONV8, INFOGAN
from ganscape.models.architectures.inpainting import INPAINTING
from ganscape.models.architectures.mlp import MLP
from ganscape.models.architectures.progan import PROGAN
from ganscape.models.architectures.r3gan import R3GAN
from ganscape.models.architectures.reference import WithReference
from ganscape.models.architectures.resnet import RESNET19, RESNET_CIFAR, RESNET_STL
from ganscape.models.architectures.scales import Scales
from ganscape.models.architectures.sndcgan import SNDCGAN

if TYPE_CHECKING:
    from ganscape.models.config import Config

ARCHITECTURES = {
    "biggan": BIGGAN,
    "conv8": CONV8,
    "dcgan": DCGAN,
    "infogan": INFOGAN,
    "inpainting": INPAINTING,
    "mlp": MLP,
    "progan": PROGAN,
    "r3gan": R3GAN,
    "resnet19": RESNET19,
    "resnet_cifar": RESNET_CIFAR,
    "resnet_stl": RESNET_STL,
    "sagan": SAGAN,
    "sndcgan": SNDCGAN,
}


def build(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the generator and the discriminator of a config for images of this shape.

    Adds the reference batches of virtual batch norm, the scales of a multi-scale discriminator, and the networks that
    refine completed images.
    """
    generator, discriminator = ARCHITECTURES[config.architecture].build(config, image_shape)
    # Copies before wrappers: a copy of a wrapper would share the network in it with the wrapper.
    generators = [generator] if config.mask is None else [generator.clone() for _ in range(1 + config.refinements)]
    if config.generator_normalization == "virtual_batch_norm":
        generators = [WithReference(each, config.batch_size) for each in generators]
    discriminators = [discriminator.clone() for _ in range(config.discriminator_scales or 1)]
    if config.discriminator_normalization == "virtual_batch_norm":
        size = NetworkSpec.of(config).discriminator_batch_size
        discriminators = [WithReference(each, size) for each in discriminators]
    return Networks(
        generators[0] if config.mask is None else Completer(tuple(generators)),
        discriminators[0] if len(discriminators) == 1 else Scales(tuple(discriminators)),
    )
