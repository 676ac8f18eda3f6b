"""Follows a run in a real MLflow server, logs back into it, and reads what was logged with MLflow's own client.

Usage: log_back.py LODECAST, in an environment that has mlflow. `make test-stores` runs it.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The server is that of the tests of importing.
sys.path.insert(0, str(Path(__file__).parents[3] / "lodecast-import/tests/integration"))
from mlflow_server import mlflow_server
from toy import TOTAL, Rates, losses

LODECAST = Path(sys.argv[1]).resolve()


def runs(folder):
    """Eight runs that are over."""
    folder.mkdir()
    for peak in (0.02, 0.05, 0.1, 0.2):
        for name, rate in (("constant", lambda step: peak), ("linear", lambda step: max(peak * (1 - step / TOTAL), 1e-4))):
            rows = [f"{step},{loss!r},{lr!r},{loss + 0.05!r}" for step, loss, lr in losses(rate) if step % 10 == 0]
            (folder / f"{name}-{peak}.csv").write_text("step,loss,lr,val_loss\n" + "\n".join(rows) + "\n")


def main(folder):
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    runs(folder / "done")
    with mlflow_server(folder, f"sqlite:///{folder / 'mlflow.db'}") as address:
        client = MlflowClient(address)
        experiment = client.create_experiment("live")
        run = client.create_run(experiment, run_name="new").info.run_id
        place = f"{address}/#/experiments/{experiment}/runs/{run}"
        command = [LODECAST, "follow", address, "--collection", "live", "--run", run, "--runs", "done", "--val", "val_loss:min"]
        command += ["--total-steps", str(TOTAL), "--once", "--json", "--log-back", place]

        def follow(*more):
            done = subprocess.run([*command, *more], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert "not logged" not in done.stderr, done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

        def train(steps):
            now = int(time.time() * 1000)
            for step, loss, lr in losses(Rates(folder / "rates.json")):
                if step in steps and step % 10 == 0:
                    values = {"loss": loss, "lr": lr, "val_loss": loss + 0.05}
                    client.log_batch(run, [Metric(key, value, now, step) for key, value in values.items()])

        decisions, _ = follow()
        for steps in (range(100), range(100, 160), range(160, 240)):
            train(steps)
            decided, said = follow()
            assert decided, f"nothing was decided at step {steps[-1]}: {said}"
            decisions += decided
        # Looked at again, nothing is new, and nothing is logged twice.
        assert follow()[0] == []

        def history(name):
            return {metric.step: metric.value for metric in client.get_metric_history(run, f"lodecast/{name}")}

        counted = len(client.get_metric_history(run, "lodecast/replanned"))
        assert counted == len(decisions), (counted, decisions)
        tags = client.get_run(run).data.tags
        for decision in decisions:
            step = decision["at_step"] or 0
            assert history("replanned")[step] == float(decision["changed"]), decision
            predicted = decision["predicted"]
            for name, key in (("predicted_final", "mean"), ("predicted_low", "low"), ("predicted_high", "high")):
                assert history(name)[step] == predicted[key], (name, decision)
            assert tags[f"lodecast.reason.{step}"] == decision["reason"], decision
            assert math.isfinite(history("learning_rate")[step])
        # What was logged back is not taken for what the training logs.
        assert json.loads((folder / "rates.json").read_text())["not_followed"] is None
        print(f"ok   MLflow: {counted} decisions logged back")

        # A run that is gone is said, and costs nothing but that.
        command[-1] = f"{address}/#/experiments/{experiment}/runs/{'0' * 32}"
        train(range(240, TOTAL))
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0 and "not logged" in done.stderr, done.stderr
        print("ok   MLflow: a run that is not there is said")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
