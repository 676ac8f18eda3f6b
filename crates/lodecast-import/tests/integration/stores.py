"""Makes runs with the real TensorBoard, W&B, MLflow and Optuna, and compares what lodecast reads with what their own readers do.

Usage: stores.py RECORDINGS DIRECTORY, where RECORDINGS is the built example `recordings` of lodecast-import. Every run, series
and point is compared: steps and settings exactly, values bit by bit.
"""

import json
import math
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from mlflow_server import mlflow_server

RECORDINGS, DIRECTORY = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def read(kind, source, *collection):
    """What lodecast reads: recordings by their ids, and the ids of runs left out."""
    command = [RECORDINGS, kind, source, *collection]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    return {run["id"]: run for run in found if "id" in run}, {run["skipped"] for run in found if "skipped" in run}


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


compared = {"runs": 0, "series": 0, "points": 0}


def compare(what, recordings, expected, settings=True):
    """`expected`: {run: ({setting: text}, {series: [(step, value, time or None)]})}."""
    assert recordings.keys() == expected.keys(), (what, sorted(recordings), sorted(expected))
    for run, (wanted_settings, wanted_series) in expected.items():
        found = recordings[run]
        if settings:
            for key, value in wanted_settings.items():
                assert found["settings"].get(key) == value, (what, run, key, found["settings"].get(key), value)
        assert found["series"].keys() == wanted_series.keys(), (what, run, sorted(found["series"]), sorted(wanted_series))
        for name, points in wanted_series.items():
            series = found["series"][name]
            assert series["steps"] == [step for step, _, _ in points], (what, run, name)
            for value, (step, wanted, _) in zip(series["values"], points, strict=True):
                assert same(float(value), wanted), (what, run, name, step, value, wanted)
            compared["points"] += len(points)
        compared["series"] += len(wanted_series)
    compared["runs"] += len(expected)
    print(f"ok   {what}: {len(expected)} runs")


