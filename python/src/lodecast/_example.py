"""`lodecast.example_sweep` and `lodecast.example_model`: something small to play with, shipped with the package."""

from __future__ import annotations

from importlib.resources import as_file, files

from lodecast import _engine

_FOLDER = files("lodecast") / "example"


def example_sweep() -> _engine.Sweep:
    """Read a small sweep: a network of one hidden layer learns sin(3x), 24 runs of 200 steps under cosine and constant rates.

    >>> import lodecast
    >>> lodecast.example_sweep()
    <lodecast.Sweep: 24 runs of 12 configurations, val_loss:min>
    """
    with as_file(_FOLDER / "sweep.parquet") as path:
        return _engine.Sweep.read(path)


def example_model() -> _engine.Model:
    """Read a small model that was fitted to the example sweep.

    >>> import lodecast
    >>> lodecast.example_model().metric
    'val_loss:min'
    """
    with as_file(_FOLDER / "model.lode") as path:
        return _engine.load(path)
