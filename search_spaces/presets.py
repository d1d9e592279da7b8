"""PRESETS: published GANs with the settings of their authors, every number with its source."""

from typing import NamedTuple

from ganscape.search_spaces.dimensions import Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study


class Preset(NamedTuple):
    """A published system.

    tricks: its loss, penalty, normalization and other choices by name.
    numbers: optimizer, learning rates, weights, and discriminator updates per cycle.
    sizes: settings that depend on the image size and the length of training, which a smaller scale replaces:
      architecture, batch size, z_dim, decay of averages, growth, balance of an autoencoder.
    source: the paper, the place of the numbers in it or in its authors' code, and which parts are not implemented.
    """

    tricks: dict[str, Value]
    numbers: dict[str, Value]
    sizes: dict[str, Value]
    source: str

    @property
    def settings(self) -> dict[str, Value]:
        """All settings, for `Config.from_dict`; a preset with `conditioning` also needs `classes`."""
        return self.tricks | self.numbers | self.sizes


def _settings(**settings: Value) -> dict[str, Value]:
    return settings


def _adam(beta1: float, beta2: float, rate: float, **more: Value) -> dict[str, Value]:
    return {"optimizer": "adam", "learning_rate": rate, "beta1": beta1, "beta2": beta2, **more}


def _rmsprop(rate: float, **more: Value) -> dict[str, Value]:
    return {"optimizer": "rmsprop_torch", "learning_rate": rate, **more}


def _sizes(architecture: str, batch_size: int, z_dim: int, **more: Value) -> dict[str, Value]:
    return {"architecture": architecture, "batch_size": batch_size, "z_dim": z_dim, **more}


_BN, _SN, _WN, _NONE = "batch_norm", "spectral_norm", "weight_norm", "none"
_CONDITIONAL = "conditional_batch_norm+spectral_norm"


def _normalized(discriminator: str, generator: str = _BN) -> dict[str, Value]:
    return {"discriminator_normalization": discriminator, "generator_normalization": generator}


# What moves in r3gan.
_SCHEDULED = ("learning_rate", "beta2", "penalty", "ema")

