"""What a scheduler decided: as plain data, and told to Python's `logging` under the name `lodecast`."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodecast import Observation, Plan, Scheduler

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
    #: Ends of the range in which it will lie in two of three cases, as far as the model says.
    low: float | None
    high: float | None

    @property
    def at_a_loss(self) -> bool:
        """Was nothing weighed? The run is unlike the sweep, or the model has no answer."""
        return self.predicted is None

    @staticmethod
    def of(scheduler: Scheduler, observation: Observation, step: int) -> Decision:
        """Make a decision of what `Scheduler.decide` returned."""
        plan = scheduler.last_plan
        if plan is not None and plan.reason != observation.reason:
            # Planning failed, and the last plan is an older one.
            plan = None
        predicted, low, high = (None, None, None) if plan is None else expected(plan) or (None, None, None)
        return Decision(
            step=step,
            total_steps=scheduler.total_steps,
            changed=observation.replanned,
            reason=observation.reason or "",
            learning_rate=scheduler.learning_rate(step),
            metric=scheduler.model.metric,
            predicted=predicted,
            low=low,
            high=high,
        )

    def numbers(self, prefix: str = "lodecast/") -> dict[str, float]:
        """Give what a logger can draw."""
        known = {"learning_rate": self.learning_rate, "replanned": float(self.changed)}
        if self.predicted is not None and self.low is not None and self.high is not None:
            known |= {"predicted_final": self.predicted, "predicted_low": self.low, "predicted_high": self.high}
        return {prefix + name: value for name, value in known.items()}

    def to_dict(self) -> dict[str, Any]:
        """Give the decision as plain types."""
        return asdict(self)

    def __str__(self) -> str:
        at = f"step {self.step} of {self.total_steps}"
        verb = "new schedule" if self.changed else "schedule kept"
        name = self.metric.rpartition(":")[0]
        final = ""
        if self.predicted is not None:
            final = f", final {name} expected {self.predicted:.4g} ({self.low:.4g} to {self.high:.4g})"
        return f"{at}: {verb}, rate {self.learning_rate:.3e}{final}; {self.reason}"


def expected(plan: Plan) -> tuple[float, float, float] | None:
    """Give what a plan expects the run to end at, and the range of two in three cases, if it says so."""
    if plan.interval is not None:
        return plan.interval.mean, plan.interval.low, plan.interval.high
    if plan.prediction is None:
        return None
    final, spread = plan.prediction.metric, plan.prediction.spread
    return final, final - spread, final + spread


def tell(decision: Decision) -> None:
    """Tell a decision to the logger `lodecast`, as a warning where nothing could be weighed."""
    if decision.at_a_loss:
        log.warning(
            "%s. Nothing is planned while that is so. Are loss and metric those of the runs learned from, on the same scale?",
            decision,
        )
    else:
        log.info("%s", decision)


def tell_of(scheduler: Scheduler, observation: Observation, step: int) -> None:
    """Tell what a scheduler decided upon an observation."""
    tell(Decision.of(scheduler, observation, step))


def defect(reason: str) -> None:
    """Tell that planning failed in a way that it never should."""
    log.error("%s", reason)
