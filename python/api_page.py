"""Write the page of the Python package's interface, from its stubs, signatures and docstrings.

    python python/api_page.py

It reads the sources and needs nothing installed. `tests/test_documents.py` fails where the page is another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent / "src" / "lodecast"
PAGE = Path(__file__).parents[1] / "docs" / "python-api.md"

#: What `lodecast` itself exports, and where it is written.
TOP = [
    "_engine.pyi",
    "_fit.py",
    "_from_runs.py",
    "_example.py",
    "io/importing.py",
    "io/record.py",
    "live/connect.py",
    "live/follow.py",
    "errors.py",
]
#: Settings that are given by name.
SETTINGS = "_settings.py"
#: Modules that are imported by name, in the order of the pages on frameworks.
MODULES = ["torch", "distributed", "timm", "lightning", "huggingface", "accelerate", "keras", "optax", "optuna", "ray"]
#: Functions that show decisions.
SINKS = ["tensorboard", "mlflow", "wandb"]

HEAD = """# Python API

What the package says of itself: signatures and docstrings, written by `python python/api_page.py`; don't change it by hand.
[Its page](python.md) says how the pieces go together.
"""

#: Widest line of a signature.
WIDTH = 100

Function = ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """Give the page as it has to be."""
    parts = [HEAD]
    sources = [ast.parse((PACKAGE / name).read_text("utf-8")) for name in TOP]
    exported = set(_exported(ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))))
    found = {node.name: node for tree in sources for node in _definitions(tree) if node.name in exported}
    functions = sorted(name for name, node in found.items() if isinstance(node, Function))
    errors = sorted(node.name for node in _definitions(sources[-1]) if node.name in exported)
    classes = {name: node for name, node in sorted(found.items()) if isinstance(node, ast.ClassDef)}
    parts.append("\n## Functions\n")
    for name in functions:
        parts += _function(found[name], "lodecast", 3)
    for name, node in classes.items():
        if name not in errors:
            parts += _class(node, "lodecast", 2)
    settings = ast.parse((PACKAGE / SETTINGS).read_text("utf-8"))
    parts.append("\n## Settings by name\n")
    for definition in _definitions(settings):
        parts += _settings(definition, (PACKAGE / SETTINGS).read_text("utf-8").splitlines())
    parts.append("\n## Errors\n\n")
    for name in errors:
        bases = ", ".join(ast.unparse(base) for base in classes[name].bases)
        parts.append(f"- `{name}({bases})`: {_line(ast.get_docstring(classes[name]))}\n")
    for module in MODULES:
        tree = ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))
        parts += _module(tree, f"lodecast.{module}", _exported(tree))
    sinks = ast.parse((PACKAGE / "live" / "sinks.py").read_text("utf-8"))
    parts += _module(sinks, "lodecast.live.sinks", SINKS)
    return re.sub(r"\n{3,}", "\n\n", "".join(parts))


def _exported(tree: ast.Module) -> list[str]:
    """Give the names in a module's `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _definitions(tree: ast.Module) -> Iterator[ast.ClassDef | Function]:
    """Give classes and functions, and of overloads the function itself, or where a stub has none the last."""
    last: dict[str, ast.ClassDef | Function] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function):
            last[node.name] = node
    yield from last.values()


def _module(tree: ast.Module, name: str, exported: list[str]) -> list[str]:
    parts = [f"\n## {name}\n\n", _text(ast.get_docstring(tree))]
    found = {node.name: node for source in [*_passed_on(tree, exported), tree] for node in _definitions(source)}
    for member in exported:
        node = found.get(member)
        if isinstance(node, ast.ClassDef):
            parts += _class(node, name, 3)
        elif node is not None:
            parts += _function(node, name, 3)
    return parts


