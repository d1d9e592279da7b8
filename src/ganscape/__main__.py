"""`python -m ganscape` and the console script `ganscape`."""

import sys

from ganscape import environment, interruption


def main() -> None:
    """Runs the command line; see `ganscape.sweep.commands.cli`."""
    interruption.listen()
    if older := _older_installation():
        sys.exit(
            f"an older Ganscape, of several top-level packages, is installed in {older}; run: pip uninstall ganscape"
        )
    if names := environment.clean():
        sys.stderr.write(f"note: not used, because scores would depend on it: {', '.join(sorted(names))}\n")
    try:
        from ganscape.sweep.commands.cli import app
        from ganscape.sweep.log import show_warnings_as_lines

        show_warnings_as_lines()
        app(prog_name="ganscape")
    except KeyboardInterrupt:  # while modules were imported
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _older_installation() -> str | None:
    """Returns the folder of an installation whose packages were `data`, `models` ...; None without one."""
    from importlib.metadata import distributions

    for distribution in distributions(name="ganscape"):
        if "sweep" in (distribution.read_text("top_level.txt") or "").split():
            return str(distribution.locate_file(""))
    return None


if __name__ == "__main__":
    main()
