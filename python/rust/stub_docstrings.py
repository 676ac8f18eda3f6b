"""Write the engine's docstrings into its stub, where editors and readers look for them.

    python rust/stub_docstrings.py

It takes the `lodecast` that is installed. `tests/test_package.py` fails where the two differ.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from lodecast import _engine

STUB = Path(__file__).parents[1] / "src" / "lodecast" / "_engine.pyi"


def written(stub: str) -> str:
    """Give the stub with the docstrings that the engine has."""
    lines = stub.splitlines()
    # From the end, so that the numbers of the lines before stay.
    for node, value in reversed(list(_documented(ast.parse(stub)))):
        text = inspect.getdoc(value)
        first = node.body[0]
        old = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        indent = " " * (node.col_offset + 4)
        if old:
            del lines[first.lineno - 1 : first.end_lineno]
        if not text:
            continue
        closed = f'"""{text}\n"""' if "\n" in text else f'"""{text}"""'
        quoted = [line and indent + line for line in closed.splitlines()]
        if isinstance(node, ast.ClassDef):
            lines[node.lineno : node.lineno] = quoted
            continue
        if old:
            lines[first.lineno - 1 : first.lineno - 1] = quoted
        else:
            end = node.end_lineno or node.lineno
            lines[end - 1] = lines[end - 1].removesuffix(" ...")
            lines[end:end] = quoted
    return "\n".join(lines) + "\n"


def _documented(tree: ast.Module) -> list[tuple[Any, Any]]:
    """Give what may have a docstring, in the order of the stub."""
    found: list[tuple[Any, Any]] = []
    for node in tree.body:
        value = getattr(_engine, getattr(node, "name", ""), None)
        if isinstance(node, ast.FunctionDef):
            found.append((node, value))
        elif isinstance(node, ast.ClassDef):
            found.append((node, value))
            members = [part for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")]
            for part in members:
                # A property itself has the text, a static method's function has it.
                member = vars(value)[part.name]
                found.append((part, getattr(value, part.name) if isinstance(member, staticmethod) else member))
    return found


if __name__ == "__main__":
    STUB.write_text(written(STUB.read_text()))
