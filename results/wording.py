"""Numbers, amounts and lists as the words of a sentence or of a table's cell."""

from collections.abc import Sequence


def rounded(value: float) -> str:
    """Returns four significant digits, thousands separated: 12.34, 0.1234, 12,345."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def setting(value) -> str:
    """Returns a setting's value in the fewest digits that read back as the same number."""
    short = f"{value:.4g}" if isinstance(value, float) else ""
    return short if short and float(short) == value else str(value)


def count(amount: int, noun: str) -> str:
    """Returns an amount with its noun: 1 seed, 2 seeds."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def join(names: Sequence[str], last: str = "and") -> str:
    """Returns a list as words: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def duration(seconds: float) -> str:
    """Returns seconds in words: 42 s, 3 min 10 s, 2 h 5 min, 3 d 4 h."""
    seconds = round(seconds)
    for unit, name, smaller, smaller_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= unit:
            return f"{seconds // unit} {name} {seconds % unit // smaller} {smaller_name}"
    return f"{seconds} s"
