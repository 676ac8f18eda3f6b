"""Runs from wherever they are: a sweep file or a folder of them, or what a tracker left."""

from __future__ import annotations

import os

from lodecast import _engine
from lodecast.errors import FileError, SweepError
from lodecast.io import places
from lodecast.io.importing import import_runs


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
        ArgumentError: If it is no place.
        SweepError: If there is neither.
        FileError: If there is nothing.

    """
    places.check(source)
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
