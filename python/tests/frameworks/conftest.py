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
