"""The notebook runs, its page of the site is what it has shown, and what its text says of the figures is so."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lodecast

SCRIPT = Path(__file__).parents[1] / "notebook_page.py"


@pytest.fixture(scope="module")
def notebook_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def notebook(notebook_page) -> dict[str, Any]:
    return json.loads(notebook_page.NOTEBOOK.read_text("utf-8"))


def code(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def shown(cell: Any) -> list[tuple[str, list[str]]]:
    """What kinds of things a cell has shown."""
    return [(output["output_type"], sorted(output.get("data", {}))) for output in cell["outputs"]]


def test_the_page_is_what_the_notebook_has_shown(notebook_page, notebook):
    advice = "bring it up to date: python python/notebook_page.py"
    page = notebook_page.PAGE.read_text("utf-8")
    assert page == notebook_page.page(notebook), advice
    assert re.findall(r"^```python\n(.*?)\n```", page, re.M | re.S) == ["".join(cell["source"]) for cell in code(notebook)]
    folder = notebook_page.PAGE.parent / notebook_page.PICTURES
    kept = {f"{notebook_page.PICTURES}/{path.name}": path.read_bytes() for path in folder.iterdir()}
    assert kept == notebook_page.pictures(notebook), advice
    assert len(kept) == 3 and all(name in page for name in kept)


def test_the_notebook_is_whole_and_small(notebook_page, notebook):
    numbers = [cell["execution_count"] for cell in code(notebook)]
    assert numbers == list(range(1, len(numbers) + 1)), "its cells were run once each, in order"
    assert {kind for cell in code(notebook) for kind, _ in shown(cell)} <= {"stream", "execute_result", "display_data"}
    text = notebook_page.NOTEBOOK.read_text("utf-8")
    assert len(text) < 200_000 and "/tmp" not in text


def test_its_cells_run(notebook):
    pytest.importorskip("matplotlib").use("agg")
    names: dict[str, Any] = {}
    for cell in code(notebook):
        # The rest of the ten seeds is left to the nightly run.
        source = "".join(cell["source"]).replace("range(100, 110)", "range(100, 103)")
        exec(compile(source, "the notebook", "exec"), names)
    assert [len(path.read_text().splitlines()) for path in names["runs"].glob("*.csv")] == 6 * [41]
    assert names["plan"].interval.low < names["plan"].interval.mean < names["plan"].interval.high
    assert names["plan"].schedule == names["picked"].schedule, "the one line is what it is taken apart into"
    assert len(names["scheduler"].observed) == 40 and len(names["decided"]) == 4
    assert all(len(losses) == 3 for losses in names["ends"].values())
    assert (names["x"].shape, len(names["sweep"])) == ((128, 1), 6)
    # The training is that of the sweep that is shipped.
    points: list[dict[str, float]] = []
    names["train"](lambda step: lodecast.Schedule.cosine(0.1).at_step(step, 200), 0, lambda **point: points.append(point))
    of_the_package = lodecast.example_sweep()["cosine-0.1-0"].validation["val_loss"]
    np.testing.assert_allclose([point["val_loss"] for point in points][:10], of_the_package[:10], rtol=1e-6)


@pytest.mark.integration
def test_whole_in_a_kernel_it_shows_what_it_says(notebook_page, notebook):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    ran = notebook_page.run(nbformat.read(notebook_page.NOTEBOOK, 4))
    now, before = list(code(ran)), list(code(notebook))
    assert [shown(cell) for cell in now] == [shown(cell) for cell in before]
    (said,) = ("".join(cell["outputs"][0]["text"]) for cell in now if "SEEDS =" in cell["source"])
    predicted = re.search(r"^predicted .*\((\S+) to (\S+) in two of three runs", said, re.M)
    ends = re.findall(r"^(.+?) +(\S+) ± \S+, (\d+) of 10 diverged$", said, re.M)
    (lucky, planned, best, network) = ((float(mean), int(diverged)) for _, mean, diverged in ends)
    # What the text says.
    assert lucky[1] > 0 and planned[1] == 0
    assert planned[0] < lucky[0] and abs(planned[0] - best[0]) < 0.0025
    assert float(predicted[1]) < planned[0] < float(predicted[2])
    assert network[0] > best[0] - 0.0025
