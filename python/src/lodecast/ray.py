"""lodecast in Ray Tune: a search algorithm that asks a tuner, and a trial scheduler that stops hopeless trials.

.. code-block:: python

    tuner = lodecast.Tuner(path="study.json", metric="val_loss:min", total_steps=2000, learning_rate=0.003)
    tune.Tuner(training, tune_config=tune.TuneConfig(search_alg=ScheduleSearch(tuner, time_attr="step"), num_samples=12)).fit()
    tuner.recommend()

.. code-block:: python

    scheduler = ForecastScheduler("model.lode", total_steps=2000, schedule=lambda config: Schedule.cosine(config["lr"]))
    tune.Tuner(..., tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", scheduler=scheduler))
"""

from __future__ import annotations

import contextlib
import math
import pickle
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from lodecast.errors import Error, LodecastWarning, SettingError
from lodecast.search.judge import Finished, Judge

if TYPE_CHECKING:
    from lodecast import Schedule, Tuner

__all__ = ["ForecastScheduler", "ScheduleSearch"]


class ScheduleSearch(Searcher):  # type: ignore[misc, unused-ignore]
    """Asks a tuner for trials and tells it what they reported.

    The configuration of a trial has ``schedule`` (for ``Schedule.from_dict``), ``total_steps``, ``seed``, ``trial`` (its name
    in the study) and the settings that are tuned beside the rate, by their names. Metric and mode are the tuner's.

    Args:
        tuner: The tuner; with a file of its own it outlives the search.
        time_attr: Name of the optimizer step in the reported results.
        train_loss: Name of the train loss in the reported results, where it is reported.
        learning_rate: Name of the learning rate in the reported results, where it is reported.

    """

    def __init__(
        self,
        tuner: Tuner,
        *,
        time_attr: str = "training_iteration",
        train_loss: str = "train_loss",
        learning_rate: str = "learning_rate",
    ) -> None:
        name, _, mode = tuner.metric.rpartition(":")
        super().__init__(metric=name, mode=mode)  # type: ignore[no-untyped-call, unused-ignore]
        self.tuner = tuner
        self._columns = {"step": time_attr, "validation": name, "train_loss": train_loss, "learning_rate": learning_rate}
        self._names: dict[str, str] = {}
        self._points: dict[str, list[dict[str, Any]]] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Check that nothing else is to be searched."""
        if config:
            raise SettingError(f"the tuner says what is tried: give {', '.join(config)} as settings of the tuner")
        if metric not in (None, self.metric) or mode not in (None, self.mode):
            raise SettingError(
                f"the tuner's metric is {self.tuner.metric}, the TuneConfig's {metric}:{mode}: leave it out there"
            )
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override, unused-ignore]
        """Ask for a trial."""
        trial = self.tuner.ask()
        if trial is None:
            return str(Searcher.FINISHED)
        self._names[trial_id] = trial.name
        return {
            **trial.settings,
            "schedule": trial.schedule.to_dict(),
            "total_steps": trial.total_steps,
            "seed": trial.seed,
            "trial": trial.name,
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Keep a point."""
        point = {name: result.get(column) for name, column in self._columns.items()}
        if point["step"] is None or point["validation"] is None:
            return
        points = self._points.setdefault(trial_id, [])
        # A trial that went on from a checkpoint reports some steps again.
        while points and points[-1]["step"] >= point["step"]:
            points.pop()
        points.append(point)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell what was reported, or that it failed. What the tuner refuses counts as failed, and the search goes on."""
        name = self._names.pop(trial_id, None)
        if result and not error:
            self.on_trial_result(trial_id, result)
        points = self._points.pop(trial_id, [])
        if name is None:
            return
        try:
            if error:
                self.tuner.fail(name, "the trial failed in Ray Tune")
            else:
                self.tuner.tell(name, points)
        except Error as refused:
            warnings.warn(str(refused), LodecastWarning, stacklevel=2)
            with contextlib.suppress(Error):
                self.tuner.fail(name, str(refused))

    def save(self, checkpoint_path: str) -> None:
        """Save what was asked for and reported."""
        with open(checkpoint_path, "wb") as file:
            pickle.dump((self.tuner, self._names, self._points), file)

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what was saved."""
        with open(checkpoint_path, "rb") as file:
            self.tuner, self._names, self._points = pickle.load(file)


