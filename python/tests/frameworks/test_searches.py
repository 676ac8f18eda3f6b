"""Schedules chosen by Optuna and Ray Tune: what they suggest is what is trained, and our pick is taken from what came out."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

import lodecast

STEPS = 200


def train(schedule: lodecast.Schedule) -> list[tuple[int, float]]:
    """Descent with noise that follows the rate; a rate above 0.8 loses it."""
    trained, noise, points = 0.0, 0.0, []
    for step in range(STEPS + 1):
        rate = schedule.at_step(step, STEPS)
        trained += rate if rate < 0.8 else math.nan
        noise += 0.2 * (rate - noise)
        if step % 10 == 0:
            points.append((step, 0.1 + 2.2 / (1.0 + trained) ** 0.5 + 0.5 * noise))
    return points


@pytest.fixture
def optuna() -> Any:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def test_optuna_suggests_a_schedule_by_any_sampler(optuna: Any) -> None:
    from lodecast.optuna import suggest_schedule

    fixed = optuna.trial.FixedTrial({"lr_peak": 0.4, "lr_warmup": 0.1, "lr_hold": 0.5, "lr_end": 0.01})
    schedule = suggest_schedule(fixed, peaks=(0.01, 1.0))
    # Held until 0.1 + 0.5 (0.85 - 0.1), then a straight line to 0.004.
    assert [schedule.learning_rate(at) for at in (0.1, 0.475, 1.0)] == pytest.approx([0.4, 0.4, 0.004])
    assert schedule.learning_rate(0.05) == pytest.approx((0.4 + 0.004) / 2)
    assert schedule.learning_rate(0.7375) == pytest.approx((0.4 + 0.004) / 2)
    samplers = (optuna.samplers.TPESampler(seed=0, multivariate=True), optuna.samplers.QMCSampler(seed=0))
    for sampler in (*samplers, optuna.samplers.RandomSampler(seed=0)):
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: train(suggest_schedule(trial, peaks=(0.01, 0.5), end=0.0, warmup=0.0))[-1][1], n_trials=15)
        assert {frozenset(trial.params) for trial in study.trials} == {frozenset({"lr_peak", "lr_hold"})}
        for trial in study.trials:
            drawn = lodecast.Schedule.from_dict(trial.user_attrs["lodecast:schedule"])
            assert drawn.learning_rate(0.0) == pytest.approx(trial.params["lr_peak"]) and drawn.learning_rate(1.0) == 0.0
    for wrong in ({"peaks": (0.0, 1.0)}, {"peaks": (0.1, 1.0), "warmup": 1.0}, {"peaks": (0.1, 1.0), "end": 2.0}):
        with pytest.raises(lodecast.SettingError, match=f"{list(wrong)[-1]} = "):
            suggest_schedule(fixed, **wrong)


def test_the_pick_of_a_study_is_that_of_its_curves(optuna: Any) -> None:
    from lodecast.optuna import pick, report, suggest_schedule, sweep

    def objective(trial: Any) -> float:
        points = train(suggest_schedule(trial, peaks=(0.02, 1.0)))
        for step, value in points:
            report(trial, step, value, train_loss=2.0 * value)
            if trial.number == 3 and step == 100:
                raise optuna.TrialPruned
        return math.inf if math.isnan(points[-1][1]) else points[-1][1]

    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=12)
    runs = sweep(study, STEPS, metric="val_loss")
    assert len(runs) == 12 and runs.metrics == ["val_loss:min"]
    lost = [run.id for run in runs if run.diverged_at() is not None]
    assert 0 < len(lost) < 12 and set(lost) == {
        f"trial-{trial.number}" for trial in study.trials if trial.params["lr_peak"] >= 0.8 and trial.number != 3
    }
    assert runs["trial-3"].steps[-1] == 100
    whole = runs["trial-1"]
    assert whole.final_validation() == pytest.approx(study.trials[1].value)
    assert [step for step, loss in zip(whole.steps, whole.train_loss, strict=True) if not math.isnan(loss)] == list(
        range(0, 201, 10)
    )
    picked = pick(study, STEPS, metric="val_loss")
    assert picked == lodecast.pick(runs, total_steps=STEPS)
    # In this problem nothing is luck: nobody does much better than the best trial.
    assert train(picked.schedule)[-1][1] < 1.2 * study.best_value
    with pytest.raises(lodecast.SweepError, match="suggest it with lodecast.optuna.suggest_schedule"):
        pick(optuna.create_study(), STEPS)
    with pytest.raises(lodecast.SettingError, match="several objectives"):
        pick(optuna.create_study(directions=["minimize", "minimize"]), STEPS)


def test_ray_asks_a_tuner_and_tells_it(tmp_path: Any) -> None:
    pytest.importorskip("ray")
    from lodecast.ray import ScheduleSearch

    tuner = lodecast.Tuner(
        path=tmp_path / "study.json", metric="val_loss:min", total_steps=STEPS, peaks=(0.01, 0.5), budget=6 * STEPS,
        settings={"batch_size": (16, 64)},
    )  # fmt: skip
    search = ScheduleSearch(tuner, time_attr="step")
    assert search.set_search_properties(None, None, {}) and (search.metric, search.mode) == ("val_loss", "min")
    with pytest.raises(lodecast.SettingError, match="give lr as settings of the tuner"):
        search.set_search_properties(None, None, {"lr": 0.1})
    with pytest.raises(lodecast.SettingError, match="the tuner's metric is val_loss:min"):
        search.set_search_properties("accuracy", "max", {})
    asked = {}
    for trial_id in ("one", "two", "three", "four", "five", "six"):
        configuration = search.suggest(trial_id)
        assert isinstance(configuration, dict) and 16 <= configuration["batch_size"] <= 64
        asked[trial_id] = configuration
    assert search.suggest("seven") == "FINISHED", "the budget is spent"
    search.save(str(tmp_path / "search.pkl"))
    again = ScheduleSearch(tuner, time_attr="step")
    again.restore(str(tmp_path / "search.pkl"))
    for trial_id, configuration in asked.items():
        points = train(lodecast.Schedule.from_dict(configuration["schedule"]))
        results = [{"step": step, "val_loss": value} for step, value in points if trial_id != "five" or step <= 100]
        for result in results[:-1]:
            again.on_trial_result(trial_id, result)
        if trial_id == "two":
            # It went on from a checkpoint.
            again.on_trial_result(trial_id, results[3])
            for result in results[4:-1]:
                again.on_trial_result(trial_id, result)
        if trial_id == "four":
            with pytest.warns(lodecast.LodecastWarning, match="beyond its end"):
                again.on_trial_complete(trial_id, {"step": 300, "val_loss": 1.0})
            continue
        again.on_trial_complete(trial_id, results[-1], error=trial_id == "three")
    again.on_trial_complete("never heard of", None)
    statuses = [record.status for record in tuner.trials]
    assert statuses == ["finished", "finished", "failed", "failed", "stopped", "finished"]
    assert "beyond its end" in (tuner.trials[3].failure or "")
    reported = tuner.trials[1].run
    assert reported is not None and reported.final_validation() == pytest.approx(train(tuner.trials[1].trial.schedule)[-1][1])
    assert tuner.recommend().best_run in {"trial-0001", "trial-0002", "trial-0006"}
    assert pickle.loads(pickle.dumps(again.tuner)).path == tuner.path
