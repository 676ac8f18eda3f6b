"""The online loop, and schedules."""

import json
import math
import pickle
import sys

import numpy as np
import pytest

import lodecast


def test_schedules_agree_with_their_formulas():
    cosine = lodecast.Schedule.cosine(0.1)
    times = np.linspace(0, 1, 11)
    assert cosine.learning_rates(times) == pytest.approx(0.05 * (1 + np.cos(np.pi * times)))
    assert cosine.at_step(250, 1000) == cosine.learning_rate(0.25)
    assert lodecast.Schedule.piecewise_linear([(0, 1.0), (1, 0.0)]).learning_rate(0.25) == 0.75
    for schedule in (cosine, lodecast.Schedule.one_cycle(0.1), lodecast.Schedule.parametric("one_cycle", 0.1, 0.1)):
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert lodecast.Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))) == schedule
    with pytest.raises(lodecast.ScheduleError, match="no schedule family 'sine'"):
        lodecast.Schedule.parametric("sine", 0.1)
    with pytest.raises(lodecast.ScheduleError, match="positive"):
        lodecast.Schedule.cosine(-1)


def loss(step: int) -> float:
    return 2 * math.exp(-step / 60) + 0.05


def test_a_restored_scheduler_goes_on_bit_for_bit(model, latent_model):
    for one in (model, latent_model):
        whole, rates, saved = lodecast.Scheduler(one, 150, seed=3), [], None
        for step in range(150):
            rates.append(whole.learning_rate(step))
            whole.observe(step, train_loss=loss(step), validation=0.9 - 0.4 * loss(step) if step % 5 == 0 else None)
            if step == 70:
                saved = json.dumps(whole.state_dict())
        again = lodecast.Scheduler(one, 150, start=lodecast.Schedule.constant(0.1))
        again.load_state_dict(json.loads(saved))
        copy = pickle.loads(pickle.dumps(again))
        for scheduler in (again, copy):
            for step in range(71, 150):
                assert scheduler.learning_rate(step) == rates[step]
                scheduler.observe(step, train_loss=loss(step), validation=0.9 - 0.4 * loss(step) if step % 5 == 0 else None)
            assert scheduler.state_dict() == whole.state_dict()


def test_observations_say_what_became_of_them(model):
    scheduler = lodecast.Scheduler(model, 150, replan_at=[0.2])
    assert scheduler.observe(10, train_loss=1.0).kind == "nothing"
    early = scheduler.observe(5, train_loss=1.0)
    assert (early.kind, early.reason) == ("ignored", "step 5 came after step 10")
    bad = scheduler.observe(20, train_loss=float("nan"))
    assert bad.kind == "kept" and "NaN" in bad.reason
    due = scheduler.observe(30, train_loss=0.9, validation=0.4)
    assert due.kind in ("replanned", "kept") and scheduler.replans == 1
    assert due.replanned == (due.plan is not None)
    assert scheduler.observe(30, train_loss=0.9, validation=0.4).kind == "nothing", "it never plans twice for a step"
    scheduler.extend(300)
    assert scheduler.total_steps == 300
    low, high = model.learning_rates
    assert all(low <= scheduler.learning_rate(step) <= high for step in range(0, 400, 10))


def test_states_that_do_not_fit_are_refused(model, latent_model):
    scheduler = lodecast.Scheduler(model, 150)
    with pytest.raises(lodecast.StateError, match="was saved with model"):
        lodecast.Scheduler(latent_model, 150).load_state_dict(scheduler.state_dict())
    for damage in ({"total_steps": 0}, {"points": 3}, {"version": 99}):
        with pytest.raises(lodecast.StateError):
            scheduler.load_state_dict(scheduler.state_dict() | damage)
    with pytest.raises(lodecast.SettingError, match="total_steps"):
        lodecast.Scheduler(model, 0)
    with pytest.raises(lodecast.SettingError, match="exclude each other"):
        lodecast.Scheduler(model, 10, replan_at=[0.1], replan_every=0.1)


def test_a_run_extended_at_its_end_goes_on_as_one_of_that_length(model):
    start = lodecast.Schedule.cosine(0.8)
    scheduler = lodecast.Scheduler(model, 60, start=start, replan_at=[0.9])
    scheduler.note(60, train_loss=0.1, validation=0.8)
    before = [scheduler.learning_rate(step) for step in range(60)]
    scheduler.extend(120)
    assert [scheduler.learning_rate(step) for step in range(58)] == pytest.approx(before[:58], rel=0.05)
    for step in (63, 75, 82):
        assert scheduler.learning_rate(step) == pytest.approx(start.at_step(step, 120), rel=0.02)


def test_an_argument_that_is_not_taken_is_named(law):
    for attempt, said in (
        (lambda: lodecast.Scheduler(law, -1), "total_steps: -1: give a whole number"),
        (lambda: lodecast.Scheduler(law, 2.5), "total_steps: 2.5 is no whole number"),
        (lambda: law.pick(200, candidates="many"), "candidates: a whole number is needed, not str"),
        (lambda: lodecast.Schedule.cosine(0.1).at_step(-1, 100), "step: -1: give"),
        (lambda: lodecast.Run("a", [1, -2], train_loss=[1.0, 1.0]), "steps: -2: give"),
        (lambda: lodecast.Scheduler(lodecast.example_sweep(), 100), "model: .*, not Sweep"),
    ):
        with pytest.raises(lodecast.Error, match=f"^{said}"):
            attempt()
    error = lodecast.SettingError("width = 0")
    if sys.version_info >= (3, 11):
        error.add_note("seen on a Tuesday")
        assert error.__notes__ == ["seen on a Tuesday"]
    assert str(error) == "width = 0"


def test_decisions_of_a_plain_loop_are_told(law, caplog):
    scheduler = lodecast.Scheduler(law, 200, replan_at=[0.1], settings={"keep_pick": False})
    with caplog.at_level("INFO", logger="lodecast"):
        for step in range(40):
            scheduler.observe(step, train_loss=loss(step), validation=loss(step) if step % 5 == 0 else None)
    assert sum("step 20 of 200" in told for told in caplog.messages) == 1, caplog.messages
