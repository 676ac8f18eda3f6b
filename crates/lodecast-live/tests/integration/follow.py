"""Trainings that are followed while the real trackers and frameworks write their logs: the rates lead, the log comes after.

    python follow.py LODECAST [NAME...]

Runs those whose packages are installed. `make test-stores` runs it in two environments.
"""

import contextlib
import importlib.util
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What Transformers trains is that of the tests of importing.
sys.path.insert(0, str(Path(__file__).parents[3] / "lodecast-import/tests/integration"))
from toy import TOTAL, Rates, losses

LODECAST = Path(sys.argv[1]).resolve()
# Seconds a step: `follow` looks ten times a second.
PAUSE = 0.02

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("WANDB_SILENT", "true")


def toy(log, rate, pause, seed):
    """A training of nothing: `log` takes a step and its values."""
    noise = random.Random(seed)
    for step, loss, lr in losses(rate):
        loss += noise.gauss(0.0, 0.003)
        values = {"loss": loss, "lr": lr}
        if step % 10 == 9:
            values["val_loss"] = loss + 0.05
        log(step, values)
        time.sleep(pause)


class Tracker:
    """Runs that a tracker keeps. Writes one, and says where `follow` finds it."""

    metric = "val_loss:min"

    def run(self, folder, name, rate, pause, seed):
        with self.writing(folder, name) as log:
            toy(log, rate, pause, seed)

    def arguments(self, folder):
        return [self.place(folder)]


class TensorBoard(Tracker):
    packages = ("tensorboardX",)

    @contextlib.contextmanager
    def writing(self, folder, name):
        from tensorboardX import SummaryWriter

        with SummaryWriter(str(folder / "logs" / name), flush_secs=1) as writer:
            yield lambda step, values: [writer.add_scalar(key, value, step) for key, value in values.items()]

    def place(self, folder):
        return "logs/new"


class MlflowDatabase(Tracker):
    packages = ("mlflow",)

    @contextlib.contextmanager
    def writing(self, folder, name):
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("live")
        experiment = experiment.experiment_id if experiment else client.create_experiment("live")
        run = client.create_run(experiment, run_name=name).info.run_id

        def log(step, values):
            now = int(time.time() * 1000)
            client.log_batch(run, [Metric(key, value, now, step) for key, value in values.items()])

        yield log
        client.set_terminated(run)

    def arguments(self, folder):
        return ["mlflow.db", "--run", "new"]


class WandbOffline(Tracker):
    packages = ("wandb",)

    @contextlib.contextmanager
    def writing(self, folder, name):
        import wandb

        with wandb.init(project="live", name=name, dir=folder, mode="offline") as run:
            yield lambda step, values: run.log(values, step=step)

    def arguments(self, folder):
        return ["wandb", "--run", "new"]


class JsonLines(Tracker):
    packages = ()

    @contextlib.contextmanager
    def writing(self, folder, name):
        (folder / "runs").mkdir(exist_ok=True)
        with open(folder / "runs" / f"{name}.jsonl", "w", buffering=1) as file:
            yield lambda step, values: file.write(json.dumps({"step": step, **values}) + "\n")

    def place(self, folder):
        return "runs/new.jsonl"


class Framework(Tracker):
    """Runs that a framework trains: whether a row's first number is above 0, with some labels wrong. The followed one has `FollowLR`."""

    def data(self):
        import torch

        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(512, 8, generator=generator)
        y = ((x[:, 0] > 0) ^ (torch.rand(512, generator=generator) < 0.1)).long()
        return (x[:240], y[:240]), (x[240:], y[240:])

    def scheduler(self, optimizer, folder, name, rate, pause):
        """Of the training, and tells `rate` what is set."""
        import torch
        from lodecast.torch import FollowLR

        base = FollowLR if name == "new" else torch.optim.lr_scheduler.LambdaLR

        class Told(base):
            def step(self, *arguments):
                time.sleep(pause)
                super().step(*arguments)
                if name == "new":
                    rate.told(self.last_epoch, self.get_last_lr()[0])

        return Told(optimizer, folder / "rates.json", poll=0.0) if name == "new" else Told(optimizer, rate)


