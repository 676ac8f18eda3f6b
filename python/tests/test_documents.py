"""What stands in the README and in docs/python.md runs as it is written."""

import ast
import re
from pathlib import Path

import pytest

import lodecast

README = Path(__file__).parents[1] / "README.md"
FRAMEWORKS = Path(__file__).parents[2] / "docs" / "python.md"


def blocks(document: Path) -> list[str]:
    """The blocks of Python in a document."""
    return re.findall(r"^```python\n(.*?)^```", document.read_text("utf-8"), re.M | re.S)


@pytest.fixture
def here(sweep, tmp_path, monkeypatch):
    """A folder with what the README speaks of: a sweep in a table, and logs of Lightning."""
    monkeypatch.chdir(tmp_path)
    table = sweep.to_pandas().rename(columns={"accuracy": "val_accuracy"})
    table.to_csv("sweep.csv", index=False)
    for number, (_, run) in enumerate(table.groupby("run_id")):
        folder = tmp_path / "lightning_logs" / f"version_{number}"
        folder.mkdir(parents=True)
        named = run.rename(columns={"learning_rate": "lr-SGD"})
        named[["step", "train_loss", "val_accuracy", "lr-SGD"]].to_csv(folder / "metrics.csv", index=False)
        (folder / "hparams.yaml").write_text(f"seed: {number % 2}\n")
    fit = lodecast.fit
    quick = {"members": 1, "iterations": 30, "batch_size": 8, "progress": False}
    monkeypatch.setattr(
        lodecast, "fit", lambda runs, kind="controlled": fit(runs, kind, **({"progress": False} if kind == "law" else quick))
    )
    return tmp_path


def in_torch(names: dict[str, object]) -> None:
    """Give what a training in torch has."""
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.ones(1))
    names["optimizer"] = torch.optim.SGD([parameter], lr=0.1)
    names["batches"], names["train"] = range(3), lambda batch: (parameter * 0.0).sum()


@pytest.mark.parametrize("with_torch", [False, pytest.param(True, marks=pytest.mark.integration)])
def test_the_readme_runs_as_written(here, with_torch):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("agg")
    names: dict[str, object] = {"step": 100, "loss": 1.0, "rate": 0.1, "accuracy": 0.5}
    ran = 0
    for block in blocks(README):
        if "lodecast.torch" in block:
            if not with_torch:
                continue
            in_torch(names)
        exec(compile(block, str(README), "exec"), names)
        ran += 1
    assert ran == (5 if with_torch else 4)
    assert names["plan"].interval is not None
    assert [len(run) for run in names["sweep"]] == [1], "the last one was recorded"


def test_snippets_of_the_frameworks_are_sound_and_name_what_there_is():
    called = set()
    for block in blocks(FRAMEWORKS):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lodecast":
                called.add(node.attr)
    assert {"plan", "fit", "import_runs"} <= called
    frameworks = {path.stem for path in Path(lodecast.__file__).parent.glob("*.py")}
    # What is in a file of its own may need a framework that is not there.
    assert all(name in frameworks or hasattr(lodecast, name) for name in called)
