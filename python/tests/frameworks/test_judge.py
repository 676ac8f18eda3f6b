"""The chance of a trial, and the pruner and the scheduler that act on it, on searches whose outcome is known."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toy

import lodecast
from lodecast.search.judge import Finished, Judge, chance_to_beat

STEPS = 100


class Told:
    """A model that takes the last value seen, plus or minus 0.1, for the final one."""

    def __init__(self, metric: str = "quality:max") -> None:
        self.metric = metric
        self.asked: list[Any] = []

    def forecast(self, run: Any, *, schedule: Any = None) -> Any:
        self.asked.append((run, schedule))
        last = float(run.validation[self.metric.partition(":")[0]][-1])
        return SimpleNamespace(final_validation=SimpleNamespace(mean=last, low=last - 0.1, high=last + 0.1))


def points(value: float, step: int = 50) -> list[dict[str, Any]]:
    return [{"step": 10, "validation": 0.0, "train_loss": 1.0}, {"step": step, "validation": value}]


def test_the_chance_is_that_of_a_normal_distribution() -> None:
    # Tables of the normal distribution.
    assert chance_to_beat(0.5, 0.4, 0.6, 0.5, "max") == 0.5
    assert chance_to_beat(0.5, 0.4, 0.6, 0.6, "max") == pytest.approx(0.158655, abs=1e-6)
    assert chance_to_beat(0.5, 0.4, 0.6, 0.4, "max") == pytest.approx(0.841345, abs=1e-6)
    assert chance_to_beat(0.5, 0.4, 0.6, 0.4, "min") == pytest.approx(0.158655, abs=1e-6)
    # The deviation towards the best counts.
    assert chance_to_beat(0.5, 0.4, 0.55, 0.6, "max") == pytest.approx(0.022750, abs=1e-6)
    assert chance_to_beat(0.5, 0.4, 0.55, 0.4, "min") == pytest.approx(0.158655, abs=1e-6)
    assert chance_to_beat(0.5, 0.5, 0.5, 0.6, "max") == 0.0
    assert chance_to_beat(math.nan, 0.5, 0.5, 0.6, "max") == 1.0, "a forecast that failed stops nothing"


def test_the_judge_keeps_to_its_confidence_and_grace() -> None:
    judge = Judge(Told(), STEPS, confidence=0.95, grace=0.3)
    # 1.6 and 1.7 deviations below the best: chances of 5.5 and 4.5 %.
    assert not judge.is_hopeless(points(0.74), None, 0.9, "max")
    assert judge.is_hopeless(points(0.73), None, 0.9, "max")
    assert not judge.is_hopeless(points(0.0, step=29), None, 0.9, "max"), "too early"
    assert not judge.is_hopeless(points(0.0, step=100)[1:], None, 0.9, "max"), "over"
    assert not judge.is_hopeless([], None, 0.9, "max")
    schedule = lodecast.Schedule.cosine(0.1)
    reported = [{**points(0.5)[0], "learning_rate": 0.07}, points(0.5)[1]]
    judge.is_hopeless(reported, schedule, 0.9, "max")
    run, asked = judge.model.asked[-1]  # type: ignore[union-attr]
    assert list(run.learning_rate) == [0.07, schedule.at_step(50, STEPS)], "what was not reported, the schedule says"
    assert asked is schedule
    assert list(run.steps) == [10, 50]
    assert run.total_steps == STEPS
    assert run.train_loss[0] == 1.0
    assert math.isnan(run.train_loss[1])
    with pytest.raises(ValueError, match="the model forecasts quality:max, but the search wants the min"):
        judge.is_hopeless(points(0.5), None, 0.9, "min")


def test_forecasts_that_were_off_are_trusted_less() -> None:
    judge = Judge(Told(), STEPS, confidence=0.95, grace=0.1)
    # At step 50 both looked worse by 0.3 and 0.4 than what they came to.
    finished = [
        Finished("first", [*points(0.4, step=50), {"step": 100, "validation": 0.7}], None, 0.7),
        Finished("second", points(0.5, step=50), None, 0.9),
    ]
    error = math.sqrt((0.3**2 + 0.4**2) / 2)
    chance = 0.5 * math.erfc((0.9 - 0.6) / error / math.sqrt(2.0))
    assert judge.chance(points(0.6), None, 0.9, "max", finished) == pytest.approx(chance)
    assert judge.is_hopeless(points(0.6), None, 0.9, "max") and not judge.is_hopeless(points(0.6), None, 0.9, "max", finished)
    asked = len(judge.model.asked)  # type: ignore[union-attr]
    judge.chance(points(0.6), None, 0.9, "max", finished)
    assert len(judge.model.asked) == asked + 1, "what finished trials missed is known by now"  # type: ignore[union-attr]
    right = [Finished("third", points(0.7), None, 0.7)]
    assert judge.chance(points(0.6), None, 0.9, "max", right) == judge.chance(points(0.6), None, 0.9, "max")
    assert judge.chance(points(0.6), None, 0.9, "max", [Finished("lost", points(math.nan), None, 0.7)]) < 0.05


@pytest.mark.parametrize("settings", [{"confidence": 1.0}, {"confidence": 0.4}, {"grace": 1.0}, {"total_steps": 0}])
def test_impossible_settings_are_named(settings: dict[str, Any]) -> None:
    name = next(iter(settings))
    with pytest.raises(ValueError, match=f"{name} = "):
        Judge(Told(), **{"total_steps": STEPS, "confidence": 0.9, "grace": 0.1, **settings})


def test_a_schedule_that_is_missing_or_fails_is_told_at_once(model: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from lodecast.optuna import ForecastPruner

    for one in (model, lodecast.fit(lodecast.example_sweep(), "law", progress=False)):
        with pytest.raises(lodecast.SettingError, match="say which, with schedule="):
            ForecastPruner(one, total_steps=STEPS)
    pruner = ForecastPruner(model, total_steps=STEPS, schedule=lambda trial: trial.params["missing"])
    study = optuna.create_study(direction="minimize", pruner=pruner)

    def objective(trial: Any) -> float:
        trial.report(1.0, 10)
        return float(trial.should_prune())

    with pytest.raises(lodecast.SettingError, match="fails for this trial: KeyError: 'missing'"):
        study.optimize(objective, n_trials=1)
    assert len(study.trials) == 1


def test_a_judge_is_pickled_with_the_path_of_its_model(model: Path) -> None:
    judge = Judge(model, STEPS, 0.9, 0.1)
    judge.chance([{"step": 50, "validation": 0.5, "train_loss": 0.5}], lodecast.Schedule.constant(0.1), 0.1, "min")
    text = pickle.dumps(judge)
    assert len(text) < 500
    assert pickle.loads(text).model.metric == "val_loss:min"


def optuna_study(direction: str, finals: list[float], confidence: float) -> tuple[Any, Told]:
    optuna = pytest.importorskip("optuna")
    from lodecast.optuna import ForecastPruner, report

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    told = Told(f"quality:{direction}")
    pruner = ForecastPruner(told, total_steps=STEPS, confidence=confidence)
    study = optuna.create_study(direction=f"{direction}imize", pruner=pruner)

    def objective(trial: Any) -> float:
        for step in range(10, STEPS + 1, 10):
            report(trial, step, finals[trial.number], train_loss=1.0 / step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return finals[trial.number]

    study.optimize(objective, n_trials=len(finals))
    return study, told


@pytest.mark.parametrize(("direction", "sign"), [("max", 1.0), ("min", -1.0)])
def test_optuna_prunes_what_cannot_win(direction: str, sign: float) -> None:
    finals = [sign * value for value in (0.5, 0.9, 0.6, 0.8, 0.95, 0.7, math.nan)]
    study, told = optuna_study(direction, finals, 0.95)
    ended = [trial.state.name for trial in study.trials]
    assert ended == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "COMPLETE", "PRUNED", "PRUNED"]
    assert study.trials[2].last_step == 10
    run, _ = told.asked[-1]
    assert run.train_loss[0] == 0.1


def test_optuna_prunes_less_where_it_has_to_be_surer() -> None:
    finals = [0.9, 0.7, 0.6]
    assert [trial.state.name for trial in optuna_study("max", finals, 0.99)[0].trials][1:] == ["COMPLETE", "PRUNED"]


def test_optuna_saves_steps_of_real_trainings_and_finds_the_same_best(model: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from lodecast.optuna import ForecastPruner, report

    rates = [0.1, 0.003, 0.3, 0.001, 0.03, 0.002]

    def search(pruner: Any) -> tuple[Any, int]:
        steps = 0

        def objective(trial: Any) -> float:
            nonlocal steps
            rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
            loss = math.nan
            for point in toy.train(lodecast.Schedule.cosine(rate), seed=5):
                steps += 1
                loss = point["validation"]
                report(trial, point["step"], loss, train_loss=point["train_loss"])
                if trial.should_prune():
                    raise optuna.TrialPruned
            return loss

        study = optuna.create_study(direction="minimize", pruner=pruner)
        for rate in rates:
            study.enqueue_trial({"rate": rate})
        study.optimize(objective, n_trials=len(rates))
        return study, steps

    whole, all_steps = search(optuna.pruners.NopPruner())
    schedule = lambda trial: lodecast.Schedule.cosine(trial.params["rate"])  # noqa: E731
    pruned, steps = search(ForecastPruner(model, total_steps=toy.STEPS, schedule=schedule, confidence=0.9))
    assert pruned.best_params == whole.best_params
    assert pruned.best_value == whole.best_value
    assert steps < 0.8 * all_steps, f"{steps} of {all_steps}"


def test_optuna_finds_the_same_best_where_early_values_mislead(model: Path) -> None:
    """On the way, the metric is that of a harder set for large rates: the best trials look bad until their end."""
    optuna = pytest.importorskip("optuna")
    from lodecast.optuna import ForecastPruner, report

    def search(pruner: Any) -> tuple[Any, int]:
        steps = 0

        def objective(trial: Any) -> float:
            nonlocal steps
            rate = trial.suggest_float("rate", 1e-3, 0.3, log=True)
            loss = math.nan
            for point in toy.train(lodecast.Schedule.cosine(rate), seed=100 + trial.number):
                steps += 1
                progress = point["step"] / toy.STEPS
                loss = point["validation"] * (1.0 + 30.0 * rate * (math.exp(-4.0 * progress) - math.exp(-4.0)))
                report(trial, point["step"], loss, train_loss=point["train_loss"])
                if trial.should_prune():
                    raise optuna.TrialPruned
            return loss

        study = optuna.create_study(direction="minimize", pruner=pruner, sampler=optuna.samplers.RandomSampler(0))
        study.optimize(objective, n_trials=20)
        return study, steps

    schedule = lambda trial: lodecast.Schedule.cosine(trial.params["rate"])  # noqa: E731
    whole, all_steps = search(optuna.pruners.NopPruner())
    pruned, steps = search(ForecastPruner(model, total_steps=toy.STEPS, schedule=schedule))
    assert pruned.best_params == whole.best_params
    assert steps < 0.6 * all_steps, f"{steps} of {all_steps}"


def test_train_losses_of_a_long_trial_are_thinned() -> None:
    optuna = pytest.importorskip("optuna")
    from lodecast.optuna import report, sweep

    study = optuna.create_study()

    def objective(trial: Any) -> float:
        for step in range(1, 2001):
            report(trial, step, 0.5, train_loss=1.0 / step)
        return 0.5

    study.optimize(objective, n_trials=1)
    assert len(study.trials[0].user_attrs) == 1
    (run,) = sweep(study, 2000, schedule=lambda trial: lodecast.Schedule.constant(0.1)).runs
    known = {int(step): loss for step, loss in zip(run.steps, run.train_loss, strict=True) if not math.isnan(loss)}
    assert len(known) == 128 and max(known) == 2000
    assert max(after - before for before, after in pairwise([0, *known])) <= 32, "no stretch is left out"
    assert all(loss == 1.0 / step for step, loss in known.items())


def trial(name: str, **configuration: Any) -> Any:
    return SimpleNamespace(trial_id=name, config=configuration)


def result(step: int, value: float, **more: Any) -> dict[str, Any]:
    return {"training_iteration": step, "quality": value, **more}


def test_ray_stops_what_cannot_win_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("ray.tune")
    from lodecast.ray import ForecastScheduler

    def made() -> Any:
        scheduler = ForecastScheduler(Told(), total_steps=STEPS, confidence=0.95, schedule=lambda c: c["schedule"])
        assert scheduler.set_search_properties("quality", "max")
        assert not scheduler.set_search_properties("other", None)
        return scheduler

    scheduler = made()
    first, second, third = (
        trial(name, schedule=lodecast.Schedule.constant(rate))
        for name, rate in (("first", 0.1), ("second", 0.2), ("third", 0.3))
    )
    scheduler.on_trial_add(None, first)
    assert scheduler.on_trial_result(None, first, result(50, 0.1)) == "CONTINUE", "nothing to compare with"
    scheduler.on_trial_complete(None, first, result(100, 0.9))
    assert scheduler.on_trial_result(None, second, result(10, 0.85, train_loss=0.5)) == "CONTINUE"
    assert scheduler.on_trial_result(None, third, result(20, 0.8)) == "CONTINUE"

    scheduler.save(str(tmp_path / "scheduler"))
    scheduler = made()
    scheduler.restore(str(tmp_path / "scheduler"))
    # The trial, too, goes on from a checkpoint, and reports a step again.
    assert scheduler.on_trial_result(None, second, result(10, 0.86, train_loss=0.4)) == "CONTINUE"
    assert scheduler.on_trial_result(None, second, result(20, 0.7)) == "STOP"
    run, schedule = scheduler._judge.model.asked[-1]
    assert schedule == lodecast.Schedule.constant(0.2)
    assert list(run.learning_rate) == [0.2, 0.2]
    assert list(run.steps) == [10, 20]
    assert run.train_loss[0] == 0.4
    scheduler.on_trial_complete(None, second, result(20, 2.0))
    assert scheduler._best == 0.9, "a stopped trial has no final metric"
    assert scheduler.on_trial_result(None, third, result(30, math.nan)) == "STOP"
    assert "2 trials stopped, best quality so far 0.9" in scheduler.debug_string()
    assert not scheduler._points.get("second")
    # Of what failed or was taken away nothing is kept.
    for forget in (scheduler.on_trial_error, scheduler.on_trial_remove):
        failing = trial("failing", schedule=lodecast.Schedule.constant(0.1))
        assert scheduler.on_trial_result(None, failing, result(1, 0.9)) == "CONTINUE"
        forget(None, failing)
        assert "failing" not in scheduler._points


def test_ray_tells_what_is_missing() -> None:
    pytest.importorskip("ray.tune")
    from lodecast.ray import ForecastScheduler

    with pytest.raises(ValueError, match="no metric and mode"):
        ForecastScheduler(Told(), total_steps=STEPS).on_trial_add(None, trial("first"))
    with pytest.raises(ValueError, match="mode = 'up'"):
        ForecastScheduler(Told(), total_steps=STEPS, mode="up")


def test_ray_runs_a_real_search(model: Path, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from ray import tune

    from lodecast.ray import ForecastScheduler

    # The workers do not have the examples on their path.
    ray.cloudpickle.register_pickle_by_value(toy)
    ray.init(num_cpus=1, include_dashboard=False)
    try:
        rates = [0.1, 0.001, 0.3, 0.002]

        def trainable(configuration: dict[str, Any]) -> None:
            for point in toy.train(lodecast.Schedule.cosine(configuration["rate"]), seed=5):
                tune.report({**point, "val_loss": point["validation"]})

        scheduler = ForecastScheduler(
            model, total_steps=toy.STEPS, time_attr="step", confidence=0.9,
            schedule=lambda configuration: lodecast.Schedule.cosine(configuration["rate"]),
        )  # fmt: skip
        tuner = tune.Tuner(
            trainable,
            param_space={"rate": tune.grid_search(rates)},
            tune_config=tune.TuneConfig(metric="val_loss", mode="min", scheduler=scheduler, max_concurrent_trials=1),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        )
        results = tuner.fit()
        last = {result.config["rate"]: result.metrics["step"] for result in results}
        assert results.get_best_result().config["rate"] in (0.1, 0.3)
        assert last[0.1] == toy.STEPS, last
        assert last[0.001] < toy.STEPS, last
        assert last[0.002] < toy.STEPS, last
    finally:
        ray.shutdown()
        ray.cloudpickle.unregister_pickle_by_value(toy)
