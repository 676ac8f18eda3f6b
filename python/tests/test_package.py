"""The package as a whole: lazy imports, examples in docstrings, stubs that match."""

import ast
import doctest
import graphlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import lodecast
from lodecast import _engine
from lodecast._settings import FitSettings, PlannerSettings
from lodecast.io import record as record_module


def test_no_framework_is_imported_before_it_is_asked_for():
    heavy = "{'torch', 'pandas', 'polars', 'pyarrow', 'matplotlib', 'tqdm', 'jax', 'lightning', 'transformers'}"
    code = f"import sys, lodecast; print(sorted({heavy} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"


def test_examples_in_docstrings_run():
    classes = [value for value in vars(_engine).values() if isinstance(value, type)]
    ran = 0
    functions = [lodecast.plan, lodecast.pick, lodecast.forecast, lodecast.evaluate]
    for place in (lodecast, record_module, *classes, *functions):
        for test in doctest.DocTestFinder(recurse=place is record_module).find(place, place.__name__, module=False, globs={}):
            result = doctest.DocTestRunner().run(test)
            assert result.failed == 0
            ran += result.attempted
    assert ran > 10


def test_only_what_is_light_is_imported():
    """What makes the import quick: `benches/import_time.py` says how quick."""
    code = "import sys; before = set(sys.modules); import lodecast; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    packages = {name.partition(".")[0] for name in found.split()}
    assert packages - set(sys.stdlib_module_names) == {"lodecast"}


def test_no_file_imports_what_imports_it():
    root = Path(lodecast.__file__).parent
    files = {".".join(file.relative_to(root.parent).with_suffix("").parts): file for file in root.rglob("*.py")}
    files = {name.removesuffix(".__init__"): file for name, file in files.items()}
    modules = {*files, "lodecast._engine"}
    needs = {}
    for name, file in files.items():
        # What is imported when it is needed, or for types alone, stands further in.
        named = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.ImportFrom)]
        found = {(f"{node.module}.{alias.name}", node.module) for node in named for alias in node.names}
        needs[name] = {module if module in modules else package for module, package in found} & modules
    assert needs["lodecast.live.connect"] >= {"lodecast._engine", "lodecast.live.served"}
    graphlib.TopologicalSorter(needs).prepare()


def test_modules_of_frameworks_are_found_when_asked_for():
    assert "torch" in dir(lodecast)
    assert callable(lodecast.live.sinks.tensorboard)
    with pytest.raises(AttributeError, match="no attribute 'tensorflow'"):
        lodecast.tensorflow  # noqa: B018


def test_there_is_something_to_play_with(tmp_path):
    sweep, model = lodecast.example_sweep(), lodecast.example_model()
    assert (len(sweep), model.metric) == (24, "val_loss:min")
    assert model.forecast(sweep[0], observed=0.25).final_validation.mean > 0.0
    assert lodecast.Scheduler(model, 200).learning_rate(0) > 0.0


def test_settings_are_those_of_the_engine(model, latent_model):
    def known(ask) -> set[str]:
        with pytest.raises(lodecast.SettingError, match="choose from") as raised:
            ask()
        return set(str(raised.value).partition("choose from ")[2].split(", "))

    nothing = {"nothing": 1}
    kinds = [
        known(lambda kind=kind: lodecast.fit(lodecast.example_sweep(), kind, **nothing))
        for kind in ("controlled", "law", "paper")
    ]
    assert set(FitSettings.__annotations__) == set.union(*kinds)
    planners = [known(lambda one=one: one.plan(settings=nothing)) for one in (model, latent_model)]
    assert set(PlannerSettings.__annotations__) == set.union(*planners)


def test_stubs_say_what_the_engine_says():
    tree = ast.parse((Path(lodecast.__file__).parent / "_engine.pyi").read_text())
    compared = 0
    for node in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        kind = getattr(_engine, node.name)
        members = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name[0] != "_"]
        for part, value in [(node, kind), *((part, getattr(kind, part.name)) for part in members)]:
            assert ast.get_docstring(part) == inspect.getdoc(value), f"{part.name}: run python rust/stub_docstrings.py"
            compared += 1
    assert compared > 80


def test_stubs_are_those_of_the_engine():
    """Names, arguments and their defaults, as mypy finds them in the compiled module."""
    pytest.importorskip("mypy")
    allowed = Path(__file__).parent / "stubtest_allowlist.txt"
    command = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "lodecast._engine",
        "--allowlist",
        str(allowed),
        "--ignore-unused-allowlist",
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_stubs_name_what_there_is():
    tree = ast.parse((Path(lodecast.__file__).parent / "_engine.pyi").read_text())
    stubs = {node.name: node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    there = {name for name, value in vars(_engine).items() if callable(value)}
    assert there == set(stubs)
    for name, node in stubs.items():
        if isinstance(node, ast.ClassDef):
            said = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            real = {part for part in vars(getattr(_engine, name)) if not part.startswith("__") and part != "_fail_once"}
            assert real == {part for part in said if not part.startswith("__")}, name
            assert getattr(_engine, name).__doc__, name
