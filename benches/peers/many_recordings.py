"""Writes many runs, or a long one, for `lodecast import` to be timed on: many_recordings.py KIND PATH RUNS STEPS.

KIND is csv-files (a folder with a file a run), csv (one file of one run; RUNS is 1), mlflow (an SQLite store that the installed
MLflow lays out, filled by SQL), or journal (lines as Optuna 5 writes them, trials one after the other).
"""

import json
import sqlite3
import sys
import uuid
from pathlib import Path


def curve(run: int, steps: int, interval: int):
    """Step, loss, learning rate, and at every tenth (or thousandth) step an accuracy."""
    for step in range(steps):
        accuracy = 1 - 1 / (2 + step) if step % (10 if steps < 1000 else 1000) == 0 else None
        yield step * interval, 2.3 / (1 + step) + run * 1e-6, 0.1 * (1 - step / steps), accuracy


def csv_file(path: Path, run: int, steps: int, interval: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.write("step,train_loss,lr,val_acc\n")
        for step, loss, rate, accuracy in curve(run, steps, interval):
            file.write(f"{step},{loss:.6f},{rate:.8f},{'' if accuracy is None else f'{accuracy:.6f}'}\n")


def mlflow_store(path: Path, runs: int, steps: int) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{path}")
    mlflow.set_experiment("many")
    # What MLflow writes of a run is the pattern of all others.
    with mlflow.start_run() as pattern:
        pass
    store = sqlite3.connect(path)
    columns = [column[1] for column in store.execute("PRAGMA table_info(runs)")]
    row = dict(zip(columns, store.execute("SELECT * FROM runs WHERE run_uuid = ?", (pattern.info.run_id,)).fetchone()))
    for run in range(runs):
        identity, begun = uuid.UUID(int=run).hex, 1_700_000_000_000 + run
        values = list({**row, "run_uuid": identity, "name": f"run-{run}", "start_time": begun}.values())
        store.execute(f"INSERT INTO runs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values)
        settings = [("lr", str(0.1 * (1 + run % 5)), identity), ("seed", str(run), identity)]
        store.executemany('INSERT INTO params ("key", value, run_uuid) VALUES (?, ?, ?)', settings)
        samples = [
            (key, value, begun + step, identity, step, False)
            for step, *measured in curve(run, steps, 10)
            for key, value in zip(("train_loss", "lr", "val_acc"), measured)
            if value is not None
        ]
        store.executemany(
            'INSERT INTO metrics ("key", value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)', samples
        )
    store.commit()


def journal(path: Path, runs: int, steps: int) -> None:
    distribution = {"name": "FloatDistribution", "attributes": {"step": None, "low": 0.0, "high": 1.0, "log": False}}
    with path.open("w") as file:

        def write(operation: int, **parts) -> None:
            file.write(json.dumps({"op_code": operation, "worker_id": "x" * 52, **parts}, separators=(",", ":")) + "\n")

        write(0, study_name="many", directions=[1])
        for trial in range(runs):
            write(4, study_id=0, datetime_start="2026-11-24T15:08:25.995556+00:00")
            write(5, trial_id=trial, param_name="lr", param_value_internal=0.01, distribution=json.dumps(distribution))
            for step, loss, _, _ in curve(trial, steps, 1):
                write(7, trial_id=trial, step=step, intermediate_value=loss)
            write(6, trial_id=trial, state=1, values=[0.5], datetime_complete="2026-11-24T15:08:26.063368+00:00")


def main(kind: str, path: Path, runs: int, steps: int) -> None:
    match kind:
        case "csv-files":
            for run in range(runs):
                csv_file(path / f"group-{run // 1000:02}" / f"run-{run:05}.csv", run, steps, 10)
        case "csv":
            csv_file(path, 0, steps, 1)
        case "mlflow":
            mlflow_store(path, runs, steps)
        case "journal":
            journal(path, runs, steps)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