PRESETS: dict[str, Preset] = {
    "dcgan": Preset(
        _settings(loss="non_saturating", latent="uniform") | _normalized(_BN),
        _adam(0.5, 0.999, 2e-4, disc_iters=1),
        _sizes("dcgan", 128, 100),
        "Radford et al. 2016, arXiv:1511.06434, section 4: Adam at 2e-4 with beta1 0.5, batches of 128, batch norm in "
        "both players; z uniform, of length 100: section 4.1 and figure 1. beta2 is Adam's default",
    ),
    "wgan": Preset(
        _settings(loss="wasserstein", projection="weight_clipping", latent="normal") | _normalized(_BN),
        _rmsprop(5e-5, disc_iters=5, weight_clipping=0.01),
        _sizes("dcgan", 64, 100),
        "Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1: RMSProp at 5e-5, c = 0.01, m = 64, 5 critic updates; "
        "DCGAN's networks and z of length 100, normal: their code, main.py, in PyTorch. The 100 critic updates in its "
        "first 25 cycles and every 500th are not here",
    ),
    "wgan_gp": Preset(
        _settings(loss="wasserstein", penalty="wgangp", latent="normal") | _normalized(_NONE),
        _adam(0.0, 0.9, 1e-4, disc_iters=5, penalty_weight=10.0),
        _sizes("resnet_cifar", 64, 128),
        "Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1: lambda 10, 5 critic updates, Adam at 1e-4 with betas 0 "
        "and 0.9, batches of 64; no batch norm in the critic: section 4; residual networks for CIFAR-10 and z of "
        "length 128, normal: appendix F",
    ),
    "lsgan": Preset(
        _settings(loss="least_squares_logits", latent="uniform") | _normalized(_BN),
        _adam(0.5, 0.999, 1e-3, disc_iters=1),
        _sizes("dcgan", 64, 1024),
        "Mao et al. 2017, arXiv:1611.04076, section 4.1: Adam at 1e-3 for scenes, beta1 0.5, as DCGAN; targets 0 and 1 "
        "of unbounded outputs: equation 9; z of length 1024: figure 2. Batch size and beta2 are those of the DCGAN "
        "code that it extends",
    ),
    "dragan": Preset(
        _settings(loss="non_saturating", penalty="dragan", latent="uniform") | _normalized(_NONE),
        _adam(0.5, 0.9, 1e-4, disc_iters=1, penalty_weight=10.0),
        _sizes("dcgan", 128, 100),
        "Kodali et al. 2017, arXiv:1705.07215, and its code, DRAGAN.ipynb: lambda 10, noise of half a standard "
        "deviation, Adam at 1e-4 with betas 0.5 and 0.9, batches of 128, z uniform, of length 100, no normalization in "
        "the discriminator; DCGAN's networks: section 3 of the paper",
    ),
    "began": Preset(
        _settings(family="began", k_range="zero_to_one", latent="uniform") | _normalized(_NONE, _NONE),
        _adam(0.5, 0.999, 1e-4, disc_iters=1),
        _sizes("infogan", 16, 64, gamma=0.5, k_learning_rate=1e-3),
        "Berthelot et al. 2017, arXiv:1703.10717, sections 3.4 and 4: k in [0, 1] with lambda 0.001, Adam at 1e-4, "
        "batches of 16, z uniform, of length 64, no batch norm; gamma 0.5 is the middle of those shown. Its "
        "autoencoder, and halving the rate where convergence stalls, are not here: infogan's autoencoder stands in",
    ),
    "vae": Preset(
        _settings(family="vae") | _normalized(_NONE, _NONE),
        _adam(0.9, 0.999, 1e-3, disc_iters=1),
        _sizes("infogan", 100, 20),
        "Kingma and Welling 2014, arXiv:1312.6114, section 5: batches of 100, z of length 20, among others. They take "
        "Adagrad, which is not here: Adam as in Kingma and Ba 2015, arXiv:1412.6980, algorithm 1, who train this model "
        "with it in section 6.4",
    ),
    "sngan": Preset(
        _settings(loss="hinge", latent="normal") | _normalized(_SN),
        _adam(0.0, 0.9, 2e-4, disc_iters=5),
        _sizes("resnet_cifar", 64, 128),
        "Miyato et al. 2018, arXiv:1802.05957, with residual networks on CIFAR-10: hinge, Adam at 2e-4 with betas 0 "
        "and 0.9, 5 updates of the discriminator, batches of 64, z normal, of length 128: their code, "
        "sn_cifar10_unconditional.yml. There the rate falls to 0 and the generator sees batches of 128",
    ),
    "sagan": Preset(
        _settings(loss="hinge", conditioning="projection", latent="normal") | _normalized(_SN, _CONDITIONAL),
        _settings(optimizer="adam", g_lr=1e-4, d_lr=4e-4, beta1=0.0, beta2=0.9, disc_iters=1),
        _sizes("sagan", 256, 128, attention=32),
        "Zhang et al. 2019, arXiv:1805.08318, sections 4 and 5: hinge, spectral norm in both players, a rate of 4e-4 "
        "for the discriminator and 1e-4 for the generator, betas 0 and 0.9, conditional batch norm, projection, "
        "attention at 32 of 128 pixels; batches of 256 and z normal, of length 128: their code",
    ),
    "biggan": Preset(
        _settings(loss="hinge", conditioning="projection", latent="normal", averaging="ema")
        | _normalized(_SN, _CONDITIONAL),
        _settings(optimizer="adam", g_lr=5e-5, d_lr=2e-4, beta1=0.0, beta2=0.999, disc_iters=2),
        _sizes("biggan", 2048, 120, attention=64, ema_decay=0.9999),
        "Brock et al. 2019, arXiv:1809.11096, section 3 and appendix C: rates 5e-5 and 2e-4, betas 0 and 0.999, 2 "
        "updates of the discriminator, an average with 0.9999, batches of 2048, z of length 120 in parts, attention at "
        "64 of 128 pixels. The orthogonal penalty on the generator is not here",
    ),
    "progan": Preset(
        _settings(loss="wasserstein", penalty="wgangp", batch_features="minibatch_stddev", latent="normal")
        | _settings(averaging="ema")
        | _normalized(_NONE, "pixel_norm"),
        _adam(0.0, 0.99, 1e-3, disc_iters=1, penalty_weight=10.0),
        _sizes("progan", 16, 512, fade_images=8e5, ema_decay=0.999),
        "Karras et al. 2018, arXiv:1710.10196, appendix A.1: Adam at 1e-3 with betas 0 and 0.99, WGAN-GP with one "
        "update of the discriminator, an average with 0.999, 800,000 images for each fade, batches of 16, z of length "
        "512. The small pull of the outputs to 0 is not here",
    ),
    "r1": Preset(
        _settings(loss="non_saturating", penalty="r1", latent="normal", averaging="ema") | _normalized(_NONE, _NONE),
        _rmsprop(1e-4, disc_iters=1, penalty_weight=10.0),
        _sizes("resnet_cifar", 64, 256, ema_decay=0.999),
        "Mescheder et al. 2018, arXiv:1801.04406, section 5, and its code, default.yaml: gamma 10, RMSProp at 1e-4, "
        "batches of 64, z normal, of length 256, an average with 0.999, no normalization. Their residual networks "
        "are not here: those of CIFAR-10 stand in",
    ),
    "ragan": Preset(
        _settings(loss="relativistic_average", latent="normal") | _normalized(_SN),
        _adam(0.5, 0.999, 2e-4, disc_iters=1),
        _sizes("sndcgan", 32, 128),
        "Jolicoeur-Martineau 2019, arXiv:1807.00734, and its code, stable.sh, on CIFAR-10: Adam at 2e-4 with betas 0.5 "
        "and 0.999, one update of the discriminator, batches of 32, spectral norm, the standard networks of SN-GAN, z "
        "normal, of length 128",
    ),
    "pacgan": Preset(
        _settings(loss="non_saturating", packing=2, latent="uniform") | _normalized(_BN),
        _adam(0.5, 0.999, 2e-4, disc_iters=1),
        _sizes("dcgan", 64, 100),
        "Lin et al. 2018, arXiv:1712.04086, PacDCGAN2, and its code, config.py of the stacked digits: pairs of images, "
        "Adam at 2e-4 with beta1 0.5, batches of 64, z uniform, of length 100; all else as DCGAN",
    ),
    "improved_gan": Preset(
        _settings(loss="non_saturating", batch_features="minibatch_discrimination", label_smoothing="one_sided")
        | _settings(latent="uniform")
        | _normalized(_WN),
        _adam(0.5, 0.999, 3e-4, disc_iters=1, smoothing=0.1),
        _sizes("dcgan", 100, 100),
        "Salimans et al. 2016, arXiv:1606.03498: minibatch discrimination, section 3.2, which it found to make better "
        "images than feature matching; targets of 0.9, section 3.4; Adam at 3e-4 with beta1 0.5, batches of 100, z "
        "uniform, of length 100, weight norm in the discriminator: its code, train_cifar_minibatch_discrimination.py. "
        "There the labels are used, noise and dropout disturb the discriminator, and the generator moves three times",
    ),
    "r3gan": Preset(
        _settings(loss="relativistic", penalty="r1+r2", latent="normal", averaging="ema_half_life")
        | {f"{name}_schedule": "cosine" for name in _SCHEDULED}
        | _normalized(_NONE, _NONE),
        _adam(0.0, 0.9, 2e-4, disc_iters=1, penalty_weight=0.05 / 4)
        | _settings(learning_rate_final=0.25, beta2_final=0.99, penalty_final=0.1),
        _sizes("r3gan", 512, 64, ema_half_life=5e6) | {f"{name}_images": 2e7 for name in _SCHEDULED},
        "Huang et al. 2024, arXiv:2501.05441, and its code, train.py, preset CIFAR10: gamma 0.05 of pixels in [-1, 1], "
        "which is 0.0125 of these in [0, 1], for R1 and for R2, Adam with betas 0 and 0.9, all falling or rising along "
        "a cosine over 20 million images: the rate from 2e-4 to 5e-5, gamma to a tenth, beta2 to 0.99, the half-life "
        "of the average from 0 to 5 million images; batches of 512: README of the code; z normal, of length 64. Its "
        "augmentation, whose probability rises to 0.55, is not here",
    ),
}

