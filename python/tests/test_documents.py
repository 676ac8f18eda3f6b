"""What stands in the documents runs as it is written, and the page of the interface is what the package says of itself."""

import ast
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import lodecast

# What stands in for the runs of the documents is shorter than they are.
pytestmark = pytest.mark.filterwarnings("ignore:it has 23400 steps:lodecast.LodecastWarning")

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "python" / "README.md"
#: Written by `python/api_page.py`: signatures and examples of docstrings, which have tests of their own.
API = DOCS / "python-api.md"
#: Written by `python/notebook_page.py`, with tests of its own.
NOTEBOOK = DOCS / "whole-story.md"
PAGES = [REPOSITORY / "README.md", README, *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("plug-in/*.md"))]


class Block(NamedTuple):
    """A block of Python, and what the comments before it say."""

    text: str
    needs: list[str]
    not_run: str | None


def blocks(document: Path) -> list[Block]:
    """Give the blocks of Python in a document."""
    found = re.findall(r"^((?:<!--.*?-->\n)*)```python\n(.*?)^```", document.read_text("utf-8"), re.M | re.S)
    parts = []
    for comments, text in found:
        needs = re.search(r"<!-- needs: (.+?) -->", comments)
        reason = re.search(r"<!-- not run: (.+?) -->", comments)
        parts.append(Block(text, needs[1].split(", ") if needs else [], reason[1] if reason else None))
    return parts


PROGRAMS = {str(page.relative_to(REPOSITORY)): blocks(page) for page in PAGES if page not in (API, NOTEBOOK)}
#: Those with something to run, with and without frameworks.
PLAIN = [name for name, program in PROGRAMS.items() if any(not block.needs and not block.not_run for block in program)]
IN_FRAMEWORKS = [name for name, program in PROGRAMS.items() if any(block.needs for block in program)]


@pytest.fixture
def here(sweep, tmp_path, monkeypatch):
    """A folder with what the documents speak of: a model, a sweep in a table, and logs of Lightning."""
    monkeypatch.chdir(tmp_path)
    lodecast.example_model().save("model.lode")
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
        lodecast, "fit", lambda runs, kind=None: fit(runs, kind, **({"progress": False} if kind == "law" else quick))
    )
    return tmp_path


def in_torch(names: dict[str, object]) -> None:
    """Give what a training in torch has."""
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.ones(1))
    names["optimizer"] = torch.optim.SGD([parameter], lr=0.1)
    names["batches"], names["train"] = range(3), lambda batch: (parameter * 0.0).sum()


def run(name: str, with_frameworks: bool) -> dict[str, object]:
    """Run the blocks of a document one after another, and give the names they left."""
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("agg")
    names: dict[str, object] = {"__name__": "__main__", "step": 100, "loss": 1.0, "rate": 0.1, "accuracy": 0.5}
    for text, needs, not_run in PROGRAMS[name]:
        if not_run or (needs and not with_frameworks):
            continue
        for framework in needs:
            # Not imported: a page may say first how.
            if importlib.util.find_spec(framework) is None:
                pytest.skip(f"needs {framework}")
        if "torch" in needs and "optimizer" not in names:
            in_torch(names)
        exec(compile(text, name, "exec"), names)
    return names


@pytest.mark.parametrize("name", PLAIN)
def test_python_runs_as_written(here, name):
    if name != "python/README.md":
        # It makes a folder of that name itself.
        lodecast.Sweep.read("sweep.csv", metrics="val_accuracy:max").write(here / "runs.csv")
        (here / "runs").mkdir()
        (here / "runs.csv").rename(here / "runs" / "all.csv")
    names = run(name, with_frameworks=False)
    if name == "python/README.md":
        assert names["plan"].interval is not None
        assert [len(run) for run in names["sweep"]] == [1], "the last one was recorded"


@pytest.mark.integration
@pytest.mark.parametrize("name", IN_FRAMEWORKS)
def test_python_in_frameworks_runs_as_written(here, name):
    names = run(name, with_frameworks=True)
    if "scheduler" in names and name.startswith("docs/plug-in/") and not name.endswith("searches.md"):
        scheduler = names["scheduler"]
        # Inside what frameworks wrap around it.
        while not hasattr(scheduler, "observed"):
            scheduler = scheduler.scheduler
        assert scheduler.observed, "it was told what was measured"


def test_what_is_not_run_is_sound_and_names_what_there_is():
    frameworks = {path.stem for path in Path(lodecast.__file__).parent.glob("*.py")}
    for name, program in PROGRAMS.items():
        for block in program:
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lodecast":
                    # What is in a file of its own may need a framework that is not there.
                    assert node.attr in frameworks or hasattr(lodecast, node.attr), f"{name}: lodecast.{node.attr}"


def test_every_framework_has_a_page():
    shown = "".join(block.text for program in PROGRAMS.values() for block in program)
    for module in ("torch", "lightning", "huggingface", "accelerate", "keras", "optax", "optuna", "ray"):
        assert f"lodecast.{module} import" in shown or f"import lodecast.{module}" in shown, module


def test_the_page_of_the_interface_is_what_the_package_says():
    script = REPOSITORY / "python" / "api_page.py"
    spec = importlib.util.spec_from_file_location("api_page", script)
    api_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api_page)
    page = api_page.page()
    assert page == API.read_text("utf-8"), f"bring it up to date: python {script.relative_to(REPOSITORY)}"
    for name in set(lodecast.__all__) - {"__version__", "LatentOde"}:
        assert f" lodecast.{name}\n" in page or f"`{name}(" in page, name
