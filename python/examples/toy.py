"""The examples' problem: a small network learns sin(3x). Here it is trained in plain numpy, for a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lodecast

STEPS = 200
"""Optimizer steps of a training."""
POINTS = 40
"""Metric points of a training."""


def data() -> tuple[Any, Any, Any, Any]:
    """Make training inputs and targets, and those for validation: 128 and 64 rows."""
    inputs = np.linspace(-1.0, 1.0, 192, dtype=np.float32)[:, None]
    targets = np.sin(3.0 * inputs) + np.float32(0.1) * np.random.default_rng(1).standard_normal(
        inputs.shape, np.float32
    )
    order = np.random.default_rng(0).permutation(192)
    training, validation = order[:128], order[128:]
    return inputs[training], targets[training], inputs[validation], targets[validation]


def train(schedule: lodecast.Schedule, seed: int) -> Iterator[dict[str, Any]]:
    """Train by gradient descent with momentum on batches of 16, and yield the metric points."""
    random = np.random.default_rng(seed)
    inputs, targets, validation_inputs, validation_targets = data()
    weights = [random.standard_normal((1, 16)), np.zeros(16), 0.25 * random.standard_normal((16, 1))]
    velocities = [np.zeros_like(weight) for weight in weights]
    losses = []
    for step in range(STEPS):
        batch = random.integers(0, len(inputs), 16)
        hidden = np.tanh(inputs[batch] @ weights[0] + weights[1])
        error = hidden @ weights[2] - targets[batch]
        losses.append(float(np.mean(error**2)))
        slope = 2.0 / len(batch) * error
        back = (slope @ weights[2].T) * (1.0 - hidden**2)
        gradients = [inputs[batch].T @ back, back.sum(axis=0), hidden.T @ slope]
        rate = schedule.at_step(step, STEPS)
        for layer, gradient in enumerate(gradients):
            velocities[layer] = 0.9 * velocities[layer] + gradient
            weights[layer] = weights[layer] - rate * velocities[layer]
        if (step + 1) % (STEPS // POINTS) == 0:
            outputs = np.tanh(validation_inputs @ weights[0] + weights[1]) @ weights[2]
            validation = float(np.mean((outputs - validation_targets) ** 2))
            yield {
                "step": step + 1,
                "train_loss": float(np.mean(losses)),
                "learning_rate": rate,
                "validation": validation,
            }
            losses.clear()


def sweep() -> lodecast.Sweep:
    """Train with two families of schedules at six peaks, two seeds each."""
    runs = []
    for family in ("cosine", "constant"):
        for peak in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3):
            for seed in (0, 1):
                points = list(train(lodecast.Schedule.parametric(family, peak), seed))
                columns = {name: [point[name] for point in points] for name in points[0]}
                run = lodecast.Run(
                    f"{family}-{peak}-{seed}", columns["step"], train_loss=columns["train_loss"],
                    learning_rate=columns["learning_rate"], validation={"val_loss:min": columns["validation"]},
                    schedule=family, peak_lr=peak, seed=seed, total_steps=STEPS,
                )  # fmt: skip
                runs.append(run)
    return lodecast.Sweep(runs)


def model(path: Path) -> Path:
    """Fit a small model to the sweep, in a few seconds, and save it."""
    lodecast.fit(sweep(), "controlled", iterations=300, members=2, progress=False).save(path)
    return path


def points(path: Path) -> list[dict[str, Any]]:
    """Read the points of the only run in a sweep file or folder, with ``None`` for what was not measured."""
    (run,) = lodecast.Sweep.read(path).runs
    validation = next(iter(run.validation.values()))
    columns = {"train_loss": run.train_loss, "learning_rate": run.learning_rate, "validation": validation}
    known = {name: [None if np.isnan(value) else float(value) for value in values] for name, values in columns.items()}
    return [{"step": int(step), **{name: known[name][k] for name in known}} for k, step in enumerate(run.steps)]
