"""lodecast in Optuna: a pruner that stops the trials whose forecast leaves them no chance.

.. code-block:: python

    pruner = ForecastPruner("model.lode", total_steps=2000, schedule=lambda trial: Schedule.cosine(trial.params["lr"]))
    study = optuna.create_study(direction="maximize", pruner=pruner)

In the objective, :func:`report` takes the train loss along, which sharpens the forecast; ``trial.report`` alone works
too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import optuna

from lodecast.search.judge import Judge

if TYPE_CHECKING:
    from lodecast import Schedule

__all__ = ["ForecastPruner", "report"]

_TRAIN_LOSS = "lodecast:train_loss:"


def report(trial: optuna.trial.Trial, step: int, validation: float, *, train_loss: float | None = None) -> None:
    """Call ``trial.report``, and keep the train loss beside it as a user attribute of the trial."""
    if train_loss is not None:
        trial.set_user_attr(f"{_TRAIN_LOSS}{step}", float(train_loss))
    trial.report(validation, step)


class ForecastPruner(optuna.pruners.BasePruner):  # type: ignore[misc, unused-ignore]
    """Prunes a trial once its final metric will hardly beat the study's best.

    Args:
        model: A lodecast model of such trainings, or the path of one.
        total_steps: Planned length of a trial, in the steps that it reports.
        schedule: The learning-rate schedule of a trial. The controlled model needs it, the paper's does without.
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
        finals = [trial.value for trial in complete if trial.value is not None and math.isfinite(trial.value)]
        if not finals:
            return False
        maximize = study.direction == optuna.study.StudyDirection.MAXIMIZE
        best = max(finals) if maximize else min(finals)
        points = [
            {"step": step, "validation": values[step], "train_loss": trial.user_attrs.get(f"{_TRAIN_LOSS}{step}")}
            for step in sorted(values)
        ]
        return self._judge.is_hopeless(points, schedule, best, "max" if maximize else "min")
