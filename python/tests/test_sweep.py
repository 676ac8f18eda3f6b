"""Sweeps from files and from the tables of others."""

import pickle

import numpy as np
import pytest

import lodecast


def test_all_tables_give_the_same_sweep(columns, sweep):
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    options = {"metrics": "accuracy:max"}
    assert lodecast.Sweep.from_pandas(pd.DataFrame(columns), **options) == sweep
    assert lodecast.Sweep.from_polars(pl.DataFrame(columns), **options) == sweep
    assert lodecast.Sweep.from_arrow(pa.table(columns), **options) == sweep
    assert lodecast.Sweep.from_arrow(pl.DataFrame(columns), **options) == sweep
    assert lodecast.Sweep.from_arrow(pd.DataFrame(columns), **options) == sweep
    assert lodecast.Sweep.from_pandas(pd.DataFrame(columns).convert_dtypes(), **options) == sweep


def test_what_was_not_measured_is_told_from_what_diverged():
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    table = {
        "run_id": [1, 1],
        "step": [1, 2],
        "train_loss": [1.0, float("nan")],
        "learning_rate": [0.1, 0.1],
        "accuracy": [None, 0.5],
    }
    for sweep in (
        lodecast.Sweep.from_polars(pl.DataFrame(table, strict=False), metrics="accuracy:max"),
        lodecast.Sweep.from_arrow(pa.table(table), metrics="accuracy:max"),
    ):
        assert sweep["1"].diverged_at() == 1
        assert np.isnan(sweep["1"].validation["accuracy"][0])
        assert sweep["1"].final_validation() == 0.5
    assert lodecast.Sweep.from_numpy(table, metrics="accuracy:max")["1"].diverged_at() is None
    diverged = lodecast.Sweep.from_numpy(table, metrics="accuracy:max", nan_is_missing=False)
    assert diverged["1"].diverged_at() == 1


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_what_is_written_reads_back(sweep, tmp_path, ending):
    sweep.write(tmp_path / f"sweep.{ending}")
    assert lodecast.Sweep.read(tmp_path / f"sweep.{ending}") == sweep
    assert pickle.loads(pickle.dumps(sweep)) == sweep


def test_a_sweep_is_a_sequence_of_runs(sweep):
    assert len(sweep) == 30 and len(list(sweep)) == 30 and sweep.metrics == ["accuracy:max"]
    assert sweep[-1].id == sweep.runs[29].id == "one-cycle-1.6-1"
    for nothing, kind in ((30, IndexError), (-31, IndexError), ("nobody", KeyError)):
        with pytest.raises(kind, match="30") as raised:
            sweep[nothing]
        assert isinstance(raised.value, lodecast.Error)
    assert "cosine-0.1-0" in sweep and "nobody" not in sweep and 3 not in sweep
    run = sweep["cosine-0.1-0"]
    assert run in sweep and run in list(sweep) and lodecast.Run("cosine-0.1-0", [1]) not in sweep
    assert [run.id for run in sweep[2:5]] == [run.id for run in sweep.runs[2:5]]
    assert [run.id for run in sweep[::-7]] == [run.id for run in sweep.runs[::-7]]
    assert sweep[:3].metrics == sweep.metrics and len(sweep[40:]) == 0 and sweep[:] == sweep
    name, value, runs = sweep.best_configuration()
    finals = {}
    for run in sweep:
        finals.setdefault(run.configuration, []).append(run.final_validation())
    best = max(finals, key=lambda key: np.mean(finals[key]))
    assert (name, value) == (best, pytest.approx(np.mean(finals[best]))) and len(runs) == 2
    assert "30 runs of 15 configurations" in sweep._repr_html_()


