"""A sweep of the lab as trials of Ray Tune, gathered into one sweep file.

    python ray_sweep.py [COMMAND]

COMMAND is `lodecast` unless told otherwise. Here the trials share two cores; on a cluster, all nodes have to see the folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import tune

import lodecast

TASK = ["--task", "mnist1d-cnn", "--optimizer", "sgd", "--epochs", "2", "--points-per-epoch", "10"]
GRID = ["--families", "constant,cosine", "--peaks", "0.04,0.16", "--seeds", "1"]


def training(configuration: dict[str, Any]) -> None:
    """Train one run in a process of its own, and report its metric points."""
    path = Path(configuration["run"])
    result = path.parents[1] / "results" / path.name
    train = [configuration["command"], "lab", "run", "--config", path, "--out", result, "--quiet"]
    subprocess.run(train, stdout=subprocess.DEVNULL, check=True)
    record = json.loads(result.read_text())
    run, metric = record["run"], record["metric"]["name"]
    for step, loss, value in zip(run["steps"], run["train_loss"], run["validation"][0], strict=True):
        tune.report({"step": step, "train_loss": loss, metric: value})


def main() -> None:
    command = str(Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "lodecast"
    folder = Path(tempfile.mkdtemp())
    (folder / "results").mkdir()
    subprocess.run([command, "lab", "sweep", *TASK, *GRID, "--configurations", folder / "configurations"], check=True)
    runs = sorted((folder / "configurations").glob("*.json"))

    ray.init(num_cpus=2, include_dashboard=False)
    results = tune.Tuner(
        tune.with_resources(training, {"cpu": 1}),
        param_space={"command": command, "run": tune.grid_search([str(run) for run in runs])},
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    ).fit()
    ray.shutdown()
    if results.errors:
        raise results.errors[0]

    sweep_file = folder / "sweep.parquet"
    gather = ["lab", "gather", folder / "results", "--configurations", folder / "configurations", "--out", sweep_file]
    subprocess.run([command, *gather], check=True)
    sweep = lodecast.Sweep.read(sweep_file)
    print(f"{len(sweep)} runs in {sweep_file}")
    assert len(sweep) == len(runs)


if __name__ == "__main__":
    main()
