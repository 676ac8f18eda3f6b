"""Fitting, forecasting, planning."""

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

import lodecast


def test_the_two_kinds_have_classes_of_their_own(model, latent_model, tmp_path):
    assert isinstance(model, lodecast.ControlledLatentOde) and isinstance(latent_model, lodecast.PaperLatentOde)
    model.save(tmp_path / "model.lode")
    for again in (
        lodecast.load(tmp_path / "model.lode"),
        lodecast.ControlledLatentOde.load(tmp_path / "model.lode"),
        pickle.loads(pickle.dumps(model)),
    ):
        assert type(again) is lodecast.ControlledLatentOde and again.fingerprint == model.fingerprint
    with pytest.raises(lodecast.ModelFileError, match="controlled"):
        lodecast.LatentOde.load(tmp_path / "model.lode")
    (tmp_path / "bad.lode").write_bytes(b"no model")
    with pytest.raises(lodecast.ModelFileError):
        lodecast.load(tmp_path / "bad.lode")


def test_a_forecast_orders_rates(model, sweep, latent_model):
    finals = [model.forecast(schedule=lodecast.Schedule.constant(peak)).final_validation.mean for peak in (0.15, 1.6)]
    truth = [sweep[f"constant-{peak}-0"].final_validation() for peak in (0.1, 1.6)]
    assert (finals[0] > finals[1]) == (truth[0] > truth[1])
    run = sweep["cosine-0.4-0"]
    for one in (model, latent_model):
        forecast = one.forecast(run, observed=0.3)
        assert len(forecast.progress) == len(forecast.validation.mean) == 101 and forecast.progress[-1] == 1.0
        assert np.all(forecast.validation.low <= forecast.validation.high)
        assert forecast.final_validation.spread > 0
    with pytest.raises(lodecast.WindowError, match="last step"):
        model.forecast(run)
    with pytest.raises(lodecast.WindowError, match="say which one"):
        model.forecast()


def test_suggestions_are_new_schedules_for_a_next_round(model, latent_model):
    suggestions = model.suggest(4, seed=1)
    low, high = model.learning_rates
    schedules = [suggestion.schedule.to_dict() for suggestion in suggestions]
    assert len(schedules) == 4 and all(one not in schedules[:index] for index, one in enumerate(schedules))
    assert all(low / 2 <= suggestion.schedule.learning_rate(0.3) <= high * 2 for suggestion in suggestions)
    assert {suggestion.member for suggestion in suggestions} <= set(range(model.members))
    assert all(suggestion.prediction.spread >= 0 for suggestion in suggestions)
    assert schedules == [suggestion.schedule.to_dict() for suggestion in model.suggest(4, seed=1)]
    assert "member" in repr(suggestions[0])
    assert not hasattr(latent_model, "suggest"), "it cannot say what it does not know before a run has started"
    with pytest.raises(lodecast.SettingError, match="count"):
        model.suggest(0)


def test_a_plan_says_why(model, latent_model, sweep):
    plan = model.plan(total_steps=150)
    low, high = model.learning_rates
    assert plan.now == 0.0 and plan.reason and plan.candidates
    assert low / 2 <= plan.schedule.learning_rate(0.5) <= high * 2
    assert plan.prediction.spread >= 0
    assert latent_model.plan(sweep["cosine-0.4-0"], observed=0.3).reason
    assert "candidates" in plan._repr_html_() and "controlled" in model._repr_html_()
    with pytest.raises(lodecast.SettingError, match="no setting 'pesimism'; choose from elite, family, "):
        model.plan(settings={"pesimism": 1})
    with pytest.raises(lodecast.SettingError):
        model.plan(settings={"knots": 0})
    assert model.plan(settings={"pessimism": 1}).reason, "a whole number is a number"


def test_an_evaluation_beside_baselines(model, sweep):
    evaluation = model.evaluate(sweep, [0.0, 0.25])
    assert not evaluation.held_out, "two members hold out two of the five folds"
    assert len(evaluation.forecasts) == 60
    methods = {"model", "last-value", "power-law", "nearest-runs", "sweep-mean", "sweep-median"}
    assert {skill["method"] for skill in evaluation.skills} == methods
    assert "25% seen" in evaluation._repr_html_()


