"""FAMILIES: the ways to train a generative model, by name."""

from ganscape.models import began, completion, gan, vae

FAMILIES = {"began": began.FAMILY, "completion": completion.FAMILY, "gan": gan.FAMILY, "vae": vae.FAMILY}
