"""FAMILIES: every way of training, a Family by name."""

from ganscape.models import began, gan, vae

FAMILIES = {"began": began.FAMILY, "gan": gan.FAMILY, "vae": vae.FAMILY}