class Lightning(Framework):
    packages = ("lightning", "lodecast")

    def run(self, folder, name, rate, pause, seed):
        import lightning
        import torch
        from lightning.pytorch.callbacks import LearningRateMonitor
        from lightning.pytorch.loggers import CSVLogger

        make, train, val = self.scheduler, *(torch.utils.data.TensorDataset(*part) for part in self.data())
        lightning.seed_everything(seed, verbose=False)

        class Model(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(8, 2)

            def loss(self, batch):
                return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

            def training_step(self, batch, _):
                loss = self.loss(batch)
                self.log("train_loss", loss)
                return loss

            def validation_step(self, batch, _):
                self.log("val_loss", self.loss(batch))

            def configure_optimizers(self):
                optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
                scheduler = make(optimizer, folder, name, rate, pause)
                return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

        trainer = lightning.Trainer(
            max_steps=TOTAL,
            accelerator="cpu",
            log_every_n_steps=5,
            logger=CSVLogger(folder / "logs", name="", version=name, flush_logs_every_n_steps=5),
            callbacks=[LearningRateMonitor(logging_interval="step")],
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        loader = torch.utils.data.DataLoader
        trainer.fit(Model(), loader(train, batch_size=16, shuffle=True), loader(val, batch_size=272))

    def place(self, folder):
        return "logs/new"


class HuggingFace(Framework):
    packages = ("transformers", "lodecast")

    def run(self, folder, name, rate, pause, seed):
        import torch
        from linear_classifier import linear_classifier
        from transformers import Trainer, TrainingArguments

        rows = [[{"x": x, "labels": int(y)} for x, y in zip(*part)] for part in self.data()]
        model = linear_classifier()
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        trainer = Trainer(
            model,
            TrainingArguments(
                str(folder / "out" / name), max_steps=TOTAL, per_device_train_batch_size=16, logging_steps=5, eval_strategy="steps",
                eval_steps=15, save_steps=15, save_total_limit=1, use_cpu=True, report_to="none", seed=seed, disable_tqdm=True,
            ),
            train_dataset=rows[0],
            eval_dataset=rows[1],
            optimizers=(optimizer, self.scheduler(optimizer, folder, name, rate, pause)),
        )
        with contextlib.redirect_stdout(None):
            trainer.train()

    def place(self, folder):
        return "out/new"

    metric = "eval_loss:min"


class Keras(Framework):
    """Logs once an epoch."""

    packages = ("keras", "lodecast")
    STEPS_PER_EPOCH = 10

    def run(self, folder, name, rate, pause, seed):
        import keras
        from lodecast import Follow

        keras.utils.set_random_seed(seed)
        train, val = ([part.numpy() for part in parts] for parts in self.data())
        model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        follow = Follow(folder / "rates.json", poll=0.0) if name == "new" else None

        def of_epoch(epoch, _):
            time.sleep(pause * self.STEPS_PER_EPOCH)
            step = epoch * self.STEPS_PER_EPOCH
            if follow is None:
                return rate(step)
            rate.told(step, follow.learning_rate(step))
            return follow.learning_rate(step)

        (folder / "logs").mkdir(exist_ok=True)
        log = keras.callbacks.CSVLogger(str(folder / "logs" / f"{name}.csv"))
        callbacks = [keras.callbacks.LearningRateScheduler(of_epoch), log]
        epochs = TOTAL // self.STEPS_PER_EPOCH
        model.fit(*train, validation_data=val, epochs=epochs, batch_size=24, verbose=0, callbacks=callbacks)

    def arguments(self, folder):
        return ["logs/new.csv", "--steps-per-epoch", str(self.STEPS_PER_EPOCH)]


KINDS = {
    "tensorboard": TensorBoard(),
    "mlflow-database": MlflowDatabase(),
    "wandb-offline": WandbOffline(),
    "json-lines": JsonLines(),
    "lightning": Lightning(),
    "huggingface": HuggingFace(),
    "keras": Keras(),
}


def followed(name, kind, folder):
    """Runs that are over, then one that is followed from before its start to its end."""
    for seed, (shape, peak) in enumerate((shape, peak) for shape in ("constant", "linear") for peak in (0.02, 0.05, 0.2)):
        falling = shape == "linear"
        kind.run(folder, f"{shape}-{peak}", lambda step: max(peak * (1 - step / TOTAL), 1e-4) if falling else peak, 0, seed)
    rates = folder / "rates.json"
    command = [LODECAST, "follow", *kind.arguments(folder), "--val", kind.metric, "--total-steps", str(TOTAL)]
    command += ["--every", "0.1", "--json"]
    with open(folder / "said", "w") as said, open(folder / "decided", "w") as decided:
        following = subprocess.Popen(command, cwd=folder, stdout=decided, stderr=said)
        try:
            until = time.monotonic() + 30
            while not rates.exists():
                assert following.poll() is None and time.monotonic() < until, (folder / "said").read_text()
                time.sleep(0.05)
            used = {}

            def rate(step, told=Rates(rates)):
                used[step] = told(step)
                return used[step]

            rate.told = used.__setitem__
            kind.run(folder, "new", rate, PAUSE, 99)
            code = following.wait(timeout=60)
        finally:
            following.kill()
    said = (folder / "said").read_text()
    assert code == 0, said
    told = json.loads(rates.read_text())
    lines = [json.loads(line) for line in (folder / "decided").read_text().splitlines()]
    decisions = [line for line in lines if "alert" not in line]
    # Who counts the steps that are done, or logs only evaluations, has another last one.
    assert told["finished"] and told["last_seen_step"] >= TOTAL - 10, (told, said)
    assert told["not_followed"] is None, told
    assert [decision["at_step"] for decision in decisions][0] is None, decisions
    under_way = [decision["at_step"] for decision in decisions if decision["at_step"] is not None]
    assert len(under_way) >= 3, (decisions, said)
    # What the training used is what the file says, at every step: nothing changed behind its back.
    final = Rates(rates)
    for step, rate in used.items():
        assert math.isclose(rate, final(step), rel_tol=1e-9), (step, rate, final(step))
    print(f"ok   {name}: {len(decisions)} decisions, at {under_way} of {TOTAL}")


def main():
    for name, kind in KINDS.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        missing = [package for package in kind.packages if importlib.util.find_spec(package) is None]
        if missing:
            print(f"     {name}: {', '.join(missing)} is not in this environment")
            continue
        with tempfile.TemporaryDirectory() as folder:
            followed(name, kind, Path(folder))


if __name__ == "__main__":
    main()
