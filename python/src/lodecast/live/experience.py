"""Says so before a training begins that is unlike everything its model has seen."""

from __future__ import annotations

import warnings

from lodecast import _engine
from lodecast.errors import LodecastWarning, WindowError
from lodecast.live.decisions import log


def warn_of_the_unknown(scheduler: _engine.Scheduler) -> None:
    """Warn if the training is much longer or shorter than all runs that were learned from."""
    try:
        with warnings.catch_warnings():
            # Of rates that no run had the schedule itself speaks.
            warnings.simplefilter("ignore", LodecastWarning)
            forecast = scheduler.model.forecast(schedule=scheduler.schedule, total_steps=scheduler.total_steps)
    except WindowError:
        # The paper's model says nothing before it has seen something.
        return
    if forecast.outside_experience is not None:
        log.warning("the training is unlike the runs learned from: %s", forecast.outside_experience)
