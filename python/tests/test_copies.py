"""Whatever is public is pickled and copied, or says why not: what is new here has to say how."""

import copy
import multiprocessing
import pickle

import pytest
from test_follow import rates

import lodecast

PUBLIC = {value for name in lodecast.__all__ if isinstance(value := getattr(lodecast, name), type)}
ERRORS = {kind for kind in PUBLIC if issubclass(kind, BaseException)}
#: What stays in its process, and has a test of its own.
OF_A_PROCESS = {lodecast.Connection}


def of_a_law(law):
    pick, schedule = law.pick(200), law.plan(total_steps=200).schedule
    before = lodecast.LawModel.before_any_run("val_loss:min", learning_rate=0.1, total_steps=200, start=2.3)
    return [
        law, pick, pick.alternatives[0], pick.predicted, law.explain(), law.plan(total_steps=200),
        law.plan(total_steps=200).interval, *before.narrowing(schedule, 200),
    ]  # fmt: skip


def of_networks(model, latent_model, sweep):
    run = sweep["cosine-0.4-0"]
    forecast, plan = model.forecast(run, observed=0.3), model.plan(total_steps=150)
    scheduler = lodecast.Scheduler(model, 150, replan_at=[0.2])
    scheduler.observe(5, train_loss=1.0)
    return [
        model, latent_model, sweep, run, lodecast.Run("none", [], validation={"accuracy:max": []}), forecast,
        forecast.validation, forecast.final_validation, plan, plan.prediction, plan.schedule, *plan.alternatives,
        latent_model.plan(run, observed=0.3), model.evaluate(sweep, [0.0, 0.25]), model.suggest(1)[0],
        scheduler.observe(6, train_loss=float("nan")), scheduler.observe(40, train_loss=0.3, validation=0.5), scheduler,
    ]  # fmt: skip


def of_a_tuner():
    tuner = lodecast.Tuner(metric="val_loss:min", total_steps=200, peaks=(0.01, 1.0))
    for peak in range(8):
        trial = tuner.ask()
        end = abs(peak - 4) / 10 + 0.3
        tuner.tell(trial, [{"step": 0, "val_loss": 2.3}, {"step": 100, "val_loss": 0.1 + end}, {"step": 200, "val_loss": end}])
    recommended = tuner.recommend()
    return [tuner.ask(), *tuner.trials, tuner, recommended, *recommended.alternatives, recommended.next_run]


@pytest.fixture(scope="module")
def things(model, latent_model, law, sweep, tmp_path_factory):
    place = tmp_path_factory.mktemp("things")
    follow = lodecast.Follow(rates(place / "rates.json"), poll=0)
    with lodecast.record(place, "recorded", metrics="accuracy:max") as recorder:
        recorder.log(1, train_loss=1.0, learning_rate=0.1)
    return [*of_networks(model, latent_model, sweep), *of_a_law(law), *of_a_tuner(), follow, recorder]


def content(thing):
    """What a thing without an equality of its own is known by."""
    if isinstance(thing, lodecast.Model):
        return thing.fingerprint
    if isinstance(thing, (lodecast.Scheduler, lodecast.Tuner)):
        return thing.state_dict()
    if isinstance(thing, lodecast.TrialRecord):
        return thing.trial, thing.run, thing.status
    if isinstance(thing, lodecast.Follow):
        return thing.path, thing.newest
    return repr(thing) if isinstance(thing, lodecast.Recorder) else thing


def test_everything_is_pickled_and_copied(things):
    # No model is of the class itself; it is only what they have in common.
    assert {type(thing) for thing in things} == PUBLIC - ERRORS - OF_A_PROCESS - {lodecast.Model}
    for thing in things:
        for again in (pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)):
            assert type(again) is type(thing) and content(again) == content(thing)


def test_errors_arrive_from_other_processes_as_they_are():
    for kind in ERRORS:
        again = pickle.loads(pickle.dumps(kind("what to do")))
        assert type(again) is kind and str(again) == "what to do"


def test_different_things_are_not_equal(model, latent_model, sweep):
    run = sweep["cosine-0.4-0"]
    assert sweep != lodecast.Sweep([]) and model.plan(total_steps=150) != latent_model.plan(run, observed=0.3)


def go_on(recorder):
    recorder.log(2, train_loss=0.5, learning_rate=0.1)
    recorder.close()


def test_a_recording_goes_on_in_another_process(tmp_path):
    recorder = lodecast.record(tmp_path, "a", metrics="accuracy:max")
    recorder.log(1, train_loss=1.0, learning_rate=0.1)
    process = multiprocessing.get_context("spawn").Process(target=go_on, args=(recorder,))
    process.start()
    process.join()
    assert process.exitcode == 0
    copied = copy.deepcopy(recorder)
    recorder.close()
    copied.log(3, train_loss=0.25, learning_rate=0.1)
    copied.close()
    assert lodecast.Sweep.read(tmp_path)["a"].train_loss.tolist() == [1.0, 0.5, 0.25]
    pickled = pickle.dumps(lodecast.record(tmp_path, "b", metrics="accuracy:max"))
    (tmp_path / "b.jsonl").unlink()
    with pytest.raises(lodecast.FileError, match="goes on where its file is"):
        pickle.loads(pickled)


def test_a_connection_stays_in_its_process(tmp_path):
    # Nobody is there to answer, which does not matter.
    with lodecast.connect("http://127.0.0.1:9", "run", model="m", total_steps=10, spool=tmp_path, wait=0.0) as live:
        assert copy.copy(live) is live and copy.deepcopy({"of a callback": live})["of a callback"] is live
        with pytest.raises(lodecast.ArgumentError, match=r"call lodecast.connect\(...\) in the other one"):
            pickle.dumps(live)
