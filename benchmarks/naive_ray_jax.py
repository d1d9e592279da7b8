"""A straightforward sweep with Ray Tune, JAX, Flax and Optax: the baseline of benchmarks/trials.py.

    python benchmarks/naive_ray_jax.py [--trials 8] [--images 160000] [--interval 40000] [--workers 2]

Each trial is a function that Ray Tune runs in a process of its own, as it does by default: it imports JAX, loads the
data, compiles its step and calls it once per batch. The networks (`mlp` on 8x8 digits), the non-saturating game, Adam,
the ranges and the score are those of method ns_gan in study equal/wide. Prints one line of JSON: wall seconds, and per
trial the CPU seconds of its process.
"""

import argparse
import json
import os
import time


def train(config: dict) -> None:
    """Trains one trial and reports a score at every interval."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    from ray import tune

    from ganscape.data import load
    from ganscape.sweep.measuring.evaluation import encode_images, evaluator

    batch, z_dim = 64, 64
    normal = nn.initializers.he_normal()

    class Generator(nn.Module):
        @nn.compact
        def __call__(self, z, training):
            x = z
            for _ in range(2):
                x = nn.Dense(128, kernel_init=normal)(x)
                x = nn.leaky_relu(nn.BatchNorm(not training, momentum=0.9)(x), 0.2)
            return nn.sigmoid(nn.Dense(64, kernel_init=normal)(x)).reshape(-1, 8, 8, 1)

    class Discriminator(nn.Module):
        @nn.compact
        def __call__(self, images):
            x = nn.leaky_relu(nn.Dense(128, kernel_init=normal)(images.reshape(len(images), -1)), 0.2)
            x = nn.Dense(128, kernel_init=normal)(x)
            if config["discriminator_normalization"] == "batch_norm":
                x = nn.BatchNorm(False, momentum=0.9)(x)
            return nn.Dense(1, kernel_init=normal)(nn.leaky_relu(x, 0.2))[:, 0]

    dataset = load("digits")
    evaluation = evaluator("fd_digits", dataset.test, len(dataset.test))
    generator, discriminator = Generator(), Discriminator()
    g_key, d_key, key = jax.random.split(jax.random.key(config["seed"]), 3)
    g = jax.jit(lambda key: generator.init(key, jnp.zeros((batch, z_dim)), True))(g_key)
    d = jax.jit(lambda key: discriminator.init(key, jnp.zeros((batch, 8, 8, 1))))(d_key)
    optimizer = optax.adam(config["learning_rate"], b1=config["beta1"])
    g_moments, d_moments = optimizer.init(g["params"]), optimizer.init(d["params"])
    entropy = optax.sigmoid_binary_cross_entropy

    def discriminate(params, d, images):
        logits, updated = discriminator.apply({**d, "params": params}, images, mutable=["batch_stats"])
        return logits, {**d, **updated}

    def generate(params, g, z):
        images, updated = generator.apply({**g, "params": params}, z, True, mutable=["batch_stats"])
        return images, {**g, **updated}

    @jax.jit
    def update_discriminator(d, d_moments, g, real, z):
        def loss(params):
            fake, new_g = generate(g["params"], g, z)
            real_logits, new_d = discriminate(params, d, real)
            fake_logits, new_d = discriminate(params, new_d, fake)
            loss = entropy(real_logits, jnp.ones(batch)) + entropy(fake_logits, jnp.zeros(batch))
            return jnp.mean(loss), (new_d, new_g)

        (_, (d, g)), gradients = jax.value_and_grad(loss, has_aux=True)(d["params"])
        updates, d_moments = optimizer.update(gradients, d_moments)
        return {**d, "params": optax.apply_updates(d["params"], updates)}, d_moments, g

    @jax.jit
    def update_generator(g, g_moments, d, z):
        def loss(params):
            fake, new_g = generate(params, g, z)
            logits, new_d = discriminate(d["params"], d, fake)
            return jnp.mean(entropy(logits, jnp.ones(batch))), (new_g, new_d)

        (_, (g, d)), gradients = jax.value_and_grad(loss, has_aux=True)(g["params"])
        updates, g_moments = optimizer.update(gradients, g_moments)
        return {**g, "params": optax.apply_updates(g["params"], updates)}, g_moments, d

    sample = jax.jit(lambda g, z: generator.apply(g, z, False))
    images = dataset.train.astype(np.float32) / 255.0
    rng = np.random.default_rng(config["seed"])
    steps, interval = config["images"] // batch, config["interval"] // batch
    for step in range(steps):
        z = rng.uniform(-1.0, 1.0, (batch, z_dim)).astype(np.float32)
        real = images[rng.integers(0, len(images), batch)]
        d, d_moments, g = update_discriminator(d, d_moments, g, real, z)
        if step % config["disc_iters"] == 0:
            g, g_moments, d = update_generator(g, g_moments, d, z)
        if (step + 1) % interval == 0:
            key, sample_key = jax.random.split(key)
            fake = sample(g, jax.random.uniform(sample_key, (len(dataset.test), z_dim), minval=-1.0))
            distance = evaluation.metric.compare(
                evaluation.reference, encode_images(evaluation.encoder, np.asarray(fake))
            )
            tune.report({"score": float(distance), "cpu_seconds": time.process_time()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--images", type=int, default=160_000)
    parser.add_argument("--interval", type=int, default=40_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    import ray
    from ray import tune

    ray.init("local", num_cpus=arguments.workers, include_dashboard=False, log_to_driver=False, logging_level="error")
    began = time.perf_counter()
    space = {
        "learning_rate": tune.loguniform(1e-5, 1e-2),
        "beta1": tune.uniform(0.0, 1.0),
        "disc_iters": tune.choice([1, 5]),
        "discriminator_normalization": tune.choice(["batch_norm", "none"]),
        "seed": tune.randint(0, 2**31),
        "images": arguments.images,
        "interval": arguments.interval,
    }
    tuner = tune.Tuner(
        tune.with_resources(train, {"CPU": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(metric="score", mode="min", num_samples=arguments.trials),
        run_config=tune.RunConfig(verbose=0, storage_path=os.path.abspath("ray_results")),
    )
    results = tuner.fit()
    seconds = time.perf_counter() - began
    cpu = [result.metrics["cpu_seconds"] for result in results if "cpu_seconds" in result.metrics]
    print(json.dumps({"trials": len(cpu), "seconds": seconds, "cpu_seconds": cpu}))
    ray.shutdown()


if __name__ == "__main__":
    main()
