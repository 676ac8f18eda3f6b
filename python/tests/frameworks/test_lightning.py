"""A Lightning training under the scheduler: resumed from its own checkpoint it is the run that was not stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("lightning.pytorch")

import torch  # noqa: E402
import toy  # noqa: E402
from lightning.pytorch.callbacks import GradientAccumulationScheduler, LearningRateMonitor, ModelCheckpoint  # noqa: E402
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


def decided(folder: Path) -> list[int]:
    """Give the steps at which decisions stand in the log."""
    header, *lines = next(folder.glob("log/*/metrics.csv")).read_text().splitlines()
    step, rate = (header.split(",").index(name) for name in ("step", "lodecast/learning_rate"))
    return [int(line.split(",")[step]) for line in lines if line.split(",")[rate]]


def test_what_waits_for_its_point_and_what_was_told_are_in_the_checkpoint(tmp_path: Path, model: Path) -> None:
    # The checkpoint comes amid the losses of a point.
    def run(name: str, resume: Path | None) -> Any:
        folder = tmp_path / name
        kept = ModelCheckpoint(folder, filename="{step}", save_top_k=-1, every_n_train_steps=32)
        made = train(
            folder, Module(model), EPOCHS, resume=resume, callbacks=[LodeCallback(every_n_steps=7), kept],
            check_val_every_n_epoch=3, logger=CSVLogger(folder, name="log"),
        )  # fmt: skip
        made.logger.save()
        return scheduler(made)

    whole = run("whole", None)
    resumed = run("rest", tmp_path / "whole" / "step=32.ckpt")
    assert resumed.scheduler.observed == whole.scheduler.observed
    steps = [decision.step for decision in whole.decisions]
    assert decided(tmp_path / "whole") == steps and min(steps) < 32
    assert decided(tmp_path / "rest") == [step for step in steps if step >= 32]


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


def test_a_metric_that_is_not_logged_is_named_before_the_training(tmp_path: Path, model: Path, accuracy_model: Path) -> None:
    for given, callback, said in (
        (model, LodeCallback("wer"), "'wer' was not measured; there is: val_loss"),
        (accuracy_model, LodeCallback(), "the model's metric val_accuracy:max was not measured; there is: val_loss"),
        (accuracy_model, LodeCallback("val_loss"), "'val_loss' is another metric"),
    ):
        module = Module(given)
        with pytest.raises(lodecast.SettingError, match=said):
            train(tmp_path, module, 1, callbacks=[callback])
        assert not module.rates


@pytest.mark.parametrize("accumulation", [1, 4])
def test_what_is_fed_and_decided(tmp_path: Path, model: Path, accumulation: int) -> None:
    class Watched(Module):
        def __init__(self) -> None:
            super().__init__(model)
            self.losses: list[float] = []
            self.validations: list[float] = []

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = super().training_step(batch, index)
            self.losses.append(float(loss.detach()))
            return loss

        def on_validation_epoch_end(self) -> None:
            if not self.trainer.sanity_checking:
                self.validations.append(float(self.trainer.callback_metrics["val_loss"]))

        def configure_optimizers(self) -> Any:
            made = super().configure_optimizers()
            steps = made["lr_scheduler"]["scheduler"].total_steps
            made["lr_scheduler"]["scheduler"] = LodeLR(made["optimizer"], model, steps, replan_at=[0.5])
            return made

    module = Watched()
    trainer = train(
        tmp_path, module, EPOCHS, callbacks=[LodeCallback(every_n_steps=2)], accumulate_grad_batches=accumulation,
        logger=CSVLogger(tmp_path, name="log"),
    )  # fmt: skip
    lode = scheduler(trainer)
    steps = 80 // accumulation
    observed = lode.scheduler.observed
    assert [point["step"] for point in observed] == list(range(2, steps + 1, 2))
    batches = 2 * accumulation
    means = [sum(module.losses[k : k + batches]) / batches for k in range(0, 80, batches)]
    assert [point["train_loss"] for point in observed] == pytest.approx(means, rel=1e-5)
    epoch = 8 // accumulation
    fed = {point["step"]: point["validation"] for point in observed if point["validation"] is not None}
    assert fed == dict(zip(range(epoch, steps + 1, epoch), module.validations, strict=True))
    # The point of the train loss and the metric belong to one step; the plan knows both.
    (decision,) = lode.decisions
    assert decision.step == steps // 2
    told = lodecast.Scheduler(model, steps, replan_at=[0.5])
    for point in observed[: steps // 4]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert lode.schedule == told.schedule
    lines = next(tmp_path.glob("log/*/metrics.csv")).read_text().splitlines()
    column = lines[0].split(",").index("lodecast/learning_rate")
    assert [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]] == [decision.learning_rate]


def test_an_interval_of_epochs_is_refused(tmp_path: Path, model: Path) -> None:
    class Plain(Module):
        def configure_optimizers(self) -> Any:
            made = super().configure_optimizers()
            return [made["optimizer"]], [made["lr_scheduler"]["scheduler"]]

    with pytest.raises(lodecast.SettingError, match="planned for 80 optimizer steps, but .* every 1 epochs"):
        train(tmp_path, Plain(model), 1)


def test_a_training_without_a_length_is_told(tmp_path: Path, model: Path) -> None:
    class Endless(Module):
        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.05)
            return [optimizer], [LodeLR(optimizer, self.model, total_steps=self.trainer.estimated_stepping_batches)]

    trainer = pl.Trainer(max_epochs=-1, accelerator="cpu", logger=False, default_root_dir=tmp_path, enable_checkpointing=False)
    with pytest.raises(lodecast.SettingError, match="give max_steps|as in max_steps or max_epochs"):
        trainer.fit(Endless(model), *data())


class Two(Module):
    """Two networks, each with an optimizer and a schedule, of losses with other sizes."""

    def __init__(self, model: Path) -> None:
        super().__init__(model)
        self.automatic_optimization = False
        self.other = torch.nn.Linear(1, 1)
        self.losses: list[tuple[float, float]] = []

    def training_step(self, batch: Any, index: int) -> None:
        inputs, targets = batch
        first = torch.nn.functional.mse_loss(self.network(inputs), targets)
        second = torch.nn.functional.mse_loss(self.other(inputs), targets) + 1.0
        for loss, optimizer, lode in zip((first, second), self.optimizers(), self.lr_schedulers(), strict=True):
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            lode.step()
        self.log_dict({"first_loss": first, "second_loss": second})
        self.losses.append((float(first.detach()), float(second.detach())))

    def configure_optimizers(self) -> Any:
        optimizers = [torch.optim.SGD(part.parameters(), lr=0.05) for part in (self.network, self.other)]
        return optimizers, [LodeLR(optimizer, self.model, total_steps=80) for optimizer in optimizers]


def test_each_of_two_schedules_has_its_own_loss(tmp_path: Path, model: Path) -> None:
    module = Two(model)
    callbacks = [
        LodeCallback(scheduler=k, train_loss=name, every_n_steps=1) for k, name in enumerate(("first_loss", "second_loss"))
    ]
    trainer = train(tmp_path, module, EPOCHS, callbacks=callbacks)
    for k, config in enumerate(trainer.lr_scheduler_configs):
        observed = config.scheduler.scheduler.observed
        assert [point["step"] for point in observed] == list(range(1, 81))
        assert [point["train_loss"] for point in observed] == pytest.approx([losses[k] for losses in module.losses])
    with pytest.raises(lodecast.SettingError, match="there are 2 LodeLR: give each a callback of its own"):
        train(tmp_path, Two(model), 1, callbacks=[LodeCallback()])


def test_a_loss_that_is_not_returned_is_told(tmp_path: Path, model: Path) -> None:
    class Silent(Two):
        def configure_optimizers(self) -> Any:
            optimizers, schedulers = super().configure_optimizers()
            return optimizers, [schedulers[0], torch.optim.lr_scheduler.ConstantLR(optimizers[1])]

    with pytest.raises(lodecast.SettingError, match="training_step returned no loss"):
        train(tmp_path, Silent(model), 1, callbacks=[LodeCallback(every_n_steps=1)])


def test_a_longer_run_is_planned_anew(tmp_path: Path, model: Path) -> None:
    train(tmp_path, Module(model), EPOCHS)
    longer = pl.Trainer(
        max_epochs=2 * EPOCHS, accelerator="cpu", logger=False, callbacks=[LodeCallback(every_n_steps=7)],
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path, enable_checkpointing=False,
    )  # fmt: skip
    module = Module(model)
    longer.fit(module, *data(), ckpt_path=tmp_path / f"epoch={EPOCHS - 1}.ckpt")
    lode = scheduler(longer)
    assert lode.last_epoch == lode.total_steps == 160
    assert lode.decisions[-1].total_steps == 160
    assert len(set(module.rates)) > 10


def test_a_recorded_run_can_be_read(tmp_path: Path, model: Path) -> None:
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min", total_steps=80)
    module = Module(model)
    callbacks = [LodeCallback("val_loss"), RecordCallback(recorder, "val_loss", every_n_steps=4)]
    train(tmp_path, module, EPOCHS, callbacks=callbacks)
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(4, 81, 4))
    assert [point["step"] for point in points if point["validation"] is not None] == list(range(8, 81, 8))
    assert points[0]["train_loss"] > points[-1]["train_loss"] > 0.0
    # The rate of a point is the one that its step was taken with.
    assert [point["learning_rate"] for point in points] == pytest.approx(module.rates[3::4])
    with pytest.raises(lodecast.FileError, match="was closed"):
        recorder.log(81, train_loss=1.0)


def test_a_training_is_recorded_into_two_runs(tmp_path: Path, model: Path) -> None:
    recorders = [lodecast.record(tmp_path / "sweep", name, metrics="val_loss:min") for name in ("first", "second")]
    # Lightning refuses callbacks that it cannot tell apart in its checkpoint.
    quick(tmp_path, Quick(model), LodeCallback(), *(RecordCallback(one, every_n_steps=4) for one in recorders))
    first, second = lodecast.Sweep.read(tmp_path / "sweep")
    assert first.steps.tolist() == second.steps.tolist() == [4, 8, 12, 16]


class Quick(Module):
    """Nothing is kept, and the schedule is of a length that is given."""

    def __init__(self, model: Path, total_steps: int | None = None) -> None:
        super().__init__(model)
        self.total_steps = total_steps

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.05)
        steps = int(self.trainer.estimated_stepping_batches) if self.total_steps is None else self.total_steps
        scheduler = LodeLR(optimizer, self.model, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def quick(folder: Path, module: Any, *callbacks: Any, loaders: Any = None, **arguments: Any) -> Any:
    trainer = pl.Trainer(
        accelerator="cpu", callbacks=list(callbacks), enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, enable_checkpointing=False, **{"max_epochs": 2, "logger": False, **arguments},
    )  # fmt: skip
    trainer.fit(module, *(data() if loaders is None else loaders))
    return trainer


def test_what_the_sanity_check_cannot_know_is_waited_for(tmp_path: Path, model: Path) -> None:
    class Several(Quick):
        def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
            super().validation_step(batch, index)

    class Silent(Quick):
        def validation_step(self, batch: Any, index: int) -> None:
            if not self.trainer.sanity_checking:
                super().validation_step(batch, index)

    train_data, validation = data()
    several = (train_data, [validation, validation])
    made = quick(tmp_path, Several(model), LodeCallback("val_loss/dataloader_idx_0"), loaders=several)
    assert [point["step"] for point in scheduler(made).scheduler.observed] == [8, 16]
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min")
    made = quick(tmp_path, Silent(model), LodeCallback(), RecordCallback(recorder))
    assert [point["step"] for point in scheduler(made).scheduler.observed] == [8, 16]
    for module, loaders in ((Several(model), several), (Silent(model), None)):
        with pytest.raises(lodecast.SettingError, match="'wer' was not measured; there is: .*val_loss"):
            quick(tmp_path, module, LodeCallback("wer"), loaders=loaders)
        assert len(module.rates) == 8, "at the first validation"


def test_a_length_in_batches_is_told(tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(lodecast.SettingError, match="planned for 16 steps, which are the batches; .* give total_steps=4"):
        quick(tmp_path, Quick(model, 16), LodeCallback(), accumulate_grad_batches=4)
    with pytest.raises(lodecast.SettingError, match="planned for 16 steps, which are the batches; .* give total_steps=10"):
        quick(tmp_path, Quick(model), LodeCallback(), GradientAccumulationScheduler({1: 4}))

    class OtherPackages(pl.Callback):
        """As Lightning's under its other name, where it is installed under both."""

        def get_accumulate_grad_batches(self, epoch: int) -> int:
            return GradientAccumulationScheduler({1: 4}).get_accumulate_grad_batches(epoch)

    with pytest.raises(lodecast.SettingError, match="planned for 16 steps, which are the batches; .* give total_steps=10"):
        quick(tmp_path, Quick(model), LodeCallback(), OtherPackages())
    caplog.clear()
    made = quick(tmp_path, Quick(model, 10), LodeCallback(), GradientAccumulationScheduler({1: 4}))
    assert made.global_step == scheduler(made).last_epoch == 10
    assert "planned for" not in caplog.text


