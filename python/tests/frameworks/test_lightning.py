"""A Lightning training under the scheduler: resumed from its own checkpoint it is the run that was not stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("lightning.pytorch")

import torch  # noqa: E402
import toy  # noqa: E402
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import CSVLogger  # noqa: E402

import lodecast  # noqa: E402
from lodecast.lightning import LodeCallback, RecordCallback  # noqa: E402
from lodecast.torch import LodeLR  # noqa: E402

EPOCHS = 10


class Module(pl.LightningModule):  # type: ignore[misc, unused-ignore]
    def __init__(self, model: Path | None, accumulation: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.model = model
        self.rates: list[float] = []

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        self.rates.append(self.optimizers().param_groups[0]["lr"])
        inputs, targets = batch
        return torch.nn.functional.mse_loss(self.network(inputs), targets)

    def validation_step(self, batch: Any, index: int) -> None:
        inputs, targets = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.network(inputs), targets))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.05)
        if self.model is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": LodeLR(optimizer, self.model, total_steps=steps), "interval": "step"},
        }


def data() -> tuple[Any, Any]:
    inputs, targets, validation_inputs, validation_targets = map(torch.from_numpy, toy.data())
    loader = torch.utils.data.DataLoader
    dataset = torch.utils.data.TensorDataset
    return loader(dataset(inputs, targets), batch_size=16), loader(
        dataset(validation_inputs, validation_targets), batch_size=64
    )


def train(folder: Path, module: Module, epochs: int, *, resume: Path | None = None, **arguments: Any) -> Any:
    callbacks = [
        *arguments.pop("callbacks", [LodeCallback("val_loss", every_n_steps=7)]),
        ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1, every_n_epochs=1),
    ]
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, **{"logger": False, "log_every_n_steps": 1, **arguments},
    )  # fmt: skip
    # The planned length is that of the whole run, also in the part that is stopped.
    trainer.fit_loop.max_epochs = EPOCHS
    if epochs < EPOCHS:
        trainer.callbacks.insert(0, StopAfter(epochs))
    trainer.fit(module, *data(), ckpt_path=resume)
    return trainer


class StopAfter(pl.Callback):  # type: ignore[misc, unused-ignore]
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def scheduler(trainer: Any) -> LodeLR:
    found = trainer.lr_scheduler_configs[0].scheduler
    assert isinstance(found, LodeLR)
    return found


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_resumed_run_is_the_one_that_was_not_stopped(tmp_path: Path, model: Path, accumulation: int) -> None:
    whole = Module(model)
    trainer = train(tmp_path / "whole", whole, EPOCHS, accumulate_grad_batches=accumulation)
    assert len(set(whole.rates)) > 10
    assert scheduler(trainer).last_epoch == trainer.global_step == len(whole.rates) // accumulation

    first, second = Module(model), Module(model)
    train(tmp_path / "part", first, 4, accumulate_grad_batches=accumulation)
    checkpoint = tmp_path / "part" / "epoch=3.ckpt"
    train(tmp_path / "rest", second, EPOCHS, resume=checkpoint, accumulate_grad_batches=accumulation)
    assert first.rates + second.rates == whole.rates
    for ours, theirs in zip(second.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_rate_shows_in_lightnings_logger(tmp_path: Path, model: Path) -> None:
    module = Module(model)
    callbacks = [LodeCallback("val_loss"), LearningRateMonitor("step")]
    train(tmp_path, module, EPOCHS, callbacks=callbacks, logger=CSVLogger(tmp_path, name="log"))
    lines = next(tmp_path.glob("log/*/metrics.csv")).read_text().splitlines()
    column = lines[0].split(",").index("lr-SGD")
    logged = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    assert logged == pytest.approx(module.rates, rel=1e-6)


def test_without_a_lode_scheduler_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no LodeLR among the learning-rate schedulers"):
        train(tmp_path, Module(None), 1)


def test_a_metric_that_is_not_logged_is_named(tmp_path: Path, model: Path) -> None:
    with pytest.warns(UserWarning, match="'accuracy' was not logged; there is: val_loss"):
        train(tmp_path, Module(model), 1, callbacks=[LodeCallback("accuracy")])


def test_a_recorded_run_can_be_read(tmp_path: Path, model: Path) -> None:
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min", total_steps=80)
    module = Module(model)
    callbacks = [LodeCallback("val_loss"), RecordCallback(recorder, "val_loss", every_n_steps=4)]
    train(tmp_path, module, EPOCHS, callbacks=callbacks)
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(4, 81, 4))
    assert [point["step"] for point in points if point["validation"] is not None] == list(range(8, 81, 8))
    assert points[0]["train_loss"] > points[-1]["train_loss"] > 0.0
