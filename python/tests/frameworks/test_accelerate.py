"""Accelerate in one process: planned lengths, what is fed, and where decisions are shown."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate")

import torch
import toy
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

import lodecast
import lodecast.accelerate
from lodecast.distributed import find
from lodecast.torch import LodeLR

EPOCHS = 6


class Shown(GeneralTracker):  # type: ignore[misc, unused-ignore]
    name = "shown"
    requires_logging_directory = False

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, Any]]] = []

    @property
    def tracker(self) -> None:
        return None

    def store_init_configuration(self, values: dict[str, Any]) -> None: ...

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        self.rows.append((step, values))


def prepared(accumulation: int, **arguments: Any) -> tuple[Any, Any, Any, Any]:
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulation, **arguments)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    inputs, targets, *_ = map(torch.from_numpy, toy.data())
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, targets), batch_size=12)
    return (accelerator, *accelerator.prepare(network, torch.optim.SGD(network.parameters(), lr=0.05), data))


@pytest.mark.parametrize("accumulation", [1, 4])
def test_accumulated_batches_are_one_step(model: Path, accumulation: int) -> None:
    """Eleven batches an epoch, of which the last three are a step."""
    shown = Shown()
    accelerator, network, optimizer, data = prepared(accumulation, log_with=shown)
    accelerator.init_trackers("test")
    scheduler = lodecast.accelerate.schedule(
        accelerator, optimizer, model, data=data, epochs=EPOCHS, replan_at=[0.5]
    )  # fmt: skip
    lode = find(scheduler)
    assert lode.total_steps == EPOCHS * (11 if accumulation == 1 else 3)
    means = []
    for done in range(EPOCHS):
        means.append(epoch(accelerator, network, optimizer, data, scheduler))
        lodecast.accelerate.observe(scheduler, train_loss=means[-1])
        lodecast.accelerate.observe(scheduler, validation=0.5 / (done + 1))
    assert lode.last_epoch == lode.total_steps
    assert [point["step"] for point in lode.scheduler.observed] == [
        lode.total_steps * (epoch + 1) // EPOCHS for epoch in range(EPOCHS)
    ]
    assert [point["train_loss"] for point in lode.scheduler.observed] == pytest.approx(means)
    (decision,) = lode.decisions
    assert decision.step == lode.total_steps // 2
    told = lodecast.Scheduler(model, lode.total_steps, replan_at=[0.5])
    for point in lode.scheduler.observed[: EPOCHS // 2]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert lode.schedule == told.schedule
    assert shown.rows == [(decision.step, decision.numbers())]


def test_a_length_in_batches_is_told(model: Path) -> None:
    accelerator, _, optimizer, data = prepared(4)
    with pytest.raises(lodecast.SettingError, match=r"count batches \(6 epochs of 11\).* an epoch has 3 optimizer steps"):
        lodecast.accelerate.schedule(accelerator, optimizer, model, total_steps=len(data) * EPOCHS)
    # What is refused may have been right: 66 steps are 22 epochs, too, and 55 are so many thirds of one.
    for steps in (66, 55):
        with pytest.raises(lodecast.SettingError, match=f"epochs={steps // 11}\\) count .* say epochs={steps}/3$"):
            lodecast.accelerate.schedule(accelerator, optimizer, model, total_steps=steps)
        scheduler = lodecast.accelerate.schedule(accelerator, optimizer, model, data=data, epochs=steps / 3)
        assert find(scheduler).total_steps == steps
    with pytest.raises(lodecast.SettingError, match="the planned length is missing"):
        lodecast.accelerate.schedule(accelerator, optimizer, model)
    with pytest.raises(lodecast.SettingError, match="belong together"):
        lodecast.accelerate.schedule(accelerator, optimizer, model, data=data)


def test_the_torch_optimizer_is_found_in_deepspeeds(model: Path) -> None:
    accelerator, _, optimizer, data = prepared(1)

    class Zero:
        """As DeepSpeed's optimizers: none of torch's, with the rates in the one inside."""

        def __init__(self) -> None:
            self.optimizer = optimizer.optimizer

    class Wrapper:
        optimizer = Zero()

    scheduler = lodecast.accelerate.schedule(accelerator, Wrapper(), model, data=data, epochs=1)
    assert find(scheduler).optimizer is optimizer.optimizer

    class DummyOptim:
        """As Accelerate's, before DeepSpeed has made the optimizer of its configuration."""

    with pytest.raises(lodecast.ArgumentError, match="no torch optimizer in DummyOptim: prepare it before"):
        lodecast.accelerate.schedule(accelerator, DummyOptim(), model, total_steps=7)


