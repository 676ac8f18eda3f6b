"""lodecast in Optuna: schedules for any sampler, our pick in the end, and a pruner.

.. code-block:: python

    def objective(trial):
        schedule = suggest_schedule(trial, peaks=(1e-3, 1.0))
        for step, loss in train(schedule, 2000):
            report(trial, step, loss)
        return loss

    study.optimize(objective, n_trials=12)
    pick(study, total_steps=2000).schedule

The pruner stops the trials whose forecast leaves them no chance:

.. code-block:: python

    pruner = ForecastPruner("model.lode", total_steps=2000, schedule=lambda trial: Schedule.cosine(trial.params["lr"]))
    study = optuna.create_study(direction="maximize", pruner=pruner)

In the objective, :func:`report` takes the train loss along, which sharpens the forecast; ``trial.report`` alone works
too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import optuna

import lodecast
from lodecast import Pick, Schedule, Sweep
from lodecast.errors import SettingError, SweepError
from lodecast.search.drawn import drawn_run
from lodecast.search.judge import Finished, Judge

__all__ = ["ForecastPruner", "pick", "report", "suggest_schedule", "sweep"]

_TRAIN_LOSSES = "lodecast:train_losses"
_SCHEDULE = "lodecast:schedule"
#: Train losses kept of a trial: each is written again with every report.
_KEPT = 128

#: What is believed of good shapes, as in the engine: longest warm-up, shortest anneal, lowest and greatest last rate over peak.
_LONGEST_WARMUP = 0.4
_LEAST_ANNEAL = 0.15
_ENDS = (1e-3, 0.1)
#: Rate at which a warm-up begins, as a fraction of the peak.
_FIRST_RATE = 0.01


def suggest_schedule(
    trial: optuna.trial.Trial,
    *,
    peaks: tuple[float, float],
    warmup: float | None = None,
    end: float | None = None,
    name: str = "lr",
) -> Schedule:
    """Suggest a schedule that warms up, holds its peak and anneals, by parameters of the trial, so that any sampler works.

    They are ``lr_peak`` and ``lr_end`` (the last rate over the peak), evenly in their logarithms, ``lr_warmup`` (a fraction of
    the run, up to 0.4) and ``lr_hold`` (how much is held of what the warm-up and an anneal of 15 % of the run leave).

    Args:
        trial: The trial.
        peaks: Lowest and highest peak rate.
        warmup: The one warm-up to use, as a fraction of the run.
        end: The one last rate to use, as a fraction of the peak.
        name: What the parameters' names begin with.

    """
    if not 0.0 < peaks[0] < peaks[1] < math.inf:
        raise SettingError(f"peaks = {peaks}: give a positive lowest peak and a higher highest one")
    if warmup is not None and not 0.0 <= warmup < 1.0:
        raise SettingError(f"warmup = {warmup}: give a fraction of the run, in [0, 1)")
    if end is not None and not 0.0 <= end <= 1.0:
        raise SettingError(f"end = {end}: give a fraction of the peak, in [0, 1]")
    peak = trial.suggest_float(f"{name}_peak", *peaks, log=True)
    if warmup is None:
        warmup = trial.suggest_float(f"{name}_warmup", 0.0, _LONGEST_WARMUP)
    hold = trial.suggest_float(f"{name}_hold", 0.0, 1.0)
    if end is None:
        end = trial.suggest_float(f"{name}_end", *_ENDS, log=True)
    rise = [(0.0, _FIRST_RATE * peak)] if warmup > 0.0 else []
    held = warmup + hold * max(0.0, 1.0 - _LEAST_ANNEAL - warmup)
    schedule = Schedule.piecewise_linear([*rise, (warmup, peak), (held, peak), (1.0, end * peak)])
    trial.set_user_attr(_SCHEDULE, schedule.to_dict())
    return schedule


def sweep(
    study: optuna.study.Study,
    total_steps: int,
    *,
    schedule: Callable[[optuna.trial.FrozenTrial], Schedule] | None = None,
    metric: str = "value",
) -> Sweep:
    """Give the trials of a study as a sweep: the finished ones, and as far as they went the pruned ones.

    Args:
        study: The study, of one objective.
        total_steps: Planned length of a trial, in the steps that it reports.
        schedule: The learning-rate schedule of a trial, where it was not suggested by :func:`suggest_schedule`.
        metric: A name for the objective.

    Raises:
        SweepError: If no trial has ended whose schedule is known.

    """
    try:
        direction = "max" if study.direction == optuna.study.StudyDirection.MAXIMIZE else "min"
    except RuntimeError as error:
        raise SettingError(f"the study has several objectives, a schedule is chosen by one: {error}") from error
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    runs = []
    for trial in study.get_trials(deepcopy=False, states=states):
        if schedule is not None:
            known = schedule(trial)
        elif _SCHEDULE in trial.user_attrs:
            known = Schedule.from_dict(trial.user_attrs[_SCHEDULE])
        else:
            continue
        values = dict(trial.intermediate_values)
        if trial.state == optuna.trial.TrialState.COMPLETE and trial.value is not None:
            values[total_steps] = trial.value
        if values:
            named = {f"{metric}:{direction}": values}
            runs.append(drawn_run(f"trial-{trial.number}", known, total_steps, named, _train_losses(trial)))
    if not runs:
        raise SweepError(
            "no trial has ended whose schedule is known: suggest it with lodecast.optuna.suggest_schedule(trial, ...), or say "
            "which it is with schedule=lambda trial: ..."
        )
    return Sweep(runs)


def pick(
    study: optuna.study.Study,
    total_steps: int,
    *,
    schedule: Callable[[optuna.trial.FrozenTrial], Schedule] | None = None,
    metric: str = "value",
) -> Pick:
    """Pick the schedule for a run of ``total_steps`` from all trials of a study, rather than its luckiest one.

    Arguments are those of :func:`sweep`, the result is that of ``lodecast.pick``. Curves that were reported on the way tell
    much more than final values alone.
    """
    return lodecast.pick(sweep(study, total_steps, schedule=schedule, metric=metric), total_steps=total_steps)


def report(trial: optuna.trial.Trial, step: int, validation: float, *, train_loss: float | None = None) -> None:
    """Call ``trial.report``, and keep the train loss beside it, in a user attribute of the trial.

    Of many losses some are kept, about evenly, so that long trials do not become slow.
    """
    if train_loss is not None:
        losses = [*trial.user_attrs.get(_TRAIN_LOSSES, []), [step, float(train_loss)]]
        if len(losses) > _KEPT:
            del losses[min(range(1, len(losses) - 1), key=lambda at: losses[at + 1][0] - losses[at - 1][0])]
        trial.set_user_attr(_TRAIN_LOSSES, losses)
    trial.report(validation, step)


def _train_losses(trial: optuna.trial.FrozenTrial) -> dict[int, float]:
    """Give the train losses that are kept of a trial, by step."""
    return {int(step): loss for step, loss in trial.user_attrs.get(_TRAIN_LOSSES, [])}


class ForecastPruner(optuna.pruners.BasePruner):  # type: ignore[misc, unused-ignore]
    """Prunes a trial once its final metric will hardly beat the study's best.

    Args:
        model: A lodecast model of such trainings, or the path of one.
        total_steps: Planned length of a trial, in the steps that it reports.
        schedule: The learning-rate schedule of a trial. All but the paper's model need it.
        confidence: How sure to be that the trial does not become the best: 0.95 stops it at a chance below 5 %.
        grace: Fraction of a trial's length before which it is never stopped.

    """

    def __init__(
        self,
        model: Any,
        *,
        total_steps: int,
        schedule: Callable[[optuna.trial.FrozenTrial], Schedule] | None = None,
        confidence: float = 0.95,
        grace: float = 0.1,
    ) -> None:
        self._judge = Judge(model, total_steps, confidence, grace, schedule is not None)
        self._schedule = schedule

    def prune(self, study: optuna.study.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Say whether the trial is hopeless."""
        values = trial.intermediate_values
        if not values:
            return False
        if math.isnan(values[max(values)]):
            return True
        schedule = self._judge.schedule(self._schedule, trial)
        complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        finished = [
            Finished(other.number, _points(other), self._judge.schedule(self._schedule, other), other.value)
            for other in complete
            if other.value is not None and math.isfinite(other.value)
        ]
        if not finished:
            return False
        maximize = study.direction == optuna.study.StudyDirection.MAXIMIZE
        finals = [other.final for other in finished]
        best, direction = (max(finals), "max") if maximize else (min(finals), "min")
        return self._judge.is_hopeless(_points(trial), schedule, best, direction, finished)


def _points(trial: optuna.trial.FrozenTrial) -> list[dict[str, Any]]:
    """Give what a trial has reported, in the order of its steps."""
    values, losses = trial.intermediate_values, _train_losses(trial)
    return [{"step": step, "validation": values[step], "train_loss": losses.get(step)} for step in sorted(values)]
