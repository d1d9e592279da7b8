"""The command line, and all that imports typer or rich."""
