"""The families: every Method by name."""

from models import began, gan, vae

METHODS = {"began": began.METHOD, "gan": gan.METHOD, "vae": vae.METHOD}
