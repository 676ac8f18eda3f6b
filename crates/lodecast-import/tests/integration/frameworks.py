"""Short trainings with the real Lightning, Transformers, Keras, Ray Tune and timm; what they log has to be imported as it was.

    python frameworks.py LODECAST [FOLDER]

The files are kept if a FOLDER is given: that is how those in `tests/data` were made.
"""

import csv
import json
import math
import os
import pathlib
import sys
import tempfile

from imported import check, import_runs

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("RAY_DEDUP_LOGS", "0")


def lightning_run(folder, seed, rate):
    import lightning
    import torch
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger

    lightning.seed_everything(seed)

    class Model(lightning.LightningModule):
        def __init__(self, rate, seed):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(8, 2)

        def step(self, batch):
            x, y = batch
            logits = self.layer(x)
            return torch.nn.functional.cross_entropy(logits, y), (logits.argmax(1) == y).float().mean()

        def training_step(self, batch, _):
            loss, _ = self.step(batch)
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch, _):
            loss, accuracy = self.step(batch)
            self.log_dict({"val_loss": loss, "val_acc": accuracy})

        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.rate, momentum=0.9)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=96)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, generator=generator)
    data = torch.utils.data.TensorDataset(x, (x[:, 0] > 0).long())
    loader = lambda shuffle: torch.utils.data.DataLoader(data, batch_size=8, shuffle=shuffle)
    trainer = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        log_every_n_steps=4,
        logger=CSVLogger(folder, name="", version=f"seed-{seed}-rate-{rate}"),
        callbacks=[LearningRateMonitor(logging_interval="step")],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Model(rate, seed), loader(True), loader(False))


def lightning_check(command, folder):
    import pandas

    for seed, rate in ((0, 0.1), (1, 0.1), (0, 0.01)):
        lightning_run(folder, seed, rate)
    runs = import_runs(command, "lightning", folder)
    names = {"train_loss": "train_loss_step", "learning_rate": "lr-SGD", "val_acc:max": "val_acc", "val_loss:min": "val_loss"}
    for path in sorted(folder.glob("*/metrics.csv")):
        table = pandas.read_csv(path)
        run = runs.pop(path.parent.name)
        for column, name in names.items():
            measured = table[["step", name]].dropna()
            check(f"lightning {path.parent.name} {name}", run[column], dict(zip(measured["step"], measured[name])))
    assert not runs, runs.keys()


def transformers_check(command, folder):
    import torch
    from linear_classifier import linear_classifier
    from transformers import Trainer, TrainingArguments

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, generator=generator)
    data = [{"x": row, "labels": int(row[0] > 0)} for row in x]
    accuracy = lambda output: {"accuracy": float((output.predictions.argmax(1) == output.label_ids).mean())}
    trainer = Trainer(
        linear_classifier(),
        TrainingArguments(
            str(folder / "run"), max_steps=60, per_device_train_batch_size=8, logging_steps=5, eval_strategy="steps",
            eval_steps=20, save_steps=20, learning_rate=0.05, use_cpu=True, report_to="none", seed=1,
        ),
        train_dataset=data,
        eval_dataset=data,
        compute_metrics=accuracy,
    )
    trainer.train()
    log = trainer.state.log_history
    (run,) = import_runs(command, "huggingface", folder).values()
    names = {"train_loss": "loss", "learning_rate": "learning_rate", "eval_accuracy:max": "eval_accuracy", "eval_loss:min": "eval_loss"}
    for column, name in names.items():
        check(f"transformers {name}", run[column], {row["step"]: row[name] for row in log if name in row})
    assert run["total_steps"] == {min(run["total_steps"]): 60.0}, run["total_steps"]


def keras_check(command, folder):
    import keras
    import numpy

    keras.utils.set_random_seed(0)
    x = numpy.random.default_rng(0).normal(size=(256, 8)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    log = folder / "training.csv"
    halve = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)
    # Evaluated every other epoch: CSVLogger writes NA in between.
    history = model.fit(x, y, validation_data=(x, y), validation_freq=2, epochs=6, verbose=0,
                        callbacks=[halve, keras.callbacks.CSVLogger(str(log))])
    (run,) = import_runs(command, "keras", log).values()
    with log.open() as lines:
        rows = list(csv.DictReader(lines))
    names = {"train_loss": "loss", "learning_rate": "learning_rate", "val_accuracy:max": "val_accuracy", "val_loss:min": "val_loss"}
    for column, name in names.items():
        written = {int(row["epoch"]): float(row[name]) for row in rows if row[name] != "NA"}
        check(f"keras {name}", run[column], written)
        recorded = history.history.get(name)
        if name == "loss":
            assert all(math.isclose(value, written[epoch], rel_tol=1e-6) for epoch, value in enumerate(recorded))


