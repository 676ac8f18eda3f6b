"""Sweeps from the files that trackers and frameworks write."""

import csv
import logging
import math
import sqlite3
import sys
import types
from pathlib import Path

import pytest

import lodecast


@pytest.fixture
def keras_logs(tmp_path: Path) -> Path:
    """Three runs as Keras' CSVLogger writes them."""
    for seed in range(3):
        with (tmp_path / f"run-{seed}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["epoch", "learning_rate", "loss", "val_accuracy", "val_loss"])
            for epoch in range(6):
                validated = epoch % 2 == 1
                rows.writerow(
                    [epoch, 0.1 * 0.5**epoch, 2.0 / (1 + epoch + seed), *([0.1 * epoch, 1.0] if validated else ["NA"] * 2)]
                )
    return tmp_path


def test_runs_are_imported_as_they_were_written(keras_logs):
    seen = []
    sweep = lodecast.import_runs(keras_logs, progress=lambda runs, points: seen.append((runs, points)))
    assert [run.id for run in sweep] == ["run-0", "run-1", "run-2"]
    assert sweep.metrics == ["val_accuracy:max", "val_loss:min"]
    run = sweep["run-2"]
    assert run.steps.tolist() == list(range(6))
    assert run.train_loss.tolist() == [2.0 / (3 + epoch) for epoch in range(6)]
    assert run.learning_rate.tolist() == [0.1 * 0.5**epoch for epoch in range(6)]
    assert [math.isnan(value) for value in run.validation["val_accuracy"]] == [True, False] * 3
    assert run.final_validation("val_accuracy") == 0.5
    assert seen[-1] == (3, 18)


def test_the_report_says_what_was_read_chosen_and_left_out(keras_logs, caplog):
    (keras_logs / "broken.csv").write_text("epoch,learning_rate,loss,val_accuracy\nx,y,z,w\n")
    with caplog.at_level(logging.INFO, "lodecast"), pytest.warns(lodecast.LodecastWarning, match="'broken' was left out"):
        sweep = lodecast.import_runs(keras_logs, format="keras", metrics="val_loss:min")
    report = sweep.report
    assert [source["format"] for source in report["sources"]] == ["keras"]
    assert (report["train_loss"], report["learning_rate"], report["metrics"]) == ("loss", "learning_rate", ["val_loss:min"])
    assert [run["points"] for run in report["runs"]] == [6, 6, 6] and [run["run"] for run in report["skipped"]] == ["broken"]
    assert any("train loss: loss" in said for said in report["chosen"])
    assert any("train loss: loss" in record.getMessage() for record in caplog.records)


def test_a_dry_run_keeps_nothing(keras_logs):
    sweep = lodecast.import_runs(keras_logs, dry_run=True, progress=False)
    assert len(sweep) == 0 and len(sweep.report["runs"]) == 3


def test_a_rate_that_was_not_recorded_is_rebuilt(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("run_id,step,loss,val_acc,peak,max_steps\n" + "".join(f"a,{s},1.0,0.5,0.2,100\n" for s in (0, 50, 100)))
    sweep = lodecast.import_runs(path, lr_schedule="cosine,peak-from=peak", total_steps_from="max_steps")
    assert sweep["a"].learning_rate.tolist() == pytest.approx([0.2, 0.1, 0.0])
    assert sweep.report["learning_rate"] is None


def test_reports_name_keyword_arguments(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("step,loss,lr,val_acc,val_score\n1,1.0,0.1,0.5,3.0\n2,0.9,0.1,0.6,4.0\n")
    report = lodecast.import_runs(path).report
    assert any(
        'left out, since nothing says which way is better: val_score (for example metrics="val_score:max")' in said
        for said in report["chosen"]
    )
    assert "--" not in str(report)


def test_errors_name_keyword_arguments(keras_logs, tmp_path):
    table = tmp_path / "other" / "table.csv"
    table.parent.mkdir()
    table.write_text("step,loss,lr,val score\n1,1.0,0.1,0.5\n")
    with pytest.raises(lodecast.SweepError, match='metrics="val score:max"'):
        lodecast.import_runs(table)
    with pytest.raises(lodecast.SweepError, match=r"no series 'cost'; .* correct train_loss$"):
        lodecast.import_runs(table, train_loss="cost")
    with pytest.raises(lodecast.SettingError, match="no format 'keros'"):
        lodecast.import_runs(table, format="keros")
    with pytest.raises(lodecast.SettingError, match="choose last or split"):
        lodecast.import_runs(table, restarts="first")
    with pytest.raises(lodecast.SettingError, match="exclude each other"):
        lodecast.import_runs(table, learning_rate="lr", lr_schedule="constant,peak=0.1")
    with pytest.raises(lodecast.SettingError, match="nothing to import"):
        lodecast.import_runs()
    with pytest.raises(lodecast.FileError, match="nowhere"):
        lodecast.import_runs(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("nothing of interest")
    with pytest.raises(lodecast.SweepError, match="name it with format="):
        lodecast.import_runs(tmp_path / "notes.txt")
    with pytest.raises(TypeError):
        lodecast.import_runs(table, metric="loss:min")


def test_a_pattern_stands_for_the_places_that_it_names(keras_logs):
    some = lodecast.import_runs(str(keras_logs / "run-[01].csv"), steps_per_epoch=1)
    every = lodecast.import_runs(keras_logs / "*.csv", steps_per_epoch=1)
    assert (len(some), len(every)) == (2, 3)
    assert [run.train_loss.tolist() for run in some] == [run.train_loss.tolist() for run in every[:2]]
    (keras_logs / "run-[01].csv").write_text((keras_logs / "run-2.csv").read_text())
    assert len(lodecast.import_runs(str(keras_logs / "run-[01].csv"), steps_per_epoch=1)) == 1, "a file of that name"
    with pytest.raises(lodecast.FileError, match="unable to open database"):
        lodecast.import_runs("sqlite:///nowhere*")
    with pytest.raises(lodecast.FileError, match=r"none\*\.csv: no file is called like that"):
        lodecast.import_runs(keras_logs / "none*.csv")


def test_a_pattern_of_files_of_one_run_each_is_planned_from(tmp_path):
    for peak in (0.02, 0.05, 0.1, 0.2):
        rows = "".join(f"{step},{peak},{0.9 - 0.6 / (1 + step * peak) - peak}\n" for step in range(10, 201, 10))
        (tmp_path / f"constant-{peak}.csv").write_text("step,lr,val_accuracy\n" + rows)
    plan, whole = (lodecast.plan(place, total_steps=200) for place in (tmp_path / "*.csv", tmp_path))
    assert plan.schedule == whole.schedule


@pytest.mark.parametrize(
    ("source", "advice"),
    [(["a", "b"], r"not list; lodecast\.import_runs\(\*places\)"), ({"step": [1]}, r"not dict; .*from_numpy"), (3, "not int$")],
)
def test_what_is_no_place_gets_advice(source, advice):
    for read in (lodecast.import_runs, lodecast.fit, lambda given: lodecast.plan(given, total_steps=100)):
        with pytest.raises(lodecast.ArgumentError, match=advice):
            read(source)


def test_what_progress_raises_ends_the_import(keras_logs):
    def stop(runs: int, points: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lodecast.import_runs(keras_logs, progress=stop)


def test_databases_are_read(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("create table other (x)")
    with pytest.raises(lodecast.Error, match=r"mlflow\.db"):
        lodecast.import_runs(f"sqlite:///{path}", format="mlflow")


class Api:
    """A stand-in for `wandb.Api`: the same calls and attributes, with a project of two runs."""

    class Run:
        """A stand-in for `wandb.apis.public.Run`."""

        def __init__(self, id: str, rate: float) -> None:  # noqa: A002
            self.id, self.name, self.state, self._rate = id, f"amber-{id}", "finished", rate
            self.config = {"lr": rate, "optimizer": {"name": "sgd"}, "seed": 3, "_wandb": {"cli_version": "0.19"}}

        def scan_history(self):
            for step in range(10):
                yield {
                    "_step": step, "_runtime": 0.1 * step, "_timestamp": 1e9 + step, "trainer/global_step": 50 * (step + 1),
                    "train/loss": 2.0 / (step + 1), "lr": self._rate, "val_loss": None, "sample": {"_type": "image-file"},
                }  # fmt: skip
                yield {"_step": step, "val_loss": float("nan") if step == 9 else 1.0 / (step + 1)}

    def runs(self, path):
        assert path == "team/project"
        return iter([self.Run("abc", 0.1), self.Run("def", 0.2)])

    def run(self, path):
        assert path == "team/project/def"
        return self.Run("def", 0.2)


def test_runs_are_fetched_from_the_server_of_wandb(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(Api=Api))
    sweep = lodecast.import_runs("wandb:team/project", progress=False)
    assert [run.id for run in sweep] == ["abc", "def"] and sweep.metrics == ["val_loss:min"]
    run = sweep["def"]
    assert run.steps.tolist() == list(range(50, 501, 50)), "the framework's steps, not the calls of log()"
    assert run.train_loss.tolist() == [2.0 / (step + 1) for step in range(10)]
    assert run.learning_rate.tolist() == [0.2] * 10
    assert run.validation["val_loss"][:9].tolist() == [1.0 / (step + 1) for step in range(9)]
    assert run.diverged_at() == 9
    assert run.attributes["seed"] == 3
    assert run.attributes["source"] == "wandb:team/project/def.jsonl"
    assert [source["source"] for source in sweep.report["sources"]] == ["wandb:team/project"]
    (single,) = lodecast.import_runs("wandb:team/project/def", progress=False)
    assert single.id == "def"


def test_what_wandbs_server_does_not_give_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(lodecast.FileError, match="wandb:team/project: .* pip install wandb"):
        lodecast.import_runs("wandb:team/project")
    with pytest.raises(lodecast.SettingError, match="give wandb:ENTITY/PROJECT"):
        lodecast.import_runs("wandb:project")

    class Refusing(Api):
        def runs(self, path):
            raise ValueError(f"Could not find project {path}")

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(Api=Refusing))
    with pytest.raises(lodecast.FileError, match="wandb:team/project: Could not find project"):
        lodecast.import_runs("wandb:team/project")
