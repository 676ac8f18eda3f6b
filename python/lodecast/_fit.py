"""`lodecast.fit`: a model from a sweep, with its progress shown and nothing dropped silently."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

from lodecast import _engine
from lodecast.errors import LodecastWarning

#: Called with iteration, iterations, loss, and the loss on what was held out.
Progress = Callable[[int, int, float, "float | None"], object]

_NAMED = 5


def fit(
    sweep: _engine.Sweep,
    kind: str = "controlled",
    *,
    progress: bool | Progress = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **settings: Any,
) -> _engine.Model:
    """Fit a model to a sweep.

    `kind` is `controlled` (the learning rate drives the model) or `latent-ode` (the paper's). `progress` shows a bar if tqdm
    is installed; give a function of (iteration, iterations, loss, held-out loss) for your own. Ctrl-C ends the fit within a
    second, and with `checkpoint` a later call with `resume=True` goes on to the same result. Settings by name: `metric`,
    `members`, `iterations`, `batch_size`, `peak_lr`, `alpha`, `window`, `tolerance`, `seed`, `patience`.

    The same sweep, settings and seed give the same model, bit for bit, on any number of threads.
    """
    with _Bar() as bar:
        shown = bar if progress is True else progress or None
        model = _engine.fit(
            sweep,
            kind,
            progress=shown,
            checkpoint=None if checkpoint is None else os.fspath(checkpoint),
            resume=resume,
            **settings,
        )
    left_out = (model.fit_summary or {})["left_out"]
    for run in left_out[:_NAMED]:
        warnings.warn(f"run '{run['run']}' was left out: {run['reason']}", LodecastWarning, stacklevel=2)
    if len(left_out) > _NAMED:
        more = len(left_out) - _NAMED
        warnings.warn(f"{more} more runs were left out; model.fit_summary names them", LodecastWarning, stacklevel=2)
    return model


class _Bar:
    """A progress bar, if tqdm is there."""

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = None
        self._make = tqdm
        self._bar: Any = None

    def __enter__(self) -> Progress | None:
        return self if self._make is not None else None

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, iteration: int, iterations: int, loss: float, held_out: float | None) -> None:
        if self._bar is None:
            self._bar = self._make(total=iterations, desc="lodecast fit", unit="it", leave=False)
        self._bar.update(iteration - self._bar.n)
        shown = {"loss": f"{loss:.3g}"} | ({} if held_out is None else {"held_out": f"{held_out:.3g}"})
        self._bar.set_postfix(shown)
