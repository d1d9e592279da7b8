"""What was found: the store, frames, budget curves, plots, the report. Imports neither jax nor ray."""
