"""Pairs of networks of `models.architectures` in PyTorch, by name, for images of one size each."""

Z = 64
SHAPES = {"infogan": (28, 28, 1), "sndcgan": (32, 32, 3), "dcgan": (32, 32, 3), "resnet_cifar": (32, 32, 3)}


def make_networks(name: str):
    """Returns the generator and the discriminator of `models.architectures`, with batch norm in the generator alone."""
    return {"infogan": _infogan, "sndcgan": _sndcgan, "dcgan": _dcgan, "resnet_cifar": _resnet_cifar}[name]()


def _up(inputs: int, outputs: int):
    from torch import nn

    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)


def _down(inputs: int, outputs: int, size: int = 4):
    from torch import nn

    return nn.Conv2d(inputs, outputs, size, 2 if size == 4 else 1, 1)


def _infogan():
    from torch import nn

    slope = 0.2
    generator = nn.Sequential(
        *(nn.Linear(Z, 1024), nn.BatchNorm1d(1024, 1e-3), nn.LeakyReLU(slope)),
        *(nn.Linear(1024, 6272), nn.BatchNorm1d(6272, 1e-3), nn.LeakyReLU(slope)),
        *(nn.Unflatten(1, (128, 7, 7)), _up(128, 64), nn.BatchNorm2d(64, 1e-3), nn.LeakyReLU(slope)),
        *(_up(64, 1), nn.Sigmoid()),
    )
    discriminator = nn.Sequential(
        *(_down(1, 64), nn.LeakyReLU(slope), _down(64, 128), nn.LeakyReLU(slope), nn.Flatten()),
        *(nn.Linear(6272, 1024), nn.LeakyReLU(slope), nn.Linear(1024, 1)),
    )
    return generator, discriminator


def _sndcgan():
    from torch import nn

    layers = [nn.Linear(Z, 8192), nn.BatchNorm1d(8192, 2e-5), nn.ReLU(), nn.Unflatten(1, (512, 4, 4))]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        layers += [_up(inputs, outputs), nn.BatchNorm2d(outputs, 2e-5), nn.ReLU()]
    generator = nn.Sequential(*layers, _down(64, 3, 3), nn.Sigmoid())
    seen = [_down(3, 64, 3), nn.LeakyReLU(0.1)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        seen += [_down(inputs, outputs), nn.LeakyReLU(0.1), _down(outputs, outputs, 3), nn.LeakyReLU(0.1)]
    return generator, nn.Sequential(*seen, nn.Flatten(), nn.Linear(8192, 1))


def _dcgan():
    from torch import nn

    def up(inputs: int, outputs: int):
        return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1)

    layers = [nn.Linear(Z, 2048), nn.Unflatten(1, (512, 2, 2)), nn.BatchNorm2d(512), nn.ReLU()]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        layers += [up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU()]
    seen: list[nn.Module] = []
    for inputs, outputs in ((3, 64), (64, 128), (128, 256), (256, 512)):
        seen += [nn.Conv2d(inputs, outputs, 5, 2, 2), nn.LeakyReLU(0.2)]
    # The image is (tanh + 1) / 2, which is the sigmoid of twice the logits.
    return nn.Sequential(*layers, up(64, 3), nn.Sigmoid()), nn.Sequential(*seen, nn.Flatten(), nn.Linear(2048, 1))


def _resnet_cifar():
    from torch import nn

    def spread(inputs: int, outputs: int):
        """Spreads pixels among zeros and convolves: as a transposed convolution, which does not multiply the zeros."""
        return nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)

    def convolve(inputs: int, outputs: int):
        return _down(inputs, outputs, 3)

    def halve(inputs: int, outputs: int):
        return nn.Sequential(_down(inputs, outputs, 3), nn.AvgPool2d(2))

    class Block(nn.Module):
        """shortcut, first, second: the block's convolutions, each (inputs, outputs) -> module."""

        def __init__(self, inputs: int, outputs: int, norm, shortcut, first, second):
            super().__init__()
            self.shortcut = shortcut(inputs, outputs)
            body = (norm(inputs), nn.ReLU(), first(inputs, outputs), norm(outputs), nn.ReLU(), second(outputs, outputs))
            self.body = nn.Sequential(*body)

        def forward(self, x):
            return self.shortcut(x) + self.body(x)

    blocks = [Block(256, 256, nn.BatchNorm2d, spread, spread, convolve) for _ in range(3)]
    start = (nn.Linear(Z, 4096), nn.Unflatten(1, (256, 4, 4)))
    generator = nn.Sequential(*start, *blocks, nn.BatchNorm2d(256), nn.ReLU(), _down(256, 3, 3), nn.Sigmoid())
    seen = [
        Block(inputs, 128, lambda features: nn.Identity(), resize, convolve, resize)
        for inputs, resize in ((3, halve), (128, halve), (128, convolve), (128, convolve))
    ]
    end = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1))
    return generator, nn.Sequential(*seen, *end)
