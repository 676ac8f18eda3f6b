"""Settings by name, as type checkers know them: what may be given to `lodecast.fit` and to a planner.

What is left out has its measured default, which depends on the kind of model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict


class FitSettings(TypedDict, total=False):
    """Settings of `lodecast.fit`."""

    #: Name of the validation metric; the sweep's first one when not given.
    metric: str | None
    #: Models in the ensemble.
    members: int
    #: Optimizer steps of each member.
    iterations: int
    #: Windows in a batch.
    batch_size: int
    #: Peak of the one-cycle learning rate of the fit itself.
    peak_lr: float
    #: Weight of the path length; the paper's model only.
    alpha: float
    #: Longest window that the encoder reads, as a fraction of the run; the controlled model only.
    window: float
    #: Relative and absolute tolerance of the solver of differential equations.
    tolerance: float
    #: Seed of everything random.
    seed: int
    #: End a member's first cycle after so many held-out checks (of 20) without a new best.
    patience: int
    #: Sizes of the networks.
    sizes: Mapping[str, Any]

    # The law's.

    #: The metric of an untrained network; by default the median of the runs' first values.
    start: float | None
    #: The value of the metric that no run can pass; by default 0 of a loss, 1 or 100 of an accuracy, or learned.
    ideal: float | None
    #: Which value of a run counts.
    objective: Literal["last", "best"]
    #: Is there a term for rates that come before training is ready for them?
    warmup: bool


class PlannerSettings(TypedDict, total=False):
    """Settings of a planner, as in `Scheduler(settings=...)` and `Model.plan(settings=...)`."""

    #: A run so many standard deviations outside what the sweep showed is not planned for.
    surprise_limit: float
    #: Fraction of the run over which the rate in force passes into the planned one.
    ramp: float

    # The controlled model's.

    #: Which schedules are searched besides those of the sweep.
    family: Literal["hold-and-anneal", "free-knots"]
    #: Knots of schedules with free knots.
    knots: int
    #: Schedules tried in a round of the search.
    population: int
    #: Rounds.
    rounds: int
    #: The best so far, around which the next round looks.
    elite: int
    #: Standard deviations over the ensemble that are taken off the predicted reward.
    pessimism: float
    #: A schedule has to bear so many times its rates.
    rate_margin: float
    #: What a schedule may lose at the margin, in units of the reward.
    tolerated_loss: float
    #: Weight of the squared distance to the nearest schedule of the sweep.
    trust_weight: float
    #: Weight of the squared second differences of the logarithm of the rate.
    roughness_weight: float
    #: Standard deviations of the predicted difference that a new schedule has to gain.
    required_gain: float
    #: Keep what was planned first to the end, where the model picks whole schedules, as the law does.
    keep_pick: bool

    # The paper's model's.

    #: The last points that the encoder reads.
    window: Any
    #: Futures that a member imagines.
    candidates: int
    #: Standard deviation of the noise, as a fraction of each latent component.
    noise: float
    #: Times decoded over [0, 2).
    grid: int
    #: How a future is placed in time.
    alignment: str
    #: Standard deviations within which a decoded value is the observed one.
    tolerance: float
    #: The best of each member's futures, whose rates are averaged.
    best: int
    #: Fraction of the run after which the metric is read; its end if not given.
    horizon: float | None
