"""Recording live runs."""

import multiprocessing
import os

import numpy as np
import pytest

import lodecast


def test_a_run_resumed_from_a_checkpoint_takes_back_what_came_after(tmp_path):
    with lodecast.record(tmp_path, "a/1", metrics="accuracy:max", total_steps=60, seed=3, width=64) as recorder:
        for step in (10, 20, 30):
            recorder.log(step, train_loss=3.0 - step / 10, learning_rate=0.1)
        recorder.log(30, validation=0.5)
    with lodecast.record(tmp_path, "a/1", metrics="accuracy:max", total_steps=60, seed=3, width=64, resume=True) as again:
        assert again.last_step == 30
        again.log(20, train_loss=1.25, learning_rate=0.1)
        again.log(30, train_loss=float("nan"), learning_rate=0.1, validation={"accuracy": 0.6})
    run = lodecast.Sweep.read(tmp_path)["a/1"]
    assert run.steps.tolist() == [10, 20, 30] and run.train_loss[:2].tolist() == [2.0, 1.25]
    assert run.diverged_at() == 2 and run.final_validation() == 0.6 and run.total_steps == 60
    assert run.attributes["seed"] == 3 and run.attributes["other"] == {"width": "64"}


def test_a_crash_loses_no_more_than_the_line_it_cut_off(tmp_path):
    with lodecast.record(tmp_path, "a", metrics="accuracy:max") as recorder:
        recorder.log(1, train_loss=1.0, learning_rate=0.1)
        recorder.log(2, train_loss=0.9, learning_rate=0.1)
    text = recorder.path.read_bytes()
    recorder.path.write_bytes(text[:-7])
    assert len(lodecast.Sweep.read(tmp_path)["a"]) == 1
    with lodecast.record(tmp_path, "a", metrics="accuracy:max", resume=True) as again:
        assert again.last_step == 1
        again.log(2, train_loss=0.9, learning_rate=0.1)
    assert recorder.path.read_bytes() == text
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl"]


def _run(folder: str, seed: int) -> None:
    with lodecast.record(folder, f"run-{seed}", metrics="accuracy:max", seed=seed) as recorder:
        for step in range(1, 200):
            recorder.log(step, train_loss=1 / step, learning_rate=0.1, validation=seed / 10)


def test_several_processes_record_into_one_sweep(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_run, args=(str(tmp_path), seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sweep = lodecast.Sweep.read(tmp_path / "run-*.jsonl")
    assert sorted(run.id for run in sweep) == ["run-0", "run-1", "run-2"]
    assert all(np.array_equal(run.steps, np.arange(1, 200)) for run in sweep)


def test_what_cannot_be_recorded(tmp_path):
    with pytest.raises(lodecast.SettingError, match="which way"):
        lodecast.record(tmp_path, "a", metrics="accuracy")
    recorder = lodecast.record(tmp_path, "a", metrics="accuracy:max")
    with pytest.raises(lodecast.FileError, match="resume=True"):
        lodecast.record(tmp_path, "a", metrics="accuracy:max")
    with pytest.raises(lodecast.SettingError, match="no metric 'top5'"):
        recorder.log(1, validation={"top5": 1.0})
    recorder.close()
    with pytest.raises(lodecast.FileError, match="closed"):
        recorder.log(1, train_loss=1.0)
    with pytest.raises(lodecast.SweepError, match="no sweep files"):
        lodecast.Sweep.read(tmp_path / "*.csv")


def test_what_is_no_point_is_refused_where_it_is_logged(tmp_path):
    recorder = lodecast.record(tmp_path, "a", metrics="accuracy:max")
    recorder.log(np.int64(2), train_loss=np.float32(1.5), learning_rate=0.1)
    for step, kind, said in (
        (-1, lodecast.SettingError, "step = -1: give a whole number of at least 0"),
        (2.7, lodecast.SettingError, r"step = 2\.7: no whole number"),
        (2**64, lodecast.SettingError, "give a whole number from 0"),
        ("3", lodecast.ArgumentError, "step is '3': give a whole number"),
        (True, lodecast.ArgumentError, "step is True: give a whole number"),
    ):
        with pytest.raises(kind, match=said):
            recorder.log(step, train_loss=1.0)
    for values, kind, said in (
        ({"learning_rate": -0.1}, lodecast.SettingError, r"learning_rate = -0\.1: give the rate"),
        ({"train_loss": "abc"}, lodecast.ArgumentError, "train_loss is 'abc': give one number"),
        ({"validation": [0.1, 0.2]}, lodecast.ArgumentError, r"accuracy is \[0\.1, 0\.2\]: give one number"),
    ):
        with pytest.raises(kind, match=said):
            recorder.log(3, **values)
    recorder.log(4.0, train_loss=1.25, learning_rate=0.0)
    recorder.close()
    run = lodecast.Sweep.read(tmp_path)["a"]
    assert run.steps.tolist() == [2, 4] and run.train_loss.tolist() == [1.5, 1.25]
