"""A Keras training under lodecast that survives being stopped: the callback, and Keras' own BackupAndRestore."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import toy

import lodecast
from lodecast.keras import LodeCallback

EPOCHS = 25


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    inputs, targets, *validation = toy.data()
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    scheduler = lodecast.Scheduler(toy.model(folder / "toy.lode"), total_steps=EPOCHS * 8)
    history = network.fit(
        inputs,
        targets,
        batch_size=16,
        epochs=EPOCHS,
        validation_data=tuple(validation),
        callbacks=[
            LodeCallback(scheduler, backup=folder / "lodecast.json"),
            keras.callbacks.BackupAndRestore(folder / "backup"),
        ],
        verbose=0,
    ).history
    for epoch in range(4, EPOCHS, 5):
        rate, validation_loss = history["learning_rate"][epoch], history["val_loss"][epoch]
        print(f"epoch {epoch + 1}: rate {rate:.4f}, val_loss {validation_loss:.4f}")
    print(scheduler.explain())


if __name__ == "__main__":
    main()
