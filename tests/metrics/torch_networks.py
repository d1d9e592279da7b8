"""The large encoders' networks in PyTorch, written from their descriptions, and random weights for them."""

import numpy as np


def random_tensors(shapes, seed=0):
    """Weights that keep the scale of features through the layers, with statistics and gains that matter."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in shapes.items():
        if len(shape) > 1:
            made[name] = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        elif name.endswith(("running_var", "bn.weight")):
            made[name] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            made[name] = rng.normal(0, 0.1, shape).astype(np.float32)
    return made


def inception(state, x):
    """The outputs by name, for x [n, 3, 299, 299]; batch normalization, pools and logits as in TensorFlow's graph."""
    import torch
    import torch.nn.functional as F

    def unit(x, name, **how):
        x = F.conv2d(x, state[f"{name}.conv.weight"], **how)
        kept = (state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.relu(F.batch_norm(x, *kept, eps=1e-3))

    def mean(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    def largest(x):
        return F.max_pool2d(x, 3, 1, 1)

    def shrunk(x):
        return F.max_pool2d(x, 3, 2)

    def block_a(x, b):
        five = unit(unit(x, f"{b}.branch5x5_1"), f"{b}.branch5x5_2", padding=2)
        three = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        three = unit(three, f"{b}.branch3x3dbl_3", padding=1)
        return torch.cat([unit(x, f"{b}.branch1x1"), five, three, unit(mean(x), f"{b}.branch_pool")], 1)

    def block_b(x, b):
        double = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        double = unit(double, f"{b}.branch3x3dbl_3", stride=2)
        return torch.cat([unit(x, f"{b}.branch3x3", stride=2), double, shrunk(x)], 1)

    def block_c(x, b):
        wide, tall = {"padding": (0, 3)}, {"padding": (3, 0)}
        one = unit(unit(unit(x, f"{b}.branch7x7_1"), f"{b}.branch7x7_2", **wide), f"{b}.branch7x7_3", **tall)
        two = unit(x, f"{b}.branch7x7dbl_1")
        for number, how in ((2, tall), (3, wide), (4, tall), (5, wide)):
            two = unit(two, f"{b}.branch7x7dbl_{number}", **how)
        return torch.cat([unit(x, f"{b}.branch1x1"), one, two, unit(mean(x), f"{b}.branch_pool")], 1)

    def block_d(x, b):
        three = unit(unit(x, f"{b}.branch3x3_1"), f"{b}.branch3x3_2", stride=2)
        seven = unit(unit(x, f"{b}.branch7x7x3_1"), f"{b}.branch7x7x3_2", padding=(0, 3))
        seven = unit(unit(seven, f"{b}.branch7x7x3_3", padding=(3, 0)), f"{b}.branch7x7x3_4", stride=2)
        return torch.cat([three, seven, shrunk(x)], 1)

    def block_e(x, b, pool):
        one = unit(x, f"{b}.branch3x3_1")
        two = unit(unit(x, f"{b}.branch3x3dbl_1"), f"{b}.branch3x3dbl_2", padding=1)
        parts = [unit(x, f"{b}.branch1x1")]
        for y, name in ((one, "branch3x3_2"), (two, "branch3x3dbl_3")):
            parts += [unit(y, f"{b}.{name}a", padding=(0, 1)), unit(y, f"{b}.{name}b", padding=(1, 0))]
        return torch.cat([*parts, unit(pool(x), f"{b}.branch_pool")], 1)

    made = {}
    with torch.no_grad():
        x = unit(unit(x, "Conv2d_1a_3x3", stride=2), "Conv2d_2a_3x3")
        x = made["64"] = shrunk(unit(x, "Conv2d_2b_3x3", padding=1))
        x = made["192"] = shrunk(unit(unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"))
        for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = block_a(x, name)
        x = block_b(x, "Mixed_6a")
        for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = block_c(x, name)
        made["768"] = x
        x = block_e(block_d(x, "Mixed_7a"), "Mixed_7b", mean)
        made["2048"] = block_e(x, "Mixed_7c", largest)
        made = {name: y.mean((2, 3)) for name, y in made.items()}
        made["logits"] = F.linear(made["2048"], state["fc.weight"], state["fc.bias"])
        made["logits_unbiased"] = F.linear(made["2048"], state["fc.weight"])
    return {name: y.numpy() for name, y in made.items()}


def vgg16(state, x):
    """FC7 after its ReLU, for x [n, 3, 224, 224]: configuration D, the layers in torchvision's order."""
    import torch
    import torch.nn.functional as F

    with torch.no_grad():
        place = 0
        for width in (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *(512,) * 3, "pool", *(512,) * 3, "pool"):
            if width == "pool":
                x, place = F.max_pool2d(x, 2), place + 1
            else:
                x = F.relu(F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1))
                place += 2
        x = torch.flatten(x, 1)
        for place in (0, 3):
            x = F.relu(F.linear(x, state[f"classifier.{place}.weight"], state[f"classifier.{place}.bias"]))
    return x.numpy()
