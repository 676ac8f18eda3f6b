"""Keras under the scheduler: resumed by BackupAndRestore it is the run that was not stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import numpy as np  # noqa: E402
import toy  # noqa: E402

import lodecast  # noqa: E402
from lodecast.keras import LodeCallback, RecordCallback  # noqa: E402

EPOCHS = 10
STEPS = 80


class Watch(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Notes the rates of all batches, and dies when told to."""

    def __init__(self, die_in: int | None = None) -> None:
        super().__init__()
        self.die_in = die_in
        self.rates: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.die_in:
            raise KeyboardInterrupt


def network(learning_rate: Any = 0.05) -> Any:
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(learning_rate, momentum=0.9), "mse")
    return made


def fit(made: Any, *callbacks: Any, epochs: int = EPOCHS) -> Any:
    inputs, targets, *validation = toy.data()
    return made.fit(
        inputs, targets, batch_size=16, epochs=epochs, shuffle=False, validation_data=tuple(validation),
        callbacks=list(callbacks), verbose=0,
    )  # fmt: skip


@pytest.mark.parametrize("every_n_batches", [None, 3])
def test_a_resumed_run_is_the_one_that_was_not_stopped(tmp_path: Path, model: Path, every_n_batches: int | None) -> None:
    def run(folder: Path, die_in: int | None = None) -> tuple[Any, Watch, Any]:
        made, watch = network(), Watch(die_in)
        lode = LodeCallback(
            lodecast.Scheduler(model, total_steps=STEPS), "val_loss", every_n_batches=every_n_batches,
            backup=folder / "lodecast.json",
        )  # fmt: skip
        backup = keras.callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False)
        history = None
        try:
            history = fit(made, lode, watch, backup)
        except KeyboardInterrupt:
            assert die_in is not None
        return made, watch, history

    whole, expected, history = run(tmp_path / "whole")
    assert len(expected.rates) == STEPS
    assert len(set(expected.rates)) > 10
    # Keras' own history, and with it its loggers, has the rate of each epoch's last batch.
    assert history.history["learning_rate"] == expected.rates[7::8]

    _, before, _ = run(tmp_path / "part", die_in=4)
    rest, after, _ = run(tmp_path / "part")
    assert len(before.rates) == 32
    assert before.rates + after.rates == expected.rates
    for ours, theirs in zip(rest.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_backup_of_another_step_is_told(tmp_path: Path, model: Path) -> None:
    backup = tmp_path / "lodecast.json"
    made = network()
    fit(made, LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), "val_loss", backup=backup), epochs=3)
    fit(made, epochs=1)
    with pytest.warns(UserWarning, match=r"has the state at step 16, 24, training goes on at 32"):
        fit(made, LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), "val_loss", backup=backup), epochs=1)


def test_what_cannot_work_is_told(model: Path, accuracy_model: Path) -> None:
    with pytest.raises(ValueError, match="'accuracy' is another metric"):
        LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), "accuracy")
    callback = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), "val_wer")
    with pytest.raises(ValueError, match="has a schedule of its own"):
        fit(network(keras.optimizers.schedules.CosineDecay(0.1, 80)), callback)
    with pytest.raises(ValueError, match="'val_wer' was not measured; there is: .*val_loss"):
        fit(network(), callback, epochs=1)
    # Without a name it is the model's, and a loss is not an accuracy.
    callback = LodeCallback(lodecast.Scheduler(accuracy_model, total_steps=STEPS))
    with pytest.raises(ValueError, match="the model's metric val_accuracy:max was not measured; there is: .*val_loss"):
        fit(network(), callback, epochs=1)
    optimizer = keras.optimizers.SGD(0.05, gradient_accumulation_steps=4)
    made = network()
    made.compile(optimizer, "mse")
    with pytest.raises(ValueError, match="planned for 80 steps, which are the batches; .* give total_steps=20"):
        fit(made, LodeCallback(lodecast.Scheduler(model, total_steps=STEPS)))
    with pytest.raises(ValueError, match="every_n_batches = 0"):
        LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), every_n_batches=0)


def test_a_scheduler_knows_its_training(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(lodecast.ArgumentError, match=r"lodecast\.Scheduler"):
        LodeCallback(str(model))  # type: ignore[arg-type]
    callback, made = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS)), network()
    fit(made, callback)
    fit(made, callback, epochs=2)
    assert f"planned for {STEPS} steps, and this fit ends at step {STEPS + 16}" in caplog.text
    with pytest.raises(lodecast.StateError, match=f"up to step {STEPS + 16}, .* has done 0 steps"):
        fit(network(), callback)


