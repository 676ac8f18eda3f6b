"""The package as a whole: lazy imports, examples in docstrings, stubs that match."""

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import lodecast
from lodecast import _engine
from lodecast.io import record as record_module


def test_no_framework_is_imported_before_it_is_asked_for(tmp_path):
    heavy = "{'torch', 'pandas', 'polars', 'pyarrow', 'matplotlib', 'tqdm', 'jax', 'lightning', 'transformers'}"
    code = f"import sys, lodecast; print(sorted({heavy} & set(sys.modules)))"
    # Elsewhere than in the source tree, whose package has no engine and would be found first.
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert found.strip() == "[]"


def test_examples_in_docstrings_run():
    classes = [value for value in vars(_engine).values() if isinstance(value, type)]
    ran = 0
    for place in (lodecast, record_module, *classes):
        for test in doctest.DocTestFinder(recurse=place is record_module).find(place, place.__name__, module=False, globs={}):
            result = doctest.DocTestRunner().run(test)
            assert result.failed == 0
            ran += result.attempted
    assert ran > 10


def test_stubs_name_what_there_is():
    tree = ast.parse((Path(lodecast.__file__).parent / "_engine.pyi").read_text())
    stubs = {node.name: node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    there = {name for name, value in vars(_engine).items() if callable(value)}
    assert there == set(stubs)
    for name, node in stubs.items():
        if isinstance(node, ast.ClassDef):
            said = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            real = {part for part in vars(getattr(_engine, name)) if not part.startswith("__")}
            assert real == {part for part in said if not part.startswith("__")}, name
            assert getattr(_engine, name).__doc__, name