def test_a_missing_folder_is_named(model, sweep, tmp_path):
    nowhere = tmp_path / "none"
    for name, write in (
        ("model.lode", model.save),
        ("sweep.csv", sweep.write),
        ("sweep.parquet", sweep.write),
        ("fit.checkpoint", lambda path: lodecast.fit(sweep, "controlled", checkpoint=path, progress=False)),
        ("study.json", lambda path: lodecast.Tuner(metric="a:max", total_steps=9, peaks=(0.01, 1.0), path=path).ask()),
    ):
        with pytest.raises(lodecast.FileError) as raised:
            write(nowhere / name)
        assert str(raised.value) == f"{nowhere / name}: there is no folder {nowhere}; make it, or name another file"


def test_half_of_a_model_is_none(model):
    with pytest.raises(lodecast.ModelFileError):
        lodecast.Model.from_bytes(model.to_bytes()[:100])


def test_a_run_without_a_planned_length_is_a_whole_one(model):
    run = lodecast.Run(
        "bare", list(range(5, 151, 5)), train_loss=[1.0 / k for k in range(1, 31)], learning_rate=[0.4] * 30,
        validation={"accuracy:max": [0.02 * k for k in range(30)]},
    )  # fmt: skip
    known = model.forecast(run, observed=0.25, total_steps=150)
    assert model.forecast(run, observed=0.25) == known
    assert model.plan(run, observed=0.25).now == pytest.approx(35 / 150)


def test_what_is_out_of_range_is_told(model, sweep):
    with pytest.raises(lodecast.SettingError, match="observed = 25: give fractions"):
        model.evaluate(sweep, [25])
    with pytest.raises(lodecast.SettingError, match="-1: give a whole number"):
        model.suggest(-1)
    with pytest.warns(lodecast.LodecastWarning, match="none of the rates that the sweep has shown"):
        model.forecast(schedule=lodecast.Schedule.constant(300.0))
    with pytest.raises(lodecast.SettingError, match="start goes up to 5.000e0, beyond the 1.600e0 .* range_factor=3.1"):
        lodecast.Scheduler(model, 100, start=lodecast.Schedule.cosine(5.0))
    assert lodecast.Scheduler(model, 100, start=lodecast.Schedule.cosine(5.0), range_factor=4).learning_rate(0) == 5.0
    start = lodecast.Schedule.warmup_stable_decay(0.3)
    scheduler = lodecast.Scheduler(model, 100, start=start)
    assert scheduler.schedule == start and scheduler.replans == 0, "it begins with what it was given"
    scheduler.observe(10, train_loss=1.0, validation=0.3)
    assert scheduler.replans == 1
    with pytest.raises(lodecast.FileError, match="sweep.csv"):
        lodecast.fit("sweep.csv")
    with pytest.raises(lodecast.ArgumentError, match="runs are needed: a lodecast.Sweep, or the path"):
        lodecast.fit(None)
    with pytest.raises(lodecast.ArgumentError, match="path of its file"):
        lodecast.Scheduler(None, 100)


def test_it_says_what_is_in_force_and_why(model, sweep):
    scheduler = lodecast.Scheduler(model, 150, replan_at=[0.2])
    assert "Nothing was observed yet" in scheduler.explain() and "Nothing was planned anew yet" in scheduler.explain()
    scheduler.observe(30, train_loss=1.0, validation=0.3)
    assert scheduler.last_plan.reason in scheduler.explain() and "Step 30 of 150 (20%)" in scheduler.explain()
    table = str(model.evaluate(sweep, [0.0, 0.25]))
    assert "nearest-runs" in table and "25%" in table


def test_a_fit_resumes_to_the_same_bits(sweep, tmp_path):
    class Stop(Exception):
        pass

    def stop(iteration, *_):
        if iteration >= 200:
            raise Stop

    settings = {"members": 2, "iterations": 1000, "batch_size": 16}
    checkpoint = tmp_path / "fit.checkpoint"
    with pytest.raises(Stop):
        lodecast.fit(sweep, progress=stop, checkpoint=checkpoint, **settings)
    assert checkpoint.exists()
    resumed = lodecast.fit(sweep, progress=False, checkpoint=checkpoint, resume=True, **settings)
    assert resumed.fingerprint == lodecast.fit(sweep, progress=False, **settings).fingerprint


@pytest.fixture
def interruptible():
    # A shell that starts the tests in the background has them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_answered_within_a_second_and_threads_go_on(sweep):
    pressed, ticks = [], []

    def press():
        for _ in range(10):
            time.sleep(0.05)
            ticks.append(time.monotonic())
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        lodecast.fit(sweep, iterations=1_000_000, progress=False)
    assert time.monotonic() - pressed[0] < 1.0
    assert len(ticks) == 10
    thread.join()


