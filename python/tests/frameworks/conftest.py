"""What the tests of the frameworks share: the problem of the examples, and a model fitted to a sweep of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# One process a core at most, and the same bits every time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that train: they belong to the integration tests."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem != "test_judge":
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file, of runs of the examples' problem."""
    import toy

    return toy.model(tmp_path_factory.mktemp("model") / "toy.lode")


@pytest.fixture(scope="session")
def accuracy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of the same runs, with a metric of which more is better."""
    import numpy as np
    import toy

    import lodecast

    runs = [
        lodecast.Run(
            run.id, run.steps, train_loss=run.train_loss, learning_rate=run.learning_rate,
            validation={"val_accuracy:max": np.exp(-3.0 * run.validation["val_loss"])},
            schedule=run.attributes["schedule"], peak_lr=run.attributes["peak_lr"], seed=run.attributes["seed"],
            total_steps=run.total_steps,
        )
        for run in toy.sweep()
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "accuracy.lode"
    lodecast.fit(lodecast.Sweep(runs), iterations=300, members=2, progress=False).save(path)
    return path