SPACES: dict[str, dict[str, Space]] = {
    "presets": {name: make_space(preset.tricks, {}, preset.numbers, preset.source) for name, preset in PRESETS.items()}
}


def _ending(images: int) -> dict[str, Value]:
    """Returns the lengths of r3gan's schedules that end with a training of so many real images."""
    return {f"{name}_images": float(images) for name in _SCHEDULED}


def _small(
    networks: dict[str, Value], images: int, batch_size: int = 64, autoencoders: dict[str, Value] | None = None
) -> dict[str, dict[str, Value]]:
    """Returns preset -> its networks and other sizes for small networks that train on `images` real images.

    One architecture for all but progan and, where it has no autoencoders, vae and began; averages over fewer updates,
    and a balance of BEGAN with which its generator does not collapse. The half-life of r3gan's average is a quarter of
    its training, as in its code.
    """
    rest = _settings(batch_size=batch_size, z_dim=64)
    averaged = {name: _settings(ema_decay=0.99) for name, preset in PRESETS.items() if "ema_decay" in preset.sizes}
    own = {
        "progan": _settings(channels=16, fade_images=2e4),
        "began": _settings(gamma=1.0, k_learning_rate=0.01),
        "r3gan": _settings(ema_half_life=images / 4) | _ending(images),
    }
    encoding = autoencoders or networks
    pairs = {"progan": _settings(architecture="progan"), "vae": encoding, "began": encoding}
    return {name: pairs.get(name, networks) | rest | averaged.get(name, {}) | own.get(name, {}) for name in PRESETS}