def test_what_was_left_out_is_said(sweep):
    short = lodecast.Run("short", [], validation={"accuracy:max": []})
    with pytest.warns(lodecast.LodecastWarning, match="run 'short' was left out"):
        lodecast.fit(lodecast.Sweep([*sweep, short]), members=1, iterations=2, progress=False)
    with pytest.raises(lodecast.SettingError, match="choose one of controlled, law, paper"):
        lodecast.fit(sweep, kind="magic")
    with pytest.raises(lodecast.SettingError, match="no setting 'iteration'"):
        lodecast.fit(sweep, iteration=3)
    with pytest.raises(lodecast.SweepError):
        lodecast.fit(lodecast.Sweep([]))
    assert all(issubclass(kind, lodecast.Error) for kind in (lodecast.InternalError, lodecast.StateError))


def test_runs_in_place_of_a_model_are_told_from_a_damaged_one(sweep, tmp_path):
    sweep.write(tmp_path / "sweep.csv")
    for ask in (lodecast.load, lambda path: lodecast.Scheduler(path, 100)):
        with pytest.raises(lodecast.SettingError, match=r"runs are no model; fit one to them and keep it: lodecast\.fit\("):
            ask(tmp_path / "sweep.csv")


def test_what_no_run_had_is_unknown(law):
    known = lodecast.Schedule.cosine(0.1)
    assert law.unknown(known, 200) is None
    assert "2000 steps" in law.unknown(known, 2000)
    assert "beyond" in law.unknown(lodecast.Schedule.cosine(50.0), 200)
    with pytest.warns(lodecast.LodecastWarning, match="2000 steps"):
        law.plan(total_steps=2000)


def test_a_model_is_the_same_after_its_bytes(model):
    again = lodecast.Model.from_bytes(model.to_bytes())
    assert again == model and hash(again) == hash(model) and again is not model
    assert again != lodecast.example_model() and again != "a model"
    with pytest.raises(lodecast.errors.ArgumentError, match="to_bytes"):
        lodecast.Model.from_bytes("abc")


def test_seeds_and_schedules_of_another_kind_draw_advice(model):
    for ask in (lambda: lodecast.Scheduler(model, 100, seed=-1), lambda: model.plan(total_steps=100, seed=-1)):
        with pytest.raises(lodecast.errors.SettingError, match="from 0"):
            ask()
    with pytest.raises(lodecast.errors.SettingError, match="whole number"):
        model.suggest(seed=0.5)
    with pytest.raises(lodecast.errors.ScheduleError, match="to_dict"):
        lodecast.Schedule.from_dict({})


def test_a_rate_that_worked_is_enough_for_a_plan():
    known = {"learning_rate": 3e-4, "total_steps": 10_000, "start": 2.3}
    law = lodecast.LawModel.before_any_run("val_loss:min", **known)
    plan = law.plan(total_steps=10_000)
    assert 1e-4 < plan.schedule.learning_rate(0.3) < 1e-3 and "prior alone" in plan.reason
    narrowing = law.narrowing(plan.schedule, 10_000)
    deviations = [law.final_values([plan.schedule], 10_000)[0].deviation, *(one.predicted.deviation for one in narrowing)]
    assert len(narrowing) == 3 and deviations == sorted(deviations, reverse=True)
    assert pickle.loads(pickle.dumps(narrowing[0])) == narrowing[0] and "level of the curve" in repr(narrowing[0])
    # It schedules a run as any other model does, and is kept in a file.
    scheduler = lodecast.Scheduler(lodecast.Model.from_bytes(law.to_bytes()), 10_000)
    assert scheduler.learning_rate(3_000) == pytest.approx(plan.schedule.learning_rate(0.3))
    accuracy = lodecast.LawModel.before_any_run("acc:max", learning_rate=0.1, total_steps=500, start=0.1)
    assert 0.1 < accuracy.plan(total_steps=500).interval.mean < 1.0
    for wrong in ({"learning_rate": 0.0}, {"start": float("nan")}, {"start": -1.0}, {"expected": 3.0}):
        with pytest.raises(lodecast.SettingError):
            lodecast.LawModel.before_any_run("val_loss:min", **{**known, **wrong})
