"""`lodecast.fit`: a model from a sweep, with its progress shown and nothing dropped silently."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lodecast import _engine
from lodecast.io.left_out import warn_of_left_out
from lodecast.view.progress import Bar

#: Called with iteration, iterations, loss, and the loss on what was held out.
Progress = Callable[[int, int, float, "float | None"], object]


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

    `kind` is `controlled` (the learning rate drives the model) or `paper` (the paper's). `progress` shows a bar if tqdm
    is installed; give a function of (iteration, iterations, loss, held-out loss) for your own. Ctrl-C ends the fit within a
    second, and with `checkpoint` a later call with `resume=True` goes on to the same result. Settings by name: `metric`,
    `members`, `iterations`, `batch_size`, `peak_lr`, `alpha`, `window`, `tolerance`, `seed`, `patience`.

    The same sweep, settings and seed give the same model, bit for bit, on any number of threads.
    """
    with Bar("lodecast fit", "it") as bar:

        def show(iteration: int, iterations: int, loss: float, held_out: float | None) -> None:
            shown = {"loss": f"{loss:.3g}"} | ({} if held_out is None else {"held_out": f"{held_out:.3g}"})
            bar.at(iteration, iterations, **shown)

        shown = show if progress is True else progress or None
        model = _engine.fit(
            sweep,
            kind,
            progress=shown,
            checkpoint=None if checkpoint is None else os.fspath(checkpoint),
            resume=resume,
            **settings,
        )
    warn_of_left_out((model.fit_summary or {})["left_out"], "model.fit_summary", stacklevel=3)
    return model
