"""Where runs are: a path or an address, or a pattern that stands for several paths."""

from __future__ import annotations

import glob
import os

from lodecast.errors import ArgumentError, FileError

#: What makes a sweep of a table, by the package or the type of the table.
_MADE_OF = {
    "pandas": "lodecast.Sweep.from_pandas(table, metrics='NAME:max')",
    "polars": "lodecast.Sweep.from_polars(table, metrics='NAME:max')",
    "pyarrow": "lodecast.Sweep.from_arrow(table, metrics='NAME:max')",
    "dict": "lodecast.Sweep.from_numpy(columns, metrics='NAME:max')",
}
_ROWS = "; make a sweep of it with {}, one metric point a row"
#: What is done with several, of whatever they are.
_SEVERAL = "; lodecast.import_runs(*places) reads several places, and lodecast.Sweep(runs) is of lodecast.Run"


def check(source: object) -> None:
    """Check that it is a place.

    Raises:
        ArgumentError: If it is something else.

    """
    if isinstance(source, (str, os.PathLike)):
        return
    kind = type(source).__name__
    made = _MADE_OF.get(type(source).__module__.partition(".")[0]) or _MADE_OF.get(kind)
    advice = _SEVERAL if isinstance(source, (list, tuple)) else "" if made is None else _ROWS.format(made)
    raise ArgumentError(f"runs are needed: a lodecast.Sweep, or the path of what was recorded, not {kind}{advice}")


def expand(source: str | os.PathLike[str]) -> list[str]:
    """Give the paths that a pattern stands for, in order; what is no pattern, or is there by its name, is one place.

    Raises:
        ArgumentError: If it is no place.
        FileError: If nothing is as the pattern says.

    """
    check(source)
    place = os.fspath(source)
    if not glob.has_magic(place) or "://" in place or os.path.exists(place):
        return [place]
    found = sorted(glob.glob(place))
    if not found:
        raise FileError(f"{place}: no file is called like that")
    return found