def test_what_goes_out_comes_back(sweep):
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    # Runs that know different things, one that diverged, and one with something else noted.
    more = [
        lodecast.Run(
            "bare", [1, 5], train_loss=[1.0, None], learning_rate=[0.1, 0.1], validation={"accuracy:max": [None, 0.5]}
        ),
        lodecast.Run("odd", [3], train_loss=[2.0], optimizer="sgd", seed=7, attributes={"width": "64"}),
    ]
    mixed = lodecast.Sweep([*sweep[:3], *more])
    diverged = lodecast.Run(
        "diverged", [1, 2], train_loss=[1.0, 2.0], learning_rate=[0.1, 0.1], validation={"accuracy:max": [None, float("inf")]}
    )
    options = {"metrics": "accuracy:max"}
    assert lodecast.Sweep.from_numpy(mixed.to_numpy(), **options) == mixed
    frame = mixed.to_pandas()
    assert isinstance(frame, pd.DataFrame) and list(frame.columns[:5]) == [
        "run_id",
        "step",
        "train_loss",
        "learning_rate",
        "accuracy",
    ]
    assert lodecast.Sweep.from_pandas(frame, **options) == mixed
    both = lodecast.Sweep([*mixed, diverged])
    assert lodecast.Sweep.from_polars(both.to_polars(), **options) == both
    assert lodecast.Sweep.from_arrow(both, **options) == both, "a sweep is Arrow data"
    assert pa.table(both).column("accuracy").null_count == 3
    assert pl.DataFrame(both).height == sum(map(len, both))


def test_errors_name_keyword_arguments(columns):
    with pytest.raises(lodecast.SweepError, match='metrics="accuracy:max"'):
        lodecast.Sweep.from_numpy(columns)
    renamed = {"the loss" if name == "train_loss" else name: column for name, column in columns.items()}
    with pytest.raises(lodecast.SweepError, match='train_loss="NAME"'):
        lodecast.Sweep.from_numpy(renamed, metrics="accuracy:max")
    with pytest.raises(lodecast.SweepError, match="direction"):
        lodecast.Sweep.from_numpy(columns, metrics="accuracy")
    with pytest.raises(lodecast.SweepError, match="values where the first has"):
        lodecast.Sweep.from_numpy({**columns, "step": np.arange(3)}, metrics="accuracy:max")
    with pytest.raises(lodecast.FileError, match=r"nowhere\.csv"):
        lodecast.Sweep.read("nowhere.csv")


def test_a_rate_and_a_metric_are_enough_where_no_loss_was_recorded(columns, tmp_path):
    bare = {name: column for name, column in columns.items() if name != "train_loss"}
    sweep = lodecast.Sweep.from_numpy(bare, metrics="accuracy:max")
    assert np.isnan(sweep[0].train_loss).all()
    model = lodecast.fit(sweep, "law", progress=False)
    whole = lodecast.fit(lodecast.Sweep.from_numpy(columns, metrics="accuracy:max"), "law", progress=False)
    schedule = lodecast.Schedule.cosine(0.4)
    forecast, other = (of.forecast(total_steps=200, schedule=schedule) for of in (model, whole))
    assert (forecast.final_validation, len(forecast.train_loss.mean)) == (other.final_validation, 0)
    path = tmp_path / "bare.csv"
    sweep.to_pandas().drop(columns="train_loss").rename(columns={"accuracy": "val_accuracy"}).to_csv(path, index=False)
    read = lodecast.import_runs(path)
    assert (len(read), read.report["train_loss"]) == (len(sweep), None)
    with pytest.raises(lodecast.SweepError, match=r'validation metric with metrics="NAME:max"'):
        lodecast.Sweep.read(path)
    assert len(lodecast.Sweep.read(path, metrics="val_accuracy:max")) == len(sweep)


def test_nan_is_missing_unless_it_is_said_to_have_diverged():
    values = {"train_loss": [2.3, float("nan")], "learning_rate": [0.1, 0.1], "validation": {"accuracy:max": [0.1, None]}}
    assert lodecast.Run("a", [10, 20], **values).diverged_at() is None
    assert lodecast.Run("a", [10, 20], **values, nan_is_missing=False).diverged_at() == 1


