"""A run of a search under a schedule that is known, though the search reported no rates."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lodecast import Run, Schedule

#: Times at which the schedule is written into the run, so that few points make no other schedule of it.
_DRAWN = 128


def drawn_run(
    name: str,
    schedule: Schedule,
    total_steps: int,
    metric: Mapping[str, Mapping[int, float]],
    train_losses: Mapping[int, float | None],
) -> Run:
    """Make the run of a metric's values by step, the metric named as `name:max` or `name:min`. One that is not finite ended it.

    Values beyond `total_steps` are left out: the schedule says nothing there.
    """
    ((directed, values),) = metric.items()
    known = {step: value for step, value in values.items() if 0 <= step <= total_steps}
    last = max(known, default=0)
    steps = sorted({*known, *(k * last // _DRAWN for k in range(_DRAWN + 1))})
    # NaN is what was not measured: a run that was lost has infinity.
    measured = [None if step not in known else known[step] if math.isfinite(known[step]) else math.inf for step in steps]
    return Run(
        name,
        steps,
        train_loss=[train_losses.get(step) for step in steps],
        learning_rate=[schedule.at_step(step, total_steps) for step in steps],
        validation={directed: measured},
        total_steps=total_steps,
    )
