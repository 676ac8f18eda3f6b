"""`lodecast.fit`: a model from runs, with its progress shown and nothing dropped silently."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, overload

from lodecast import _engine
from lodecast.errors import SettingError
from lodecast.io.left_out import warn_of_doubts, warn_of_left_out
from lodecast.io.runs import read_runs
from lodecast.live.decisions import log
from lodecast.view.progress import Bar

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lodecast._settings import FitSettings

#: Called with iteration, iterations, loss, and the loss on what was held out.
Progress = Callable[[int, int, float, "float | None"], object]
#: A sweep, or where runs are.
Runs = _engine.Sweep | str | os.PathLike[str]


@overload
def fit(
    sweep: Runs, kind: Literal["law"], *, progress: bool | Progress = True, **settings: Unpack[FitSettings]
) -> _engine.LawModel: ...


@overload
def fit(
    sweep: Runs,
    kind: Literal["controlled"],
    *,
    progress: bool | Progress = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    start_from: _engine.Model | str | os.PathLike[str] | None = None,
    **settings: Unpack[FitSettings],
) -> _engine.ControlledLatentOde: ...


@overload
def fit(
    sweep: Runs,
    kind: Literal["paper"],
    *,
    progress: bool | Progress = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    start_from: _engine.Model | str | os.PathLike[str] | None = None,
    **settings: Unpack[FitSettings],
) -> _engine.PaperLatentOde: ...


@overload
def fit(
    sweep: Runs,
    kind: str | None = None,
    *,
    progress: bool | Progress = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    start_from: _engine.Model | str | os.PathLike[str] | None = None,
    **settings: Unpack[FitSettings],
) -> _engine.Model: ...


def fit(
    sweep: Runs,
    kind: str | None = None,
    *,
    progress: bool | Progress = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    start_from: _engine.Model | str | os.PathLike[str] | None = None,
    **settings: Unpack[FitSettings],
) -> _engine.Model:
    """Fit a model to a sweep, or to runs read from a path as `lodecast.plan` reads them.

    `kind` is `law` (a handful of parameters, for few runs; there at once), `controlled` (a network that the learning rate
    drives) or `paper` (the paper's). Without it, of law and controlled the one is taken whose forecasts of runs that it has
    not seen are better, as `model.fit_summary["choice"]` says; with fewer than 16 configurations that is the law, and a
    setting that only one form has names that form. `progress` shows a bar if tqdm is installed; give a function of
    (iteration, iterations, loss, held-out loss) for your own. Ctrl-C ends the fit within a second, and with `checkpoint` a
    later call with `resume=True` goes on to the same result; a law is there before there is either. Settings by name:
    `metric` and `seed` of all; `members`, `iterations`, `batch_size`, `peak_lr`, `alpha`, `window`, `tolerance`, `patience`
    of the networks; `start`, `ideal`, `objective`, `warmup` of the law.

    `start_from` is the model of an earlier state of the same search, or its file: its networks learn what is new in a third of
    the steps, and go on being measured on what they have not seen.

    The same sweep, settings and seed give the same model, bit for bit, on any number of threads.
    """
    metric = settings.get("metric")
    if kind == "law" and (checkpoint is not None or resume):
        raise SettingError("a law, fitted anew in less than a second, keeps no checkpoint: leave checkpoint and resume out")
    if not isinstance(sweep, _engine.Sweep):
        sweep = read_runs(sweep, metric=metric)
    if metric is not None and metric in sweep.metrics:
        settings["metric"] = metric.rpartition(":")[0]
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
            start_from=start_from,
            **settings,
        )
    if isinstance(model, _engine.LawModel) and checkpoint is not None and not os.path.exists(checkpoint):
        # Of several forms the choice may be known before a network is begun.
        log.warning("the law was taken, which keeps no checkpoint: there is nothing in %s to go on from", os.fspath(checkpoint))
    summary = model.fit_summary or {}
    warn_of_left_out(summary["left_out"], "model.fit_summary")
    warn_of_doubts(summary["doubts"])
    return model