def test_files_of_one_run_each_are_said_to_be_for_import_runs(tmp_path):
    for run in "ab":
        (tmp_path / f"{run}.csv").write_text("step,loss,lr,val_acc\n10,2.0,0.1,0.3\n20,1.5,0.1,0.5\n")
    with pytest.raises(lodecast.SweepError, match=r"lodecast\.import_runs"):
        lodecast.Sweep.read(tmp_path, metrics="val_acc:max")
    assert len(lodecast.import_runs(tmp_path)) == 2


def test_sweeps_join_with_all_their_metrics():
    one = lodecast.Run("a", [1], train_loss=[1.0], learning_rate=[0.1], validation={"accuracy:max": [0.5]})
    two = lodecast.Run("b", [1], train_loss=[1.0], learning_rate=[0.1], validation={"error:min": [0.2]})
    joined = lodecast.Sweep([one, two])
    assert joined.metrics == ["accuracy:max", "error:min"]
    assert joined["b"].final_validation("error") == 0.2 and joined["b"].final_validation("accuracy") is None
    with pytest.raises(lodecast.SweepError, match="two runs have the id"):
        lodecast.Sweep([one, one])
    with pytest.raises(lodecast.SweepError, match="step 1 comes after step 1"):
        lodecast.Run("c", [1, 1])


def test_a_metric_may_be_named_with_its_direction(sweep):
    assert sweep.best_configuration(sweep.metrics[0]) == sweep.best_configuration()
    with pytest.raises(lodecast.Error, match=r"write 'val_accuracy:max' or 'val_accuracy:min'"):
        lodecast.Run("a", [1], validation={"val_accuracy:maximize": [0.5]})


def test_a_run_is_asked_for_by_id_or_position(sweep):
    for key in (2.5, None):
        with pytest.raises(lodecast.ArgumentError, match="by its id or its position"):
            sweep[key]


def test_tables_keep_the_direction_of_their_metrics(sweep):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = sweep.to_pandas()
    assert lodecast.Sweep.from_pandas(frame) == sweep
    assert lodecast.Sweep.from_pandas(frame, metrics="accuracy:max") == sweep
    assert lodecast.Sweep.from_pandas(frame[frame["step"] > 50]).metrics == ["accuracy:max"]
    assert lodecast.Sweep.from_arrow(sweep) == sweep
    with pytest.raises(lodecast.SweepError, match="'accuracy:min' was asked for"):
        lodecast.Sweep.from_pandas(frame, metrics="accuracy:min")
    renamed = frame.rename(columns={"accuracy": "top1"})
    assert lodecast.Sweep.from_pandas(renamed, metrics="top1:max").metrics == ["top1:max"]


def test_a_table_of_another_kind_is_told_who_takes_it(columns):
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    for read, table, said in (
        (lodecast.Sweep.from_pandas, columns, r"not dict: lodecast\.Sweep\.from_numpy"),
        (lodecast.Sweep.from_pandas, pl.DataFrame(columns), r"not DataFrame: lodecast\.Sweep\.from_polars"),
        (lodecast.Sweep.from_polars, pd.DataFrame(columns), r"not DataFrame: lodecast\.Sweep\.from_pandas"),
    ):
        with pytest.raises(lodecast.ArgumentError, match=said):
            read(table, metrics="accuracy:max")
    with pytest.raises(lodecast.ArgumentError, match=r"make a sweep of it with lodecast\.Sweep\.from_pandas"):
        lodecast.plan(pd.DataFrame(columns), total_steps=100)
    with pytest.raises(lodecast.ArgumentError, match=r"make a sweep of it with lodecast\.Sweep\.from_numpy"):
        lodecast.plan(columns, total_steps=100)


def test_a_seed_is_a_whole_number(sweep):
    for ask in (lodecast.plan, lodecast.pick):
        with pytest.raises(lodecast.SettingError, match="seed = -1: give a whole number"):
            ask(sweep, total_steps=100, seed=-1)


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(lodecast.errors.FileError, match="nodir"):
        lodecast.Sweep.read(tmp_path / "nodir")