def test_a_plan_whose_end_was_not_reached_is_told(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lodecast")
    callback, made = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS)), network()
    fit(made, callback, epochs=3)
    assert f"the training ended at step 24 of {STEPS}" in caplog.text
    caplog.clear()
    made.fit(*toy.data()[:2], batch_size=16, initial_epoch=3, epochs=EPOCHS, callbacks=[callback], verbose=0)
    assert "the training ended" not in caplog.text


def test_a_metric_that_is_never_measured_is_told(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    def said(**validation: Any) -> list[str]:
        caplog.clear()
        inputs, targets = toy.data()[:2]
        lode = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS))
        network().fit(inputs, targets, batch_size=16, epochs=EPOCHS, callbacks=[lode], verbose=0, **validation)
        return [record.getMessage() for record in caplog.records if "was not observed" in record.getMessage()]

    half = STEPS // 2
    assert said() == [f"val_loss was not observed in the first {half} of {STEPS} steps: the plans rest on the train loss alone"]
    assert said(validation_data=toy.data()[2:], validation_freq=5) == []


class Spy(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """The optimizer's own steps and rates, and the metric of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.rates: list[float] = []
        self.validations: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.steps.append(int(self.model.optimizer.iterations))
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.validations.append(logs["val_loss"])


@pytest.mark.parametrize("accumulation", [None, 3, 4])
def test_what_is_fed_and_decided(model: Path, accumulation: int | None) -> None:
    """Eight batches an epoch are no multiple of three: an update may begin in one epoch and end in the next."""
    made, spy = network(), Spy()
    made.compile(keras.optimizers.SGD(0.05, momentum=0.9, gradient_accumulation_steps=accumulation), "mse")
    steps = 80 // (accumulation or 1)
    lode = LodeCallback(lodecast.Scheduler(model, total_steps=steps, replan_at=[0.5]), every_n_batches=8)
    history = fit(made, lode, spy)
    observed = lode.scheduler.observed
    epochs = [spy.steps[k] for k in range(7, 80, 8)]
    assert [point["step"] for point in observed] == epochs
    assert [point["train_loss"] for point in observed] == pytest.approx(history.history["loss"], rel=1e-5)
    assert [point["validation"] for point in observed] == pytest.approx(spy.validations)
    # The loss is fed before the metric of the epoch; the plan knows both.
    (decision,) = lode.decisions
    told = lodecast.Scheduler(model, steps, replan_at=[0.5])
    for point in observed[: 1 + next(k for k, step in enumerate(epochs) if 2 * step >= steps)]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert lode.scheduler.schedule == told.schedule
    assert decision.reason == told.last_plan.reason  # type: ignore[union-attr]
    before = [0, *spy.steps[:-1]]
    late = [(step, rate) for step, rate in zip(before, spy.rates, strict=True) if step > decision.step]
    assert late
    assert all(rate == pytest.approx(told.learning_rate(step), rel=1e-6) for step, rate in late)
    assert history.history["lodecast_plans"][-1] == 1.0


def test_the_loss_of_a_point_is_that_since_the_last_one(tmp_path: Path) -> None:
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="val_loss:min", total_steps=STEPS)
    made = network(0.0)
    fit(made, RecordCallback(recorder, "val_loss", every_n_batches=1), epochs=2)
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(1, 17))
    inputs, targets, *_ = toy.data()
    # At rate 0 the network stays: each point has the loss of its own batch.
    outputs = made.predict(inputs, verbose=0)
    for batch in range(8):
        at = slice(16 * batch, 16 * batch + 16)
        assert points[batch]["train_loss"] == pytest.approx(float(np.mean((outputs[at] - targets[at]) ** 2)), rel=1e-3)
    assert points[7]["validation"] is not None
    assert points[6]["validation"] is None
    with pytest.raises(lodecast.FileError, match="was closed"):
        recorder.log(17, train_loss=1.0)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras executes one batch at a time with torch")
@pytest.mark.parametrize("every_n_batches", [None, 3])
def test_an_execution_of_fewer_batches_counts_as_many_as_it_has(
    model: Path, caplog: pytest.LogCaptureFixture, every_n_batches: int | None
) -> None:
    """Eight batches an epoch in executions of three: the last has two."""
    made = network()
    made.compile(keras.optimizers.SGD(0.05), "mse", steps_per_execution=3)
    lode = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), every_n_batches=every_n_batches)
    history = fit(made, lode)
    assert lode.step == int(made.optimizer.iterations) == STEPS
    ends = [point for point in lode.scheduler.observed if point["validation"] is not None]
    assert [point["step"] for point in ends] == list(range(8, STEPS + 1, 8))
    if every_n_batches is None:
        assert [point["train_loss"] for point in ends] == pytest.approx(history.history["loss"], rel=1e-5)
    assert not [record for record in caplog.records if "ends at step" in record.getMessage()]