def tensorboard():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util import tensor_util
    import numpy as np
    from tensorboardX import SummaryWriter

    root = DIRECTORY / "tensorboard"

    def writer(name, suffix=""):
        return EventFileWriter(str(root / name), filename_suffix=suffix)

    def add(target, step, tag, value, at=1.7e9):
        if isinstance(value, (np.generic, np.ndarray)):
            entry = Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(value))
        else:
            entry = Summary.Value(tag=tag, simple_value=value)
        target.add_event(Event(wall_time=at + step, step=step, summary=Summary(value=[entry])))

    plain = writer("plain")
    for step in range(300):
        add(plain, step, "train/loss", 2.3 / (step + 1))
        add(plain, step, "lr", 0.1 * (1 - step / 300))
        if step % 50 == 49:
            add(plain, step, "val/accuracy", step / 300)
            add(plain, step, "odd", [math.nan, math.inf, -math.inf][step // 50 % 3])
    plain.close()

    # A restart: a second file in the folder, which goes back some steps.
    for part, steps in enumerate([range(40), range(30, 60)]):
        restarted = writer("restarted", f".{part}")
        for step in steps:
            add(restarted, step, "loss", float(step + 100 * part), at=1.7e9 + 1000 * part)
        restarted.close()
        time.sleep(1.1)

    # Scalars as tensors of every type that TensorBoard itself reads, in either of their spellings.
    tensors = writer("tensors")
    types = [np.float32, np.float64, np.int32, np.int64, np.uint8, np.int8, np.int16, np.uint16, np.bool_, np.float16]
    for step in range(3):
        for kind in types:
            add(tensors, step, f"listed/{kind.__name__}", kind(step + 1))
            proto = tensor_util.make_tensor_proto(np.array(kind(step + 1)))
            content = type(proto)(dtype=proto.dtype, tensor_shape=proto.tensor_shape, tensor_content=np.array(kind(step + 1)).tobytes())
            entry = Summary.Value(tag=f"content/{kind.__name__}", tensor=content)
            tensors.add_event(Event(wall_time=1.7e9, step=step, summary=Summary(value=[entry])))
        add(tensors, step, "vector", np.arange(3.0))
    tensors.close()

    settings = {"lr": 0.1, "optimizer": "adam", "nesterov": True}
    session = writer("hparams")
    session.add_event(Event(wall_time=1.7e9, summary=hparams.hparams_pb(settings)))
    add(session, 5, "loss", 0.5)
    session.close()

    other = SummaryWriter(str(root / "tensorboardx"))
    for step in range(50):
        other.add_scalar("loss", 1 / (step + 1), step)
    other.add_histogram("weights", np.arange(100.0), 3)
    other.add_text("note", "hello", 4)
    other.close()

    # As Keras lays out its logs.
    for split in ("train", "validation"):
        part = writer(f"keras/{split}")
        for step in range(10):
            add(part, step, "epoch_loss", np.float32(1 / (step + 1)))
        part.close()

    def own(folder, prefix=""):
        reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}, purge_orphaned_data=False)
        reader.Reload()
        series = {prefix + tag: [(e.step, e.value, e.wall_time) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
        for tag in reader.Tags()["tensors"]:
            events = reader.Tensors(tag)
            arrays = [tensor_util.make_ndarray(event.tensor_proto) for event in events]
            if all(array.size == 1 and array.dtype.kind in "fiub" for array in arrays):
                series[prefix + tag] = [(e.step, float(a.item()), e.wall_time) for e, a in zip(events, arrays)]
        return series

    expected = {name: ({}, own(root / name)) for name in ("plain", "restarted", "tensors", "tensorboardx")}
    expected["hparams"] = ({"lr": "0.1", "optimizer": "adam", "nesterov": "true"}, own(root / "hparams"))
    expected["keras"] = ({}, own(root / "keras/train", "train/") | own(root / "keras/validation", "validation/"))
    recordings, _ = read("tensorboard", root)
    compare("TensorBoard event files", recordings, expected)


def wandb():
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    import wandb as tool

    root = DIRECTORY / "wandb"
    root.mkdir(parents=True, exist_ok=True)
    logged = {}
    for number in range(2):
        config = {"lr": 0.1 / (number + 1), "opt": {"name": "sgd", "momentum": 0.9}, "nesterov": True}
        run = tool.init(project="p", dir=str(root), name=f"run {number}", config=config)
        series = {}
        for step in range(400):
            row = {"train/loss": 1 / (step + 1 + number), "nest": {"a": step, "b": {"c": step * 2.5}}}
            if step % 10 == 9:
                row |= {"val/acc": step / 400, "odd": [math.nan, math.inf, -math.inf][step // 10 % 3], "text": "hello"}
            run.log(row)
            flat = {key: value for key, value in row.items() if isinstance(value, (int, float))}
            for key, value in (flat | {"nest.a": step, "nest.b.c": step * 2.5}).items():
                series.setdefault(key, []).append((step, float(value), None))
        run.config.update({"late": 3})
        settings = {"lr": repr(config["lr"]), "opt.name": "sgd", "opt.momentum": "0.9", "nesterov": "true", "late": "3"}
        logged[run.id] = (settings | {"run_name": f"run {number}"}, series)
        run.finish()

    compare("W&B offline files, as logged", read("wandb", root)[0], logged)

    # The tool has no reader of its own in Python any more: the history as its own message types parse it.
    expected = {}
    for path in root.glob("wandb/offline-run-*/run-*.wandb"):
        expected[path.stem.removeprefix("run-")] = ({}, history(path))
    compare("W&B offline files, as wandb's own messages", read("wandb", root)[0], expected)

    # What W&B would export of them, in the layouts of its artifacts and of download_history_exports.
    exports = DIRECTORY / "wandb-histories"
    for path, names in zip(sorted(root.glob("wandb/offline-run-*/run-*.wandb")), ("run-{}-history:v0/{:04}", "{}_{}.runhistory")):
        export_history(path, exports, names)
    compare("W&B histories in Parquet", read("wandb", exports)[0], expected)


def export_history(path, folder, names):
    """Writes the history in a .wandb file to Parquet, in two files named after `names`, as W&B lays it out."""
    import pyarrow
    from pyarrow import parquet

    run, rows = path.stem.removeprefix("run-"), [flat(row) for row in history_rows(path)]
    for part, rows in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :])):
        target = folder / (names.format(run, part) + ".parquet")
        target.parent.mkdir(parents=True, exist_ok=True)
        keys = {key: None for row in rows for key in row}
        columns = {key: pyarrow.array([row.get(key) for row in rows], from_pandas=False) for key in keys}
        parquet.write_table(pyarrow.table(columns), target)


def flat(row, prefix=""):
    return {
        name: number
        for key, value in row.items()
        for name, number in (flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}).items()
    }


