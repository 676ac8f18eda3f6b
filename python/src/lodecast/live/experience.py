"""Says so of a training that is unlike everything its model has seen, or does not measure what the model predicts."""

from __future__ import annotations

from lodecast import _engine
from lodecast.live.decisions import log


def warn_of_the_unknown(scheduler: _engine.Scheduler) -> None:
    """Warn if the training is much longer or shorter than all runs that were learned from, or has rates that none had."""
    unknown = scheduler.model.unknown(scheduler.schedule, scheduler.total_steps)
    if unknown is not None:
        log.warning("the training is unlike the runs learned from: %s", unknown)


def warn_of_the_unmeasured(scheduler: _engine.Scheduler, step: int) -> None:
    """Warn if of what was observed until this step nothing is the model's metric."""
    name = scheduler.model.metric.rpartition(":")[0]
    observed = scheduler.observed
    if name != "train_loss" and observed and all(point["validation"] is None for point in observed):
        log.warning(
            "%s was not observed in the first %s of %s steps: the plans rest on the train loss alone",
            name,
            step,
            scheduler.total_steps,
        )