def test_a_warm_up_by_another_scheduler_is_part_of_the_length(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class WarmedUp(Quick):
        def configure_optimizers(self) -> Any:
            made = super().configure_optimizers()
            lode = made["lr_scheduler"]["scheduler"]
            warmup = torch.optim.lr_scheduler.LinearLR(made["optimizer"], 0.1, total_iters=6)
            chain = torch.optim.lr_scheduler.SequentialLR(made["optimizer"], [warmup, lode], milestones=[6])
            made["lr_scheduler"]["scheduler"] = chain
            return made

    quick(tmp_path, WarmedUp(model, 10), LodeCallback())
    assert "planned for" not in caplog.text
    quick(tmp_path, WarmedUp(model, 16), LodeCallback(), limit_val_batches=0)
    assert "LodeLR is planned for 22 steps, and Lightning makes about 16" in caplog.text


def test_a_decision_is_logged_at_its_step(tmp_path: Path, model: Path) -> None:
    module = Quick(model)
    made = quick(tmp_path, module, LodeCallback(every_n_steps=4), logger=CSVLogger(tmp_path, name="log"))
    made.logger.save()
    rows = decided(tmp_path)
    assert rows == [decision.step for decision in scheduler(made).decisions] and len(rows) > 1


def test_a_manual_optimization_that_never_steps_the_schedule_is_told_at_once(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Forgetful(Quick):
        automatic_optimization = False

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = super().training_step(batch, index)
            self.optimizers().zero_grad()
            self.manual_backward(loss)
            self.optimizers().step()
            return loss

        def on_train_batch_end(self, outputs: Any, batch: Any, index: int) -> None:
            told.append("call step() after every optimizer.step()" in caplog.text)

    told: list[bool] = []
    quick(tmp_path, Forgetful(model, 16), LodeCallback(every_n_steps=4))
    assert told == [k >= 8 for k in range(16)]


def test_a_callback_that_feeds_too_seldom_is_told_so(tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    quick(tmp_path, Quick(model), LodeCallback(), loaders=data()[:1])
    assert "lodecast's callback is there, and makes a point every 50 steps: give it fewer" in caplog.text


def test_a_plan_whose_end_was_not_reached_is_told(tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    quick(tmp_path, Quick(model, 20), LodeCallback())
    assert "the training ended at step 16 of the 20 that LodeLR was planned for" in caplog.text
    caplog.clear()
    quick(tmp_path, Quick(model), LodeCallback())
    assert "the training ended" not in caplog.text