def history(path):
    series = {}
    for row in history_rows(path):
        for key, value in row.items():
            if not key.startswith("_") and isinstance(value, (int, float)):
                series.setdefault(key, []).append((row["_step"], float(value), row["_timestamp"]))
    return series


def history_rows(path):
    import struct
    import zlib
    from wandb.proto import wandb_internal_pb2 as messages

    data, at, record = path.read_bytes(), 7, b""
    while at < len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        checksum, length, kind = struct.unpack("<IHB", data[at : at + 7])
        chunk = data[at + 7 : at + 7 + length]
        assert zlib.crc32(bytes([kind]) + chunk) == checksum
        at, record = at + 7 + length, record + chunk
        if kind in (1, 4):
            message, record = messages.Record.FromString(record), b""
            row = {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in message.history.item}
            if row:
                yield row


def log_to_mlflow(address):
    import mlflow

    mlflow.set_tracking_uri(address)
    for name, count in (("first", 3), ("second", 2)):
        mlflow.set_experiment(name)
        for number in range(count):
            with mlflow.start_run(run_name=f"run-{number}") as run:
                mlflow.log_params({"lr": 0.1 / (number + 1), "optimizer": "adamw"})
                mlflow.set_tag("seed", str(number))
                metrics = [mlflow.entities.Metric("train/loss", 1 / (step + 1), 1_700_000_000_000 + 10 * step, step) for step in range(700)]
                metrics += [mlflow.entities.Metric("val acc", step / 700, 1_700_000_000_000 + 10 * step, step) for step in range(0, 700, 50)]
                metrics += [mlflow.entities.Metric("odd", value, 1_700_000_000_000 + step, step) for step, value in enumerate([math.nan, math.inf, -math.inf])]
                for begin in range(0, len(metrics), 900):
                    mlflow.MlflowClient().log_batch(run.info.run_id, metrics=metrics[begin : begin + 900])
    mlflow.delete_run(run.info.run_id)


def own_mlflow(address, name):
    import mlflow

    mlflow.set_tracking_uri(address)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(name).experiment_id

    def value(number):
        return math.copysign(math.inf, number) if abs(number) == sys.float_info.max else number

    def points(run, key):
        return [(point.step, value(point.value), point.timestamp / 1000) for point in client.get_metric_history(run, key)]

    return {
        run.info.run_id: (
            dict(run.data.params) | {"run_name": run.info.run_name, "seed": run.data.tags["seed"]},
            {key: points(run.info.run_id, key) for key in run.data.metrics},
        )
        for run in client.search_runs([experiment])
    }


def check_mlflow(what, source, address):
    for name, left_out in (("first", 0), ("second", 1)):
        recordings, skipped = read("mlflow", source, name)
        compare(f"MLflow {what}, experiment '{name}'", recordings, own_mlflow(address, name))
        assert len(skipped) == left_out, skipped


def mlflow_stores():
    root = DIRECTORY / "mlflow"
    root.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{root / 'mlflow.db'}"
    log_to_mlflow(database)
    check_mlflow("SQLite file", root / "mlflow.db", database)
    check_mlflow("SQLite address", database, database)
    with mlflow_server(DIRECTORY, database) as address:
        check_mlflow("server on SQLite", address, address)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    files = f"file://{root / 'mlruns'}"
    log_to_mlflow(files)
    check_mlflow("files", root / "mlruns", files)


def log_to_optuna(storage):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        trial.suggest_categorical("optimizer", ["sgd", "adam", None])
        trial.suggest_int("layers", 1, 4)
        trial.set_user_attr("seed", trial.number)
        for step in range(20):
            odd = [math.nan, math.inf, -math.inf][trial.number % 3]
            trial.report(odd if step == 7 else 1 / (step + 1) + lr, step * 5)
        if trial.number == 3:
            raise optuna.TrialPruned()
        if trial.number == 4:
            raise ValueError
        return lr

    for name in ("a", "b"):
        study = optuna.create_study(study_name=name, storage=storage, direction="maximize" if name == "a" else "minimize")
        study.enqueue_trial({"lr": 0.01})
        study.optimize(objective, n_trials=6, catch=(ValueError,))
        trial = study.ask()  # Left running, and without a value.
        trial.suggest_float("lr", 1e-5, 1e-1, log=True)