def update(accelerator: Any, network: Any, optimizer: Any, batch: Any, scheduler: Any) -> torch.Tensor:
    """Train with a batch; return its loss."""
    inputs, targets = batch
    with accelerator.accumulate(network):
        loss = torch.nn.functional.mse_loss(network(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return loss.detach()


def epoch(accelerator: Any, network: Any, optimizer: Any, data: Any, scheduler: Any) -> float:
    """Train for an epoch; return the mean loss."""
    losses = [float(update(accelerator, network, optimizer, batch, scheduler)) for batch in data]
    return sum(losses) / len(losses)


def test_updates_that_a_scaler_skips_are_no_steps(model: Path) -> None:
    """A gradient that is not finite in the first and the fifth of twelve updates, as GradScaler finds them."""
    accelerator = Accelerator(cpu=True)
    accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    network = torch.nn.Linear(1, 1)
    network, optimizer = accelerator.prepare(network, torch.optim.SGD(network.parameters(), lr=0.05))
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, model, total_steps=10, replan_at=[0.5])
    lode = find(scheduler)
    applied, skipped = [], []
    for update in range(12):
        broken = float("inf") if update in (0, 4) else 1.0
        before = network.weight.detach().clone()
        rate = optimizer.param_groups[0]["lr"]
        accelerator.backward(broken * network(torch.ones(4, 1)).square().mean())
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if torch.equal(network.weight, before):
            skipped.append(update)
        else:
            applied.append(rate)
        lodecast.accelerate.observe(scheduler, train_loss=1.0 / (update + 1), validation=0.5 / (update + 1))
    assert skipped == [0, 4]
    assert lode.last_epoch == lode.total_steps == 10
    # What was observed after a skipped update corrects the point of the last real one.
    assert [point["step"] for point in lode.scheduler.observed] == list(range(11))
    assert lode.scheduler.observed[3]["validation"] == 0.5 / 5
    assert [decision.step for decision in lode.decisions] == [5]
    told = lodecast.Scheduler(model, 10, replan_at=[0.5])
    expected = []
    for point in lode.scheduler.observed:
        told.note(point["step"], train_loss=point["train_loss"], validation=point["validation"])
        expected.append(told.learning_rate(point["step"]))
        told.decide()
    assert applied == pytest.approx(expected[:10], rel=1e-12)


def test_a_longer_run_is_planned_anew(model: Path, tmp_path: Path) -> None:
    parts = prepared(4)
    scheduler = lodecast.accelerate.schedule(parts[0], parts[2], model, data=parts[3], epochs=2)
    for number in range(2):
        loss = epoch(*parts, scheduler)
        lodecast.accelerate.observe(scheduler, train_loss=loss, validation=0.5 / (number + 1))
    short = find(scheduler)
    assert short.last_epoch == short.total_steps == 6
    parts[0].save_state(str(tmp_path))

    parts = prepared(4)
    scheduler = lodecast.accelerate.schedule(parts[0], parts[2], model, data=parts[3], epochs=4)
    parts[0].load_state(str(tmp_path))
    lode = find(scheduler)
    assert (lode.last_epoch, lode.total_steps) == (6, 12)
    assert lode.scheduler.observed == short.scheduler.observed
    end = float(parts[2].param_groups[0]["lr"])
    rates = []
    for number in range(2, 4):
        loss = epoch(*parts, scheduler)
        rates.append(float(parts[2].param_groups[0]["lr"]))
        lodecast.accelerate.observe(scheduler, train_loss=loss, validation=0.5 / (number + 1))
    assert lode.last_epoch == lode.total_steps == 12
    assert [point["step"] for point in lode.scheduler.observed] == [3, 6, 9, 12]
    assert rates[0] != end and len(set(rates)) == 2, "the rest is planned, and does not stay at the end of the short run"


@pytest.mark.parametrize("where", ["within", "after"])
def test_a_length_in_batches_is_told_of_a_scheduler_prepared_by_hand(model: Path, where: str) -> None:
    accelerator, network, optimizer, data = prepared(4)
    lode = LodeLR(optimizer.optimizer, model, total_steps=len(data) * EPOCHS)
    scheduler = accelerator.prepare(lode)
    with pytest.raises(lodecast.SettingError, match=r"count batches \(6 epochs of 11\).* an epoch has 3 optimizer steps: let"):
        for _ in range(2):
            for batch in data:
                loss = update(accelerator, network, optimizer, batch, scheduler)
                if where == "within":
                    lodecast.accelerate.observe(scheduler, train_loss=loss)
            lodecast.accelerate.observe(scheduler, train_loss=loss)
    assert lode.last_epoch == (0 if where == "within" else 3), "as soon as it can be known"


def test_a_length_that_was_counted_is_not_doubted(model: Path) -> None:
    """Eleven epochs of three steps are three times eleven batches, too."""
    parts = prepared(4)
    scheduler = lodecast.accelerate.schedule(parts[0], parts[2], model, data=parts[3], epochs=11)
    assert find(scheduler).total_steps == 33
    lodecast.accelerate.observe(scheduler, train_loss=epoch(*parts, scheduler))
    # What is not accumulated has steps as many as batches.
    parts = prepared(1)
    lode = LodeLR(parts[2].optimizer, model, total_steps=len(parts[3]) * EPOCHS)
    scheduler = parts[0].prepare(lode)
    lodecast.accelerate.observe(scheduler, train_loss=epoch(*parts, scheduler))
    assert lode.last_epoch == 11


@pytest.mark.parametrize(("planned", "said"), [(40, 1), (2 * 3, 0)])
def test_an_end_far_before_the_planned_one_is_told(
    model: Path, caplog: pytest.LogCaptureFixture, planned: int, said: int
) -> None:
    parts = prepared(4)
    scheduler = lodecast.accelerate.schedule(parts[0], parts[2], model, total_steps=planned)
    for _ in range(2):
        lodecast.accelerate.observe(scheduler, train_loss=epoch(*parts, scheduler))
    caplog.clear()
    parts[0].free_memory()
    del scheduler, parts
    gc.collect()
    told = [message for message in caplog.messages if "was observed to step 6 of the 40" in message]
    assert len(told) == said


def test_arguments_in_another_order_get_advice(model: Path) -> None:
    accelerator, _, optimizer, _ = prepared(1)
    with pytest.raises(lodecast.ArgumentError, match=r"accelerator is needed first, not AcceleratedOptimizer: schedule\("):
        lodecast.accelerate.schedule(optimizer, accelerator, model, total_steps=10)


@pytest.mark.parametrize("accumulation", [1, 4])
def test_a_tracker_records_what_is_logged(tmp_path: Path, accumulation: int) -> None:
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min", total_steps=33)
    tracker = lodecast.accelerate.RecordTracker(recorder, train_loss="loss", learning_rate="lr", validation="val_loss")
    accelerator, network, optimizer, data = prepared(accumulation, log_with=tracker)
    accelerator.init_trackers("test", config={"batch_size": 12})
    steps, losses = 0, []
    for inputs, targets in data:
        with accelerator.accumulate(network):
            loss = torch.nn.functional.mse_loss(network(inputs), targets)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        if accelerator.sync_gradients:
            steps += 1
            losses.append(float(loss.detach()))
            accelerator.log({"loss": losses[-1], "lr": 0.05, "gradient_norm": 1.0}, step=steps)
            accelerator.log({"gradient_norm": 1.0}, step=steps)
    accelerator.log({"val_loss": 0.25}, step=steps)
    assert accelerator.get_tracker("lodecast", unwrap=True) is recorder
    accelerator.end_training()
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(1, steps + 1)) and steps == (11 if accumulation == 1 else 3)
    assert [point["train_loss"] for point in points] == pytest.approx(losses)
    assert {point["learning_rate"] for point in points} == {0.05}
    assert [point["validation"] for point in points] == [None] * (steps - 1) + [0.25]
    with pytest.raises(lodecast.FileError, match="was closed"):
        recorder.log(steps + 1, train_loss=1.0)


def test_a_tracker_counts_the_steps_that_are_not_said(tmp_path: Path) -> None:
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min")
    tracker = lodecast.accelerate.RecordTracker(recorder, validation="val_loss")
    for k in range(3):
        tracker.log({"train_loss": 1.0 / (k + 1), "learning_rate": 0.1})
    tracker.finish()
    assert [point["step"] for point in toy.points(tmp_path / "sweep")] == [1, 2, 3]