def _passed_on(tree: ast.Module, exported: list[str]) -> Iterator[ast.Module]:
    """Give the package's own modules that a module passes names on from."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and any(name.name in exported for name in node.names):
            source = PACKAGE.joinpath(*(node.module or "").removeprefix("lodecast.").split(".")).with_suffix(".py")
            if source.exists():
                yield ast.parse(source.read_text("utf-8"))


def _class(node: ast.ClassDef, module: str, level: int) -> list[str]:
    parts = [f"\n{'#' * level} {module}.{node.name}\n\n"]
    functions = [part for part in node.body if isinstance(part, Function)]
    made = [part for part in functions if part.name in {"__init__", "__new__"}]
    parts += [_signature(part, f"{node.name}", method=True) for part in made]
    parts.append(_text(ast.get_docstring(node)))
    properties = [part for part in functions if _decorated(part, "property") and not part.name.startswith("_")]
    if properties:
        parts.append("\n")
        for part in properties:
            kind = f": {_type(part.returns)}" if part.returns else ""
            parts.append(f"- `{part.name}{kind}` {_line(ast.get_docstring(part))}\n")
    # What a framework calls is for the framework.
    methods = {part.name: part for part in functions if part not in properties and not part.name.startswith(("_", "on_"))}
    for part in methods.values():
        if not _decorated(part, "setter"):
            parts += _function(part, node.name, level + 1, method=not _decorated(part, "staticmethod"))
    return parts


def _decorated(node: Function, name: str) -> bool:
    return any(ast.unparse(decorator).split(".")[-1] == name for decorator in node.decorator_list)


def _function(node: ast.ClassDef | Function, owner: str, level: int, *, method: bool = False) -> list[str]:
    assert isinstance(node, Function)
    name = f"{owner}.{node.name}"
    return [f"\n{'#' * level} {name}\n\n", _signature(node, name, method=method), _text(ast.get_docstring(node))]


def _signature(node: Function, name: str, *, method: bool) -> str:
    arguments = node.args
    if method:
        arguments = ast.arguments(**{field: getattr(arguments, field) for field in arguments._fields})
        if arguments.posonlyargs:
            arguments.posonlyargs = arguments.posonlyargs[1:]
        else:
            arguments.args = arguments.args[1:]
    parts = [_spaced(part) for part in _split(_type(arguments))]
    result = f" -> {_type(node.returns)}" if node.returns and node.name not in {"__init__", "__new__"} else ""
    line = f"{name}({', '.join(parts)}){result}"
    if len(line) > WIDTH:
        each = "".join(f"    {part},\n" for part in parts)
        line = f"{name}(\n{each}){result}"
    return f"```python\n{line}\n```\n\n"


def _type(node: ast.AST) -> str:
    """Give source text with the names that users know."""
    return ast.unparse(node).replace("_engine.", "")


def _split(arguments: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(arguments):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(arguments[start:at].strip())
            start = at + 1
    return [part for part in [*parts, arguments[start:].strip()] if part]


def _spaced(argument: str) -> str:
    """Put spaces around the `=` of an argument with a type."""
    name, colon, rest = argument.partition(": ")
    kind, equals, value = rest.rpartition("=")
    return f"{name}{colon}{kind} = {value}" if colon and equals else argument


def _settings(node: ast.ClassDef | Function, lines: list[str]) -> list[str]:
    parts = [f"\n### {node.name}\n\n", _text(ast.get_docstring(node)), "\n"]
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            comment = lines[part.lineno - 2].strip().removeprefix("#:").strip()
            parts.append(f"- `{ast.unparse(part.target)}: {_type(part.annotation)}` {comment}\n")
    return parts


def _line(text: str | None) -> str:
    """Put a docstring into one line."""
    return " ".join((text or "").replace("``", "`").split())


def _text(text: str | None) -> str:
    """Give a docstring as Markdown: its examples in blocks, its lists of arguments as lists."""
    written: list[str] = []
    example: list[str] = []
    text = (text or "").replace("``", "`") + "\n"
    text = re.sub(r"^\.\. code-block:: (\w+)\n\n((?:    .*\n|\n(?=    ))+)", _block, text, flags=re.M)
    fenced = False
    for line in [*text.splitlines(), ""]:
        fenced ^= line.startswith("```")
        if fenced:
            written.append(line)
            continue
        if line.startswith(">>>") or (example and line):
            example.append(re.sub(r"\s*# doctest: \+\w+", "", line))
            continue
        if example:
            written += ["```pycon", *example, "```"]
            example = []
        if re.fullmatch(r"(Args|Returns|Raises|Attributes):", line):
            written += [f"{line}", ""]
        elif found := re.match(r"    (\w+): (.*)", line):
            written.append(f"- `{found[1]}`: {found[2]}")
        elif line.startswith("        "):
            written.append(f"  {line.strip()}")
        else:
            written.append(line)
    return "\n".join(written).strip() + "\n"


def _block(found: re.Match[str]) -> str:
    """Give a block of code of reStructuredText as one of Markdown."""
    lines = [line.removeprefix("    ") for line in found[2].strip("\n").splitlines()]
    return "\n".join([f"```{found[1]}", *lines, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
