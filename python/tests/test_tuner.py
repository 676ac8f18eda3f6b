"""The tuner: it asks, is told, and recommends; its study outlives what is killed, and refuses what does not belong."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import lodecast

STEPS = 200


def new(**settings) -> lodecast.Tuner:
    return lodecast.Tuner(**{"metric": "val_loss:min", "total_steps": STEPS, "peaks": (0.01, 1.0), **settings})


def train(schedule: lodecast.Schedule) -> list[dict[str, float]]:
    """Descent with noise that follows the rate: what is trained for too little stays high, and so does what never anneals."""
    trained, noise, points = 0.0, 0.0, []
    for step in range(STEPS + 1):
        rate = schedule.at_step(step, STEPS)
        trained += rate
        noise += 0.2 * (rate - noise)
        if step % 10 == 0:
            points.append({"step": step, "learning_rate": rate, "val_loss": 0.1 + 2.2 / (1.0 + trained) ** 0.5 + 0.5 * noise})
    return points


def spend(tuner: lodecast.Tuner) -> lodecast.Tuner:
    while trial := tuner.ask():
        tuner.tell(trial, train(trial.schedule))
    return tuner


@pytest.fixture(scope="module")
def told() -> lodecast.Tuner:
    return spend(new(budget=8 * STEPS))


def test_the_recommended_schedule_is_as_good_as_the_best_measured(told):
    assert told.committed == told.budget == 8 * STEPS and len(told.trials) == 8
    finals = [train(record.trial.schedule)[-1]["val_loss"] for record in told.trials]
    recommended = told.recommend()
    assert recommended.best_value == pytest.approx(min(finals))
    assert finals[[record.trial.name for record in told.trials].index(recommended.best_run)] == min(finals)
    reached = train(recommended.schedule)[-1]["val_loss"]
    assert reached < 1.1 * min(finals)
    low, high = recommended.predicted.interval_95
    assert low < reached < high and recommended.runs == 8
    assert recommended == told.recommend() and recommended.total_steps == STEPS
    # The same pick as from the runs themselves, but for the range of peaks, which the study was told.
    assert recommended.pick.schedule == recommended.schedule and recommended.pick.alternatives == recommended.choices
    assert lodecast.pick(told.sweep(), total_steps=STEPS).predicted.median == pytest.approx(reached, rel=0.1)
    assert all(0.0 < other.probability <= 1.0 for other in recommended.alternatives)
    assert recommended.next_run.reason in str(recommended) and f"for {STEPS} steps" in str(recommended)


def test_the_recommended_schedules_are_better_than_the_best_measured_on_average():
    def beside_the_best(seed: int) -> float:
        tuner = spend(new(seed=seed, budget=12 * STEPS))
        finals = [train(record.trial.schedule)[-1]["val_loss"] for record in tuner.trials]
        return train(tuner.recommend().schedule)[-1]["val_loss"] / min(finals)

    ratios = [beside_the_best(seed) for seed in range(6)]
    assert np.mean(ratios) < 1.0 and max(ratios) < 1.1, ratios


def test_a_trial_says_what_to_train(told):
    trial = told.trials[0].trial
    assert (trial.name, trial.total_steps, trial.settings) == ("trial-0001", STEPS, {})
    assert trial.learning_rate(50) == trial.schedule.at_step(50, STEPS) and trial.reason in repr(trial)
    assert lodecast.Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) == trial
    assert len({record.trial.seed for record in told.trials}) == 8


def test_every_kind_of_report_says_the_same():
    tuners = [new() for _ in range(3)]
    asked = [tuner.ask() for tuner in tuners]
    assert asked[0] == asked[1] == asked[2]
    points = train(asked[0].schedule)
    columns = {name: [point[name] for point in points] for name in points[0]}
    run = lodecast.Run(
        "mine", columns["step"], learning_rate=columns["learning_rate"], validation={"val_loss:min": columns["val_loss"]}
    )
    of_arrays = ({name: np.float64(value) if name != "step" else np.int64(value) for name, value in p.items()} for p in points)
    for tuner, report in zip(tuners, (points, run, of_arrays), strict=True):
        tuner.tell("trial-0001", report)
    states = [tuner.state_dict() for tuner in tuners]
    assert states[0] == states[1] == states[2]
    # Again the same changes nothing.
    tuners[0].tell(asked[0], run)
    assert tuners[0].state_dict() == states[0] and tuners[0].trials[0].run.final_validation() == points[-1]["val_loss"]


def test_final_values_diverged_and_stopped_and_failed_runs_are_results():
    tuner = new(start=2.3)
    trials = [tuner.ask() for _ in range(6)]
    tuner.tell(trials[0], 0.5)
    tuner.tell(trials[1], math.nan)
    tuner.tell(trials[2], [{"step": 100, "val_loss": 0.9}])
    tuner.fail(trials[3], "out of memory")
    tuner.abandon(trials[4])
    tuner.observe(trials[5], [{"step": 100, "val_loss": 0.8}])
    records = tuner.trials
    assert [record.status for record in records] == ["finished", "diverged", "stopped", "failed", "abandoned", "running"]
    assert [record.last_value for record in records] == [0.5, None, 0.9, None, None, 0.8]
    assert [record.cost for record in records] == [STEPS, STEPS, 100, 0, STEPS, STEPS]
    assert records[3].failure == "out of memory" and records[5].run.steps[-1] == 100 and records[4].run is None
    tuner.tell(trials[4], 0.6)
    assert tuner.trials[4].status == "finished", "a late report counts"
    assert new(start=2.3).abandon_overdue(0) == []
    fresh = new()
    given = [fresh.ask(), fresh.ask()]
    fresh.tell(given[1], 0.4)
    assert fresh.abandon_overdue(1) == [given[0].name]


def test_from_one_value_the_measured_run_is_recommended_as_it_is():
    tuner = new()
    with pytest.raises(lodecast.SweepError, match="tell at least one"):
        tuner.recommend()
    trial = tuner.ask()
    tuner.tell(trial, 0.4)
    recommended = tuner.recommend()
    assert (recommended.schedule, recommended.run, recommended.best_value) == (trial.schedule, trial.name, 0.4)
    assert recommended.predicted is None and recommended.pick is None and "as it is" in str(recommended)


def test_runs_that_are_there_are_known(tmp_path):
    sweep = lodecast.example_sweep()
    tuner = lodecast.Tuner(metric="val_loss:min", total_steps=200, runs=sweep)
    assert "start design" not in tuner.ask().reason, "it asks for what they leave open"
    assert tuner.recommend().runs == len(sweep) and tuner.recommend().predicted is not None
    sweep.write(tmp_path / "sweep.parquet")
    again = lodecast.Tuner(metric="val_loss:min", total_steps=200, runs=tmp_path / "sweep.parquet")
    assert again.ask() == lodecast.Tuner(metric="val_loss:min", total_steps=200, runs=sweep).ask()
    assert again.add(sweep) == {"new": 0, "told": 0, "known": len(sweep), "refused": {}}


def test_a_run_with_a_trials_name_is_its_report():
    tuner = new()
    trial = tuner.ask()
    points = train(trial.schedule)
    columns = {name: [point[name] for point in points] for name in points[0]}

    def run(name: str, **attributes: str) -> lodecast.Run:
        return lodecast.Run(
            name, columns["step"], learning_rate=columns["learning_rate"], total_steps=STEPS,
            validation={"val_loss:min": columns["val_loss"]}, attributes=attributes,
        )  # fmt: skip

    added = tuner.add(lodecast.Sweep([run("mine", trial=trial.name), run("another")]))
    assert (added["told"], added["new"]) == (1, 1) and tuner.trials[0].status == "finished"
    columns["val_loss"] = [value + 1.0 for value in columns["val_loss"]]
    with pytest.warns(lodecast.LodecastWarning, match="run 'another' was not added: .* differs now"):
        assert list(tuner.add(lodecast.Sweep([run("another")]))["refused"]) == ["another"]


def test_other_settings_are_tuned_beside_the_rate():
    ranges = {"weight_decay": (1e-4, 1e-1, "log"), "batch_size": (16, 256), "optimizer": ["adam", "sgd"]}
    tuner = new(settings=ranges, warmup=0.05, end=0.0)
    chosen = []
    for _ in range(8):
        trial = tuner.ask()
        chosen.append(trial.settings)
        assert trial.learning_rate(STEPS) == 0.0
    assert all(1e-4 <= one["weight_decay"] <= 1e-1 and 16 <= one["batch_size"] <= 256 for one in chosen)
    assert {one["optimizer"] for one in chosen} == {"adam", "sgd"} and {type(one["batch_size"]) for one in chosen} == {int}
    families = new(families=["cosine", "one_cycle"])
    assert {families.ask().schedule.to_dict()["family"] for _ in range(6)} == {"cosine", "one-cycle"}
    families.change_space(families=["linear"], peaks=(0.1, 0.2))
    asked = families.ask().schedule.to_dict()
    assert asked["family"] == "linear" and 0.1 <= asked["peak_lr"] <= 0.2


def test_a_schedule_of_ones_own_is_a_trial_too():
    tuner = new(budget=3 * STEPS)
    tuner.tell(tuner.ask(), 0.5)
    wanted = lodecast.Schedule.cosine(0.3)
    trial = tuner.try_schedule(wanted, "another search's")
    assert (trial.name, trial.schedule, trial.reason) == ("trial-0002", wanted, "another search's")
    tuner.tell(trial, train(wanted))
    assert tuner.recommend().best_run in {"trial-0001", "trial-0002"}
    assert tuner.try_schedule(wanted) is not None and tuner.try_schedule(wanted) is None


def test_it_is_pickled_with_everything_it_knows(told, tmp_path):
    again = pickle.loads(pickle.dumps(told))
    assert again.state_dict() == told.state_dict() and again.recommend() == told.recommend()
    assert lodecast.Tuner.from_state_dict(told.state_dict()).state_dict() == told.state_dict()
    shared = new(path=tmp_path / "study.json")
    other = pickle.loads(pickle.dumps(shared))
    assert [shared.ask().name, other.ask().name, shared.ask().name] == ["trial-0001", "trial-0002", "trial-0003"]
    assert other.path == tmp_path / "study.json" and len(other.trials) == 3


def test_a_study_goes_on_with_what_it_was_told(tmp_path):
    study = tmp_path / "study.json"
    first = new(path=study, budget=4 * STEPS, task="toy", strategy="random", seed=3)
    memory = new(budget=4 * STEPS, task="toy", strategy="random", seed=3)
    for _ in range(2):
        trial, same = first.ask(), memory.ask()
        assert trial == same
        first.tell(trial, train(trial.schedule))
        memory.tell(same, train(same.schedule))
    again = lodecast.Tuner(path=study)
    assert (again.metric, again.total_steps, again.strategy, again.budget) == ("val_loss:min", STEPS, "random", 4 * STEPS)
    assert again.ask() == memory.ask(), "the same asks as one that never stopped"
    for changed, what in (
        ({"metric": "accuracy:max"}, "the metric is accuracy:max here and val_loss:min in the study"),
        ({"total_steps": 100}, "the length of the runs in steps is 100 here and 200"),
        ({"task": "mnist"}, "the task is mnist here and toy"),
        ({"peaks": (0.1, 1.0)}, "the range of peaks is 0.1 to 1 here"),
    ):
        with pytest.raises(lodecast.StateError, match=what):
            new(path=study, **{"budget": 4 * STEPS, **changed})
    study.write_text(study.read_text()[:-20])
    with pytest.raises(lodecast.StateError, match="not a usable study"):
        lodecast.Tuner(path=study)


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda tuner: tuner.tell("trial-0009", 0.5), lodecast.MissingError, "no trial 'trial-0009' was asked for; running"),
        (lambda tuner: tuner.tell("trial-0001", 0.7), lodecast.StateError, "has reported already, and something else"),
        (lambda tuner: tuner.fail("trial-0001", "lost"), lodecast.StateError, "its result is kept"),
        (lambda tuner: tuner.tell("trial-0002", [{"step": 300, "val_loss": 1.0}]), lodecast.SweepError, "beyond its end"),
        (lambda tuner: tuner.tell("trial-0002", [{"step": 10}]), lodecast.SweepError, "no value of the metric"),
        (lambda tuner: tuner.tell("trial-0002", []), lodecast.SweepError, "no value of the metric"),
        (lambda tuner: tuner.tell("trial-0002", [{"val_loss": 1.0}]), lodecast.SettingError, "needs its 'step'"),
        (lambda tuner: tuner.tell("trial-0002", [{"step": 1, "acc": 1.0}]), lodecast.SettingError, "no 'acc'"),
        (lambda tuner: tuner.tell("trial-0002", {"step": 1}), lodecast.ArgumentError, "no report of a trial"),
        (lambda tuner: tuner.tell("trial-0002", "0.5"), lodecast.ArgumentError, "no report of a trial"),
        (lambda tuner: tuner.tell("trial-0002", [1.0]), lodecast.ArgumentError, "a point is no float"),
        (lambda tuner: tuner.tell(2, 0.5), lodecast.ArgumentError, "a trial or its name is needed, not int"),
        (lambda tuner: tuner.add(3), lodecast.ArgumentError, "runs are needed"),
        (lambda _: lodecast.Tuner(metric="x:max"), lodecast.SettingError, "give metric='name:max'"),
        (lambda _: lodecast.Tuner(path="none.json"), lodecast.SettingError, "none.json is not there yet"),
        (lambda _: new(learning_rate=0.1), lodecast.SettingError, "give one of them"),
        (lambda _: new(settings={"decay": 3}), lodecast.SettingError, "decay = 3: give"),
        (lambda _: new(strategy="best"), lodecast.SettingError, "choose one of spread"),
        (lambda _: new(families=["cosin"]), lodecast.ScheduleError, "cosin"),
        (lambda _: new(budget=10), lodecast.SettingError, "budget = 10"),
        (lambda _: new(peaks=None).ask(), lodecast.SettingError, "which learning rates to try"),
    ],
)
def test_mistakes_are_named_and_nothing_is_lost(act, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (None, tmp_path / "study.json"):
        tuner = new(path=path)
        tuner.ask()
        tuner.ask()
        tuner.tell("trial-0001", 0.5)
        before = tuner.state_dict()
        with pytest.raises(error, match=said):
            act(tuner)
        assert tuner.state_dict() == before
        tuner.tell("trial-0002", 0.6)


WORKER = """
import sys
import lodecast

