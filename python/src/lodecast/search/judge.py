"""When a trial of a search can be stopped: its forecast says that it will hardly beat the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lodecast import Run, load
from lodecast.errors import SettingError

if TYPE_CHECKING:
    from lodecast import Interval, Model, Schedule


#: Finished trials, the latest, by which forecasts are judged.
_JUDGED_BY = 16


@dataclass(frozen=True)
class Finished:
    """A trial that has finished: what was measured, its own schedule, and its final metric."""

    #: Tells it from the others of its search.
    name: Hashable
    points: Sequence[dict[str, Any]]
    schedule: Schedule | None
    final: float


def chance_to_beat(mean: float, low: float, high: float, best: float, direction: str, *, error: float = 0.0) -> float:
    """Estimate from its forecast the probability that a final metric beats ``best``.

    A forecast is the mean, and one standard deviation to each side. The two deviations may differ; the one towards
    ``best`` counts, as of a normal distribution, or the ``error`` that such forecasts were seen to have if that is larger.
    """
    if not all(map(math.isfinite, (mean, low, high))):
        return 1.0
    ahead = mean - best if direction == "max" else best - mean
    deviation = max(high - mean if best > mean else mean - low, error)
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
        self._errors: dict[tuple[Hashable, int], float] = {}
        if not scheduled and getattr(self.model, "kind", "paper") != "paper":
            raise SettingError("this model forecasts a trial under its schedule: say which, with schedule=...")

    @property
    def model(self) -> Model:
        """The model."""
        if self._model is None:
            loaded: Model = load(self._source) if _is_path(self._source) else self._source
            self._model = loaded
        return self._model

    def chance(
        self,
        points: Iterable[dict[str, Any]],
        schedule: Schedule | None,
        best: float,
        direction: str,
        finished: Sequence[Finished] = (),
    ) -> float:
        """Estimate the probability that a trial's final metric beats the best one so far.

        Args:
            points: What was measured: ``step``, and ``train_loss``, ``learning_rate`` and ``validation`` where known.
            schedule: The trial's own schedule.
            best: The best final metric so far.
            direction: ``max`` or ``min``.
            finished: Trials that have finished. By as much as they missed their forecasts at this step, this one may.

        Raises:
            SettingError: If the model's metric has another direction.

        """
        observed = [point for point in points if 0 <= point["step"] < self.total_steps]
        if not observed or observed[-1]["step"] < self.grace * self.total_steps:
            return 1.0
        if not self.model.metric.endswith(f":{direction}"):
            raise SettingError(f"the model forecasts {self.model.metric}, but the search wants the {direction} of its metric")
        final = self._forecast(observed, schedule)
        error = self._error(observed[-1]["step"], finished[-_JUDGED_BY:])
        return chance_to_beat(final.mean, final.low, final.high, best, direction, error=error)

    def _forecast(self, observed: list[dict[str, Any]], schedule: Schedule | None) -> Interval:
        def rate(point: dict[str, Any]) -> float | None:
            reported = point.get("learning_rate")
            return schedule.at_step(point["step"], self.total_steps) if reported is None and schedule is not None else reported

        run = Run(
            "trial",
            [point["step"] for point in observed],
            train_loss=[point.get("train_loss") for point in observed],
            learning_rate=[rate(point) for point in observed],
            validation={self.model.metric: [point.get("validation") for point in observed]},
            total_steps=self.total_steps,
        )
        return self.model.forecast(run, schedule=schedule).final_validation

    def _error(self, step: int, finished: Sequence[Finished]) -> float:
        """Give by how much forecasts of the finished trials were off at this step: the root of their mean square."""
        squares = []
        for trial in finished:
            known = (trial.name, step)
            if known not in self._errors:
                observed = [point for point in trial.points if 0 <= point["step"] <= step]
                missed = self._forecast(observed, trial.schedule).mean - trial.final if observed else 0.0
                self._errors[known] = missed if math.isfinite(missed) else 0.0
            squares.append(self._errors[known] ** 2)
        return math.sqrt(sum(squares) / len(squares)) if squares else 0.0

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

    def is_hopeless(
        self,
        points: Iterable[dict[str, Any]],
        schedule: Schedule | None,
        best: float,
        direction: str,
        finished: Sequence[Finished] = (),
    ) -> bool:
        """Say whether that probability is too small."""
        return self.chance(points, schedule, best, direction, finished) < 1.0 - self.confidence

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if _is_path(self._source):
            state["_model"] = None
        return state


def _is_path(source: Any) -> bool:
    return isinstance(source, str) or hasattr(source, "__fspath__")
