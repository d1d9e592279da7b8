"""FAMILIES: the ways to train a generative model, by name."""

from ganscape.models import began, gan, vae

FAMILIES = {"began": began.FAMILY, "gan": gan.FAMILY, "vae": vae.FAMILY}
