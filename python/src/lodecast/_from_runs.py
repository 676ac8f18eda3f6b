"""`lodecast.plan`, `pick`, `forecast`, `evaluate`: answers of a model, or of a law that is fitted on the spot to runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from lodecast import _engine
from lodecast._fit import fit
from lodecast.errors import ArgumentError, SettingError
from lodecast.io.runs import read_runs
from lodecast.live.numbers import whole

if TYPE_CHECKING:
    from lodecast._settings import PlannerSettings

#: A model, its file, or runs: a sweep, its file or folder, or what a tracker left.
Source = _engine.Model | _engine.Sweep | str | os.PathLike[str]


def plan(
    source: Source,
    run: _engine.Run | None = None,
    *,
    total_steps: int | None = None,
    observed: float | None = None,
    in_force: _engine.Schedule | None = None,
    seed: int = 0,
    settings: PlannerSettings | None = None,
    metric: str | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
) -> _engine.Plan:
    """Say which schedule a run should follow from here on, of `total_steps`, and what that leads to.

    `source` is a model or its file. Or it is runs: a sweep, its file or folder, or what a tracker left, as `import_runs` reads
    it; then the law is fitted to them on the spot, which takes a fraction of a second. `metric` (with its direction, as
    `name:max` or `name:min`), `train_loss` and `learning_rate` name what is not called as usual.

    Without `run` it plans before the first step: the plan has a `schedule`, an `interval` for the final metric, the
    `probability_better_than_best`, and `alternatives`. The other arguments are those of `Model.plan`.

    >>> import lodecast
    >>> plan = lodecast.plan(lodecast.example_sweep(), total_steps=200)
    >>> plan.interval.low < plan.interval.mean < plan.interval.high, 0.0 <= plan.probability_better_than_best <= 1.0
    (True, True)
    >>> [alternative.origin for alternative in plan.alternatives]
    ['law alone', 'plain process alone', 'schedule of the best run']
    """
    whole("seed", seed)
    model = _model(source, metric, train_loss, learning_rate)
    return model.plan(run, total_steps=total_steps, observed=observed, in_force=in_force, seed=seed, settings=settings)


def pick(
    source: Source,
    *,
    total_steps: int,
    candidates: int | None = None,
    draws: int | None = None,
    seed: int = 0,
    metric: str | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
) -> _engine.Pick:
    """Pick the schedule of a run of `total_steps`, by the law.

    `source`, `metric`, `train_loss` and `learning_rate` are those of `plan`; of a model it has to be a law. Other arguments are
    those of `LawModel.pick`. Beside `plan`, it says more of what is expected: both intervals, the chance of divergence.

    >>> import lodecast
    >>> picked = lodecast.pick(lodecast.example_sweep(), total_steps=200)
    >>> low, high = picked.predicted.interval_95
    >>> low < picked.predicted.median < high, picked.predicted.probability_diverged < 0.5
    (True, True)
    """
    whole("seed", seed)
    law = _model(source, metric, train_loss, learning_rate)
    if not isinstance(law, _engine.LawModel):
        raise SettingError(f"a {law.kind} model picks no schedule: plan with it, or fit a law with lodecast.fit(runs, 'law')")
    return law.pick(total_steps, candidates=candidates, draws=draws, seed=seed)


def forecast(
    source: Source,
    run: _engine.Run | None = None,
    *,
    schedule: _engine.Schedule | None = None,
    total_steps: int | None = None,
    observed: float | None = None,
    metric: str | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
) -> _engine.Forecast:
    """Forecast a run under a schedule, by default its own.

    `source`, `metric`, `train_loss` and `learning_rate` are those of `plan`; the other arguments are those of `Model.forecast`.

    >>> import lodecast
    >>> sweep = lodecast.example_sweep()
    >>> forecast = lodecast.forecast(sweep, schedule=lodecast.Schedule.cosine(0.1), total_steps=200)
    >>> forecast.final_validation.low < forecast.final_validation.high
    True
    """
    model = _model(source, metric, train_loss, learning_rate)
    return model.forecast(run, schedule=schedule, total_steps=total_steps, observed=observed)


def evaluate(
    source: Source,
    sweep: _engine.Sweep | str | os.PathLike[str] | None = None,
    observed: Sequence[float] = (0.0, 0.05, 0.1, 0.25, 0.5),
    *,
    metric: str | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
) -> _engine.Evaluation:
    """Say how far forecasts are off after each fraction of the runs, beside baselines.

    `source`, `metric`, `train_loss` and `learning_rate` are those of `plan`. The runs to be forecast are those of `sweep`, or
    those of the source itself: a law forecasts each of its runs as if it had not seen any of the same configuration.

    >>> import lodecast
    >>> lodecast.evaluate(lodecast.example_sweep(), observed=[0.0]).held_out
    True
    """
    if isinstance(source, _engine.Model) or _is_model_file(source):
        if sweep is None:
            raise ArgumentError("a model does not keep its runs: give the sweep to evaluate it on")
        model = _model(source, metric, train_loss, learning_rate)
        return model.evaluate(_runs(sweep, metric or model.metric, train_loss, learning_rate), observed)
    runs = _runs(source, metric, train_loss, learning_rate)
    law = _law(runs, metric)
    return law.evaluate(runs if sweep is None else _runs(sweep, metric or law.metric, train_loss, learning_rate), observed)


def _model(source: Source, metric: str | None, train_loss: str | None, learning_rate: str | None) -> _engine.Model:
    if isinstance(source, _engine.Model) or _is_model_file(source):
        if (metric, train_loss, learning_rate) != (None, None, None):
            raise SettingError("metric, train_loss and learning_rate name columns of runs, and a model was given")
        return source if isinstance(source, _engine.Model) else _engine.load(source)
    return _law(_runs(source, metric, train_loss, learning_rate), metric)


def _law(runs: _engine.Sweep, metric: str | None) -> _engine.LawModel:
    return fit(runs, "law", progress=False, metric=metric)


def _runs(
    source: _engine.Sweep | str | os.PathLike[str], metric: str | None, train_loss: str | None, learning_rate: str | None
) -> _engine.Sweep:
    if isinstance(source, _engine.Sweep):
        return source
    return read_runs(source, metric=metric, train_loss=train_loss, learning_rate=learning_rate)


def _is_model_file(source: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(source, (str, os.PathLike)) and Path(source).suffix == ".lode"
