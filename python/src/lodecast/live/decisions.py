"""What a scheduler decided: as plain data, and told to Python's `logging` under the name `lodecast`."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodecast import Observation, Scheduler

log = logging.getLogger("lodecast")


@dataclass(frozen=True)
class Decision:
    """The outcome of a plan: a new schedule, or the one in force kept, with the reason."""

    #: Optimizer steps done.
    step: int
    #: Planned length of the run in optimizer steps.
    total_steps: int
    #: Did the schedule change?
    changed: bool
    #: Why.
    reason: str
    #: Learning rate from here on.
    learning_rate: float
    #: The metric that is predicted, as `name:max` or `name:min`.
    metric: str
    #: What the run is predicted to end at under the schedule to follow, if that can be said.
    predicted: float | None
    #: One standard deviation of the prediction over the members of the ensemble.
    spread: float | None

    @staticmethod
    def of(scheduler: Scheduler, observation: Observation, step: int) -> Decision:
        """Make a decision of what `Scheduler.decide` returned."""
        plan = scheduler.last_plan
        prediction = None if plan is None else plan.prediction
        return Decision(
            step=step,
            total_steps=scheduler.total_steps,
            changed=observation.replanned,
            reason=observation.reason or "",
            learning_rate=scheduler.learning_rate(step),
            metric=scheduler.model.metric,
            predicted=None if prediction is None else prediction.metric,
            spread=None if prediction is None else prediction.spread,
        )

    def numbers(self, prefix: str = "lodecast/") -> dict[str, float]:
        """Give what a logger can draw."""
        known = {"learning_rate": self.learning_rate, "replanned": float(self.changed)}
        if self.predicted is not None and self.spread is not None:
            known["predicted_final"] = self.predicted
            known["predicted_low"] = self.predicted - self.spread
            known["predicted_high"] = self.predicted + self.spread
        return {prefix + name: value for name, value in known.items()}

    def to_dict(self) -> dict[str, Any]:
        """Give the decision as plain types."""
        return asdict(self)

    def __str__(self) -> str:
        at = f"step {self.step} of {self.total_steps}"
        verb = "new schedule" if self.changed else "schedule kept"
        name = self.metric.rpartition(":")[0]
        expected = "" if self.predicted is None else f", final {name} expected {self.predicted:.4g} ± {self.spread:.2g}"
        return f"{at}: {verb}, rate {self.learning_rate:.3e}{expected}; {self.reason}"


def tell(decision: Decision) -> None:
    """Tell a decision to the logger `lodecast`."""
    log.info("%s", decision)


def defect(reason: str) -> None:
    """Tell that planning failed in a way that it never should."""
    log.error("%s", reason)
