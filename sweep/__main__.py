"""`python -m sweep` and the console script `ganscape`."""


def main() -> None:
    """The command line; see `sweep.cli`."""
    from sweep.cli import app

    app(prog_name="ganscape")


if __name__ == "__main__":
    main()
