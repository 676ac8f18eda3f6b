"""When a trial of a search can be stopped: its forecast says that it will hardly beat the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lodecast import Run, load
from lodecast.errors import SettingError

if TYPE_CHECKING:
    from lodecast import Model, Schedule


def chance_to_beat(mean: float, low: float, high: float, best: float, direction: str) -> float:
    """Estimate from its forecast the probability that a final metric beats ``best``.

    A forecast is the mean, and one standard deviation to each side. The two deviations may differ; the one towards
    ``best`` counts, as of a normal distribution.
    """
    if not all(map(math.isfinite, (mean, low, high))):
        return 1.0
    ahead = mean - best if direction == "max" else best - mean
    deviation = high - mean if best > mean else mean - low
    if deviation <= 0.0:
        return 1.0 if ahead > 0.0 else 0.0
    return 0.5 * (1.0 + math.erf(ahead / deviation / math.sqrt(2.0)))


class Judge:
    """Says for each trial whether it is hopeless.

    Args:
        model: A lodecast model, or the path of one, which is then loaded when first needed and not pickled.
        total_steps: Planned length of a trial, in the steps that it reports.
        confidence: A trial is hopeless if it fails to beat the best so far with at least this probability.
        grace: Fraction of a trial's length before which it is never stopped.
        scheduled: Is the schedule of a trial known? Some models need it.

    """

    def __init__(self, model: Any, total_steps: int, confidence: float, grace: float, scheduled: bool = True) -> None:
        if not 0.5 <= confidence < 1.0:
            raise SettingError(f"confidence = {confidence}: give a probability of at least 0.5 and less than 1")
        if not 0.0 <= grace < 1.0:
            raise SettingError(f"grace = {grace}: give a fraction of the run in [0, 1)")
        if total_steps < 1:
            raise SettingError(f"total_steps = {total_steps}: give at least 1")
        self.total_steps = total_steps
        self.confidence = confidence
        self.grace = grace
        self._source = model
        self._model: Model | None = None
        if not scheduled and getattr(self.model, "kind", None) == "controlled":
            raise SettingError("this model forecasts a trial under its schedule: say which, with schedule=...")

    @property
    def model(self) -> Model:
        """The model."""
        if self._model is None:
            loaded: Model = load(self._source) if _is_path(self._source) else self._source
            self._model = loaded
        return self._model

    def chance(self, points: Iterable[dict[str, Any]], schedule: Schedule | None, best: float, direction: str) -> float:
        """Estimate the probability that a trial's final metric beats the best one so far.

        Args:
            points: What was measured: ``step``, and ``train_loss``, ``learning_rate`` and ``validation`` where known.
            schedule: The trial's own schedule.
            best: The best final metric so far.
            direction: ``max`` or ``min``.

        Raises:
            SettingError: If the model's metric has another direction.

        """
        observed = [point for point in points if 0 <= point["step"] < self.total_steps]
        if not observed or observed[-1]["step"] < self.grace * self.total_steps:
            return 1.0
        model = self.model
        if not model.metric.endswith(f":{direction}"):
            raise SettingError(f"the model forecasts {model.metric}, but the search wants the {direction} of its metric")
        run = Run(
            "trial",
            [point["step"] for point in observed],
            train_loss=[point.get("train_loss") for point in observed],
            learning_rate=[point.get("learning_rate") for point in observed],
            validation={model.metric: [point.get("validation") for point in observed]},
            total_steps=self.total_steps,
        )
        final = model.forecast(run, schedule=schedule).final_validation
        return chance_to_beat(final.mean, final.low, final.high, best, direction)

    def schedule(self, of: Callable[[Any], Schedule] | None, trial: Any) -> Schedule | None:
        """Give the schedule of a trial.

        Raises:
            SettingError: If the function that makes it fails.

        """
        if of is None:
            return None
        try:
            return of(trial)
        except Exception as error:
            raise SettingError(f"schedule=... fails for this trial: {type(error).__name__}: {error}") from error

    def is_hopeless(self, points: Iterable[dict[str, Any]], schedule: Schedule | None, best: float, direction: str) -> bool:
        """Say whether that probability is too small."""
        return self.chance(points, schedule, best, direction) < 1.0 - self.confidence

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if _is_path(self._source):
            state["_model"] = None
        return state


def _is_path(source: Any) -> bool:
    return isinstance(source, str) or hasattr(source, "__fspath__")
