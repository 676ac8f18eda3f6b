"""A sweep that can be understood, and small models of it."""

import math
import random

import numpy as np
import pytest

import lodecast


def bowl(schedule: lodecast.Schedule, seed: int, points: int = 30, total_steps: int = 150) -> dict[str, np.ndarray]:
    """Noisy descent on a bowl with a fast and a slow direction: a large rate falls fast and stays high."""
    noise = random.Random(seed)
    excess = [1.0, 1.0]
    steps, losses, rates, accuracies = [], [], [], []
    for step in range(1, total_steps + 1):
        rate = schedule.at_step(step - 1, total_steps)
        excess = [(1 - k * rate) ** 2 * x + (k * rate) ** 2 * 0.3 for x, k in zip(excess, (1.0, 0.05), strict=True)]
        if step % (total_steps // points) == 0:
            steps.append(step)
            losses.append(0.05 + sum(excess) * (1 + 0.05 * noise.uniform(-1, 1)))
            rates.append(rate)
            accuracies.append(0.9 * math.exp(-1.5 * sum(excess)) + 0.005 * noise.uniform(-1, 1))
    return {
        "step": np.array(steps),
        "train_loss": np.array(losses),
        "learning_rate": np.array(rates),
        "accuracy": np.array(accuracies),
    }


@pytest.fixture(scope="session")
def columns() -> dict[str, object]:
    """The sweep's columns, one metric point a row."""
    parts, ids, families, peaks, seeds = [], [], [], [], []
    for family in ("constant", "cosine", "one-cycle"):
        for peak in (0.1, 0.2, 0.4, 0.8, 1.6):
            for seed in (0, 1):
                part = bowl(lodecast.Schedule.parametric(family, peak), seed)
                parts.append(part)
                count = len(part["step"])
                ids += [f"{family}-{peak}-{seed}"] * count
                families += [family] * count
                peaks += [peak] * count
                seeds += [seed] * count
    table: dict[str, object] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {
        "run_id": ids,
        "schedule": families,
        "peak_lr": peaks,
        "seed": seeds,
        "total_steps": [150] * len(ids),
        **table,
    }


@pytest.fixture(scope="session")
def sweep(columns: dict[str, object]) -> lodecast.Sweep:
    return lodecast.Sweep.from_numpy(columns, metrics="accuracy:max")


@pytest.fixture(scope="session")
def model(sweep: lodecast.Sweep) -> lodecast.Model:
    return lodecast.fit(sweep, members=2, iterations=150, batch_size=16, progress=False)


@pytest.fixture(scope="session")
def latent_model(sweep: lodecast.Sweep) -> lodecast.Model:
    return lodecast.fit(sweep, kind="paper", members=2, iterations=60, batch_size=16, progress=False)


@pytest.fixture(scope="session")
def law() -> lodecast.LawModel:
    return lodecast.fit(lodecast.example_sweep(), "law", progress=False)