def check_optuna(what, source, storage):
    import optuna

    for name in ("a", "b"):
        expected, left_out = {}, set()
        for trial in optuna.load_study(study_name=name, storage=storage).get_trials():
            words = {key: "null" if value is None else str(value) for key, value in trial.params.items() if key != "lr"}
            words |= {"direction": "maximize" if name == "a" else "minimize"} | {key: str(value) for key, value in trial.user_attrs.items()}
            points = [(step, value, None) for step, value in sorted(trial.intermediate_values.items())]
            if points:
                expected[f"{name}/{trial.number}"] = (words, {"intermediate_value": points})
            else:
                left_out.add(f"{name}/{trial.number}")
        recordings, skipped = read("optuna", source, name)
        compare(f"Optuna {what}, study '{name}'", recordings, expected)
        assert skipped == left_out, (skipped, left_out)
        for trial in optuna.load_study(study_name=name, storage=storage).get_trials():
            if trial.intermediate_values:
                assert float(recordings[f"{name}/{trial.number}"]["settings"]["lr"]) == trial.params["lr"]


def optuna_storages():
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    root = DIRECTORY / "optuna"
    root.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{root / 'optuna.db'}"
    log_to_optuna(database)
    check_optuna("SQLite file", root / "optuna.db", database)
    journal = JournalStorage(JournalFileBackend(str(root / "journal.log")))
    log_to_optuna(journal)
    check_optuna("journal", root / "journal.log", journal)


@contextmanager
def postgresql():
    """A server of Debian's package on a port of its own, run by a user who is not root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    root, port = DIRECTORY / "postgresql", 5612
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    root.mkdir(parents=True, exist_ok=True)
    if as_user:
        subprocess.run(["chown", "postgres", root], check=True)
        for folder in [root, *root.parents]:
            if folder.owner() == "root" and folder != Path("/") and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)

    def call(program, *arguments):
        # Not piped: the server keeps what it inherits open.
        with (DIRECTORY / "postgresql.log").open("a") as log:
            subprocess.run([*as_user, programs / program, *arguments], check=True, stdout=log, stderr=log, cwd="/")

    (DIRECTORY / "password").write_text("secret")
    (DIRECTORY / "password").chmod(0o644)
    call("initdb", "-D", root / "data", "-U", "lodecast", "-A", "scram-sha-256", f"--pwfile={DIRECTORY / 'password'}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={root} -c fsync=off"
    call("pg_ctl", "-D", root / "data", "-o", options, "-w", "start")
    try:
        os.environ["PGPASSWORD"] = "secret"
        for name in ("mlflow", "optuna"):
            call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "lodecast", name)
        yield f"postgresql://lodecast:secret@127.0.0.1:{port}"
    finally:
        call("pg_ctl", "-D", root / "data", "-m", "immediate", "stop")


def on_postgresql():
    with postgresql() as server:
        del os.environ["PGPASSWORD"]
        log_to_mlflow(f"{server}/mlflow")
        check_mlflow("PostgreSQL", f"{server}/mlflow", f"{server}/mlflow")
        with mlflow_server(DIRECTORY, f"{server}/mlflow") as address:
            check_mlflow("server on PostgreSQL", address, address)
        log_to_optuna(f"{server}/optuna")
        check_optuna("PostgreSQL", f"{server}/optuna", f"{server}/optuna")
        refused = subprocess.run([RECORDINGS, "mlflow", f"{server.replace('secret', 'wr0ng')}/mlflow"], capture_output=True, text=True)
        assert refused.returncode != 0 and "wr0ng" not in refused.stderr, refused.stderr
        print("ok   a wrong password is refused and not shown")


if __name__ == "__main__":
    parts = [tensorboard, wandb, mlflow_stores, optuna_storages, on_postgresql]
    chosen = sys.argv[3:]
    for part in parts:
        if not chosen or part.__name__ in chosen:
            part()
    print("{runs} runs, {series} series, {points} points equal".format(**compared))