# 200,000 updates of the discriminator on 64 images, as in Kurach et al. 2019, arXiv:1807.04720, scored ten times.
_STEPS = 200_000 * 64
# The papers' attention is at a quarter and at half of 128 pixels.
_PUBLISHED = {name: preset.sizes for name, preset in PRESETS.items()} | {
    name: PRESETS[name].sizes | _settings(attention=attention) for name, attention in (("sagan", 8), ("biggan", 16))
}
# Photographs on two cores: an eighth of DCGAN's channels, whose images have no chequered pattern if its generator
# repeats pixels before it convolves (Odena et al. 2016), and batches of 32, for more updates in as many images.
_PHOTO = _settings(architecture="dcgan", channels=8, upsampling="nearest")
_PHOTO_AUTOENCODER = _settings(architecture="infogan", channels=16)
# Schedules end with the training: R3GAN's is longer.
_PUBLISHED["r3gan"] = _PUBLISHED["r3gan"] | _ending(_STEPS)

#                    data      settings configs seeds images    interval    samples summary
_SCALES = {
    "smoke":  Scale("digits",  {},     1,     2,   192_000,  48_000,     None,   "8x8 digits, a quarter of an hour",
                    own=_small(_settings(architecture="mlp"), 192_000)),
    "laptop": Scale("digits",  {},     1,     5,   960_000,  192_000,    None,   "8x8 digits, convolutions, hours",
                    own=_small(_settings(architecture="conv8"), 960_000)),
    "photos": Scale("cifar10", {},     1,     2,   128_000, 32_000,     None,   "32x32 photographs, small networks",
                    own=_small(_PHOTO, 128_000, 32, _PHOTO_AUTOENCODER)),
    "paper":  Scale("cifar10", {},     1,     5,   _STEPS,   _STEPS // 10, 10_000, "published networks, on CIFAR10",
                    own=_PUBLISHED),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "presets": Study(
        question="Which published system is best as its authors set it?",
        source="the papers of the systems; see each method's source",
        methods=SPACES["presets"],
        searcher="defaults",
        scales=_SCALES,
    ),
}