def ray_check(command, folder):
    from ray import tune

    def train(config):
        for step in range(20):
            rate = config["lr"] * (1 - step / 20)
            loss = math.nan if config["lr"] > 0.5 and step > 15 else config["lr"] / (1 + step)
            tune.report({"loss": loss, "lr": rate, "val_accuracy": 1 - 1 / (2 + step), "nested": {"depth": step}})

    tuner = tune.Tuner(
        train,
        param_space={"lr": tune.grid_search([0.1, 0.9]), "seed": 3, "model": {"width": 8}},
        run_config=tune.RunConfig(name="trials", storage_path=str(folder)),
    )
    results = tuner.fit()
    runs = import_runs(command, "ray", folder / "trials")
    for result in results:
        run = runs.pop(pathlib.Path(result.path).name)
        table = result.metrics_dataframe
        for column, name in {"train_loss": "loss", "learning_rate": "lr", "val_accuracy:max": "val_accuracy"}.items():
            values = dict(zip(table["training_iteration"], table[name]))
            check(f"ray {result.config['lr']} {name}", run[column], {step: float(value) for step, value in values.items()})
    assert not runs, runs.keys()


def timm_check(command, folder):
    import torch
    import yaml
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2
    from timm.utils import AverageMeter, accuracy, update_summary

    # What timm's train.py does, with a small model: its options are saved under the names that they have on its command line.
    args = {"opt": "sgd", "lr": 0.5, "sched": "cosine", "epochs": 6, "warmup_epochs": 2, "seed": 42, "batch_size": 16, "aa": None}
    (folder / "args.yaml").write_text(yaml.safe_dump(args, default_flow_style=False))
    generator = torch.Generator().manual_seed(args["seed"])
    x = torch.randn(256, 8, generator=generator)
    y = x[:, :6].argmax(1)
    model = torch.nn.Linear(8, 6)
    with torch.no_grad():
        model.weight.copy_(0.1 * torch.randn(6, 8, generator=generator))
        model.bias.zero_()
    optimizer = create_optimizer_v2(model, opt=args["opt"], lr=args["lr"])
    schedule, _ = create_scheduler_v2(
        optimizer, sched=args["sched"], num_epochs=args["epochs"], warmup_epochs=args["warmup_epochs"], warmup_lr=1e-3
    )
    summary, written = folder / "summary.csv", {}
    summary.unlink(missing_ok=True)
    for epoch in range(args["epochs"]):
        loss = AverageMeter()
        for rows in torch.randperm(256, generator=generator).split(args["batch_size"]):
            batch = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            batch.backward()
            optimizer.step()
            loss.update(batch.item(), len(rows))
        with torch.no_grad():
            logits = model(x)
            top1, top5 = accuracy(logits, y, topk=(1, 5))
            whole = torch.nn.functional.cross_entropy(logits, y).item()
            evaluation = {"loss": whole, "top1": top1.item(), "top5": top5.item()}
        rates = [group["lr"] for group in optimizer.param_groups]
        rate = sum(rates) / len(rates)
        update_summary(epoch, {"loss": loss.avg}, evaluation, summary, lr=rate, write_header=epoch == 0)
        written[epoch] = {"train_loss": loss.avg, "lr": rate} | evaluation
        schedule.step(epoch + 1, evaluation["top1"])
    (run,) = import_runs(command, "timm", folder).values()
    names = {"train_loss": "train_loss", "learning_rate": "lr", "eval_loss:min": "loss", "eval_top1:max": "top1", "eval_top5:max": "top5"}
    for column, name in names.items():
        check(f"timm {name}", run[column], {epoch: row[name] for epoch, row in written.items()})
    assert run["attributes"]["optimizer"] == "sgd" and run["attributes"]["schedule"] == "cosine", run["attributes"]


def main():
    command = sys.argv[1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else temporary).resolve()
        for check_tool in (lightning_check, transformers_check, keras_check, ray_check, timm_check):
            tool = folder / check_tool.__name__.removesuffix("_check")
            tool.mkdir(parents=True, exist_ok=True)
            check_tool(command, tool)


if __name__ == "__main__":
    main()