tuner = lodecast.Tuner(path=sys.argv[1], metric="val_loss:min", total_steps=200, peaks=(0.01, 1.0), budget=4000)
while trial := tuner.ask(worker=sys.argv[2]):
    tuner.observe(trial, [{"step": 0, "val_loss": 2.0}])
    peak = max(trial.learning_rate(step) for step in range(200))
    tuner.tell(trial, [{"step": 0, "val_loss": 2.0}, {"step": 200, "val_loss": 0.1 + (peak - 0.1) ** 2}])
    print(trial.name, flush=True)
"""


def worker(study: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(study), name], stdout=subprocess.PIPE, text=True, cwd=study.parent
    )


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_it_asks_the_same_however_often_it_is_killed(tmp_path):
    whole = worker(tmp_path / "whole.json", "a")
    assert whole.wait(60) == 0
    killed, kills = tmp_path / "killed.json", 0
    for delay in (0.0, 0.003, 0.011, 0.002, 0.017, 0.005, 0.0, 0.03):
        process = worker(killed, "a")
        assert process.stdout is not None
        if not process.stdout.readline():
            break
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(60) == -signal.SIGKILL
    assert kills >= 3
    assert worker(killed, "a").wait(60) == 0
    states = [json.loads((tmp_path / name).read_text()) for name in ("whole.json", "killed.json")]
    assert states[0] == states[1] and len(states[0]["trials"]) == 20


def test_workers_share_a_study(tmp_path):
    processes = [worker(tmp_path / "study.json", name) for name in ("a", "b", "c")]
    told = [name for process in processes for name in process.communicate(timeout=120)[0].split()]
    assert sorted(told) == [f"trial-{number:04}" for number in range(1, 21)], "each trial once"
    tuner = lodecast.Tuner(path=tmp_path / "study.json")
    assert {record.status for record in tuner.trials} == {"finished"} and tuner.ask() is None
    assert {record.worker for record in tuner.trials} <= {"a", "b", "c"}
    # And so do threads.
    tuner = new(path=tmp_path / "threads.json")
    asked: list[str] = []
    threads = [threading.Thread(target=lambda: asked.append(tuner.ask().name)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(asked) == [f"trial-{number:04}" for number in range(1, 9)]
    assert tuner.ask(worker="w") == tuner.ask(worker="w") != tuner.ask(worker="v")


def test_the_example_ends_with_a_schedule_as_good_as_the_best_run(tmp_path):
    example = Path(__file__).parents[1] / "examples" / "tune_numpy.py"
    said = subprocess.run([sys.executable, str(example)], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert said.count("trial-") >= 8
    recommended, best = (float(line.split()[-5]) for line in said.splitlines() if line.endswith("on 10 fresh seeds"))
    assert recommended < 1.1 * best
