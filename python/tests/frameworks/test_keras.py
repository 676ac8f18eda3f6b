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


def test_what_cannot_work_is_told(model: Path) -> None:
    callback = LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), "accuracy")
    with pytest.raises(ValueError, match="has a schedule of its own"):
        fit(network(keras.optimizers.schedules.CosineDecay(0.1, 80)), callback)
    with pytest.warns(UserWarning, match="'accuracy' was not measured in this epoch; there is: .*val_loss"):
        fit(network(), callback, epochs=1)
    with pytest.raises(ValueError, match="every_n_batches = 0"):
        LodeCallback(lodecast.Scheduler(model, total_steps=STEPS), every_n_batches=0)


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