class ForecastScheduler(FIFOScheduler):  # type: ignore[misc, unused-ignore]
    """Stops a trial once its final metric will hardly beat the best of the finished trials.

    Args:
        model: Path of a lodecast model of such trainings. A model itself also works where nothing is checkpointed.
        total_steps: Planned length of a trial, in units of ``time_attr``.
        schedule: The learning-rate schedule of a trial, from its configuration. All but the paper's model need
            it.
        confidence: How sure to be that the trial does not become the best: 0.95 stops it at a chance below 5 %.
        grace: Fraction of a trial's length before which it is never stopped.
        time_attr: Name of the step in the reported results.
        metric: Name of the validation metric; by default that of the ``TuneConfig``.
        mode: ``max`` or ``min``; by default that of the ``TuneConfig``.
        train_loss: Name of the train loss in the reported results, where it is reported.
        learning_rate: Name of the learning rate in the reported results, where it is reported.

    """

    def __init__(
        self,
        model: Any,
        *,
        total_steps: int,
        schedule: Callable[[dict[str, Any]], Schedule] | None = None,
        confidence: float = 0.95,
        grace: float = 0.1,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: str | None = None,
        train_loss: str = "train_loss",
        learning_rate: str = "learning_rate",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        if mode not in (None, "max", "min"):
            raise SettingError(f"mode = {mode!r}: give 'max' or 'min'")
        self._judge = Judge(model, total_steps, confidence, grace, schedule is not None)
        self._schedule = schedule
        self._time_attr = time_attr
        self._metric = metric
        self._mode = mode
        self._columns = {"train_loss": train_loss, "learning_rate": learning_rate}
        self._points: dict[str, list[dict[str, Any]]] = {}
        self._best: float | None = None
        self._finished: list[Finished] = []
        self._stopped: set[str] = set()

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Take metric and mode of the ``TuneConfig``."""
        if (self._metric and metric) or (self._mode and mode):
            return False
        self._metric = self._metric or metric
        self._mode = self._mode or mode
        return True

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Check that metric and mode are known."""
        if not (self._metric and self._mode):
            raise SettingError("ForecastScheduler has no metric and mode: give them to it or to the TuneConfig")

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Take in a point and decides."""
        value, step = result.get(self._metric or ""), result.get(self._time_attr)
        if value is None or step is None:
            return str(TrialScheduler.CONTINUE)
        if not math.isfinite(value):
            return self._stop(trial)
        points = self._points.setdefault(trial.trial_id, [])
        # A trial that went on from a checkpoint reports some steps again.
        while points and points[-1]["step"] >= step:
            points.pop()
        known = {name: result.get(column) for name, column in self._columns.items()}
        points.append({"step": int(step), "validation": float(value), **known})
        schedule = self._judge.schedule(self._schedule, trial.config)
        if self._best is None or step >= self._judge.total_steps:
            return str(TrialScheduler.CONTINUE)
        hopeless = self._judge.is_hopeless(points, schedule, self._best, self._mode or "max", self._finished)
        return self._stop(trial) if hopeless else str(TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Remember the best final metric, and what came of the forecasts."""
        points = self._points.pop(trial.trial_id, [])
        value = result.get(self._metric or "")
        if trial.trial_id in self._stopped or value is None or not math.isfinite(value):
            return
        better = self._best is None or (value > self._best if self._mode == "max" else value < self._best)
        if better:
            self._best = float(value)
        schedule = self._judge.schedule(self._schedule, trial.config)
        self._finished.append(Finished(trial.trial_id, points, schedule, float(value)))

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Forget the trial."""
        self._points.pop(trial.trial_id, None)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Forget the trial."""
        self._points.pop(trial.trial_id, None)

    def debug_string(self) -> str:
        """Sum up for Tune's status."""
        return f"lodecast forecasts: {len(self._stopped)} trials stopped, best {self._metric} so far {self._best}"

    def save(self, checkpoint_path: str) -> None:
        """Save what was seen. Tune keeps its own state the same way."""
        with open(checkpoint_path, "wb") as file:
            pickle.dump((self._points, self._best, self._finished, self._stopped), file)

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what was saved."""
        with open(checkpoint_path, "rb") as file:
            self._points, self._best, self._finished, self._stopped = pickle.load(file)

    def _stop(self, trial: Any) -> str:
        self._stopped.add(trial.trial_id)
        return str(TrialScheduler.STOP)
