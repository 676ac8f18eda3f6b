"""The schedules that a server tells, evaluated by the engine, to the last bit as the server does."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from lodecast._engine import Schedule


@dataclass(frozen=True)
class Served:
    """The schedules of a run, one after the other."""

    #: Counts the decisions.
    revision: int
    #: First step at which it may differ from the revision before.
    effective_from_step: int
    #: Planned length of the run in optimizer steps.
    total_steps: int
    #: What the run is predicted to end at: mean, and the ends of the interval that holds two of three runs.
    predicted: tuple[float, float, float] | None
    #: Why it was decided.
    reason: str
    #: Each from its first step on, with the length over which it is laid.
    segments: tuple[tuple[int, int, Schedule], ...]
    #: Bounds of every rate.
    lowest: float
    highest: float

    @staticmethod
    def of(told: dict[str, Any]) -> Served:
        """Read what the server tells.

        Raises:
            ValueError: If it is no schedule, or would give impossible rates.

        """
        try:
            segments = tuple(
                (int(part["from_step"]), int(part["total_steps"]), Schedule.from_dict(part["schedule"]))
                for part in told["segments"]
            )
            lowest, highest = float(told["lowest"]), float(told["highest"])
            predicted = told.get("predicted")
            served = Served(
                revision=int(told["revision"]),
                effective_from_step=int(told["effective_from_step"]),
                total_steps=int(told["total_steps"]),
                predicted=None if predicted is None else (predicted["mean"], predicted["low"], predicted["high"]),
                reason=str(told["reason"]),
                segments=segments,
                lowest=lowest,
                highest=highest,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no schedule: {type(error).__name__} {error}") from error
        if not (segments and 0.0 < lowest <= highest < math.inf and all(total > 0 for _, total, _ in segments)):
            raise ValueError("its learning rates are not all finite and positive")
        return served

    def learning_rate(self, step: int) -> float:
        """Give the rate of an optimizer step."""
        holding = bisect_right([first for first, _, _ in self.segments], step)
        _, total_steps, schedule = self.segments[max(holding - 1, 0)]
        return min(max(schedule.at_step(step, total_steps), self.lowest), self.highest)
