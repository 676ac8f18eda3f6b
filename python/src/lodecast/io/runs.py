"""Runs from wherever they are: a sweep file or a folder of them, or what a tracker left."""

from __future__ import annotations

import os

from lodecast import _engine
from lodecast.errors import ArgumentError, FileError, SweepError
from lodecast.io.importing import import_runs

#: What makes a sweep of a table, by the package or the type of the table.
_MADE_OF = {
    "pandas": "lodecast.Sweep.from_pandas(table, metrics='NAME:max')",
    "polars": "lodecast.Sweep.from_polars(table, metrics='NAME:max')",
    "pyarrow": "lodecast.Sweep.from_arrow(table, metrics='NAME:max')",
    "dict": "lodecast.Sweep.from_numpy(columns, metrics='NAME:max')",
    "list": "lodecast.Sweep(runs) if it is of lodecast.Run",
}


def read_runs(
    source: str | os.PathLike[str],
    *,
    metric: str | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
) -> _engine.Sweep:
    """Read a sweep file or a folder of them, or else import what a tracker left.

    `metric` is a validation metric, with its direction (`name:max`, `name:min`) where the source does not tell it.

    Raises:
        SweepError: If it is neither.
        FileError: If there is nothing.

    """
    if not isinstance(source, (str, os.PathLike)):
        kind = type(source).__name__
        made = _MADE_OF.get(type(source).__module__.partition(".")[0]) or _MADE_OF.get(kind)
        advice = "" if made is None else f"; make a sweep of it with {made}, one metric point a row"
        raise ArgumentError(f"runs are needed: a lodecast.Sweep, or the path of what was recorded, not {kind}{advice}")
    directed = metric if metric is not None and metric.endswith((":max", ":min")) else None
    try:
        return _engine.Sweep.read(source, metrics=directed, train_loss=train_loss, learning_rate=learning_rate)
    except (SweepError, FileError) as error:
        no_sweep = error
    try:
        return import_runs(source, metrics=metric, train_loss=train_loss, learning_rate=learning_rate)
    except SweepError as error:
        raise SweepError(
            f"{os.fspath(source)}: neither a sweep ({no_sweep}) nor a tracker's ({error}); name the metric with "
            "metric='name:max' or ':min', or import the runs first, with the options of lodecast.import_runs"
        ) from error
