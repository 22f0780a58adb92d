"""Tables as people read them: columns under each other, numbers to the right."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,), right_margin: int = 0) -> str:
    """Return rows as a table; the first is the head.

    Args:
        rows: Cells; every row has as many.
        left: Columns that begin under each other; all others end under each other.
        right_margin: Least width of every column but the first.

    Example:
        >>> print(table([["fruit", "number"], ["apple", "7"], ["fig", "12"]]))
        fruit  number
        apple       7
        fig        12
    """
    columns = list(zip(*rows, strict=True))
    widths = [max(right_margin * (at > 0), *map(len, column)) for at, column in enumerate(columns)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
