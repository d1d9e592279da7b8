import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures.convolution import conv, conv_transpose, input_dilated_conv
from ganscape.models.precisions import PRECISIONS, matmul, use_precision
from ganscape.models.sampling import sample
from ganscape.sweep.population import advance, stack, start_member, take

# 1 + 2^-8 is half way between two bfloat16 values and goes to the even one, 1; 1 + 2^-7 is one of them.
LOST, KEPT = 1.0 + 2.0**-8, 1.0 + 2.0**-7
PRODUCTS = {
    "matmul": (matmul, (1, 1), (1, 1)),
    "conv": (lambda x, k: conv(x, k, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
    "conv_transpose": (lambda x, k: conv_transpose(x, k, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
    "input_dilated_conv": (lambda x, k: input_dilated_conv(x, k, 0), (1, 1, 1, 1), (1, 1, 1, 1)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_factors_are_rounded_and_what_comes_out_is_float32(name):
    function, left, right = PRODUCTS[name]
    examples, factor = np.full((2, *left[1:]), LOST, np.float32), np.ones(right, np.float32)
    examples[1] = KEPT

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def multiply(examples, factor):
        products = function(examples, factor).reshape(2, -1).sum(axis=1)
        return products.sum(), products

    for precision, expected in (("float32", [LOST, KEPT]), ("bfloat16", [1.0, KEPT])):
        with use_precision(precision):
            (_, products), gradient = multiply(examples, factor)
        assert products.dtype == gradient.dtype == jnp.float32
        assert products.tolist() == expected


def test_an_unrounded_product_is_the_backends_own():
    left, right = np.random.default_rng(0).normal(size=(2, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(matmul(left, right), jnp.matmul(left, right))


def test_a_training_in_bfloat16_keeps_a_float32_state_and_learns_nearly_the_same():
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1), np.uint8))
    pictures, trained = {}, {}
    for precision in PRECISIONS:
        config = Config(precision=precision, batch_size=16, z_dim=8)
        member = start_member(config, (8, 8, 1), (1, 2))
        kinds = jax.tree.map(lambda leaf: leaf.dtype, member.state)
        trained[precision] = take(advance(stack([member], 1), images, jnp.int32(5), lanes=1), 0)
        assert jax.tree.map(lambda leaf: leaf.dtype, trained[precision].state) == kinds
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(trained[precision].state))
        draw = jax.jit(lambda config, state: sample(config, state, (8, 8, 1), jax.random.key(0), 32))
        pictures[precision] = draw(config, trained[precision].state)
    gap = float(jnp.abs(pictures["float32"] - pictures["bfloat16"]).mean())
    assert 0.0 < gap < 0.02
