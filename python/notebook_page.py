"""Run the notebook, keep in it what its cells show, and write its page of the site.

    python python/notebook_page.py

This needs nbclient, ipykernel and matplotlib; `page` and `pictures` need nothing, and `tests/test_notebook.py` fails where the
page or a picture is another.
"""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOK = REPOSITORY / "python" / "recipes" / "whole_story.ipynb"
PAGE = REPOSITORY / "docs" / "whole-story.md"
#: Where the page has its pictures.
PICTURES = "pictures/whole-story"

HEAD = """<!-- Written by `python python/notebook_page.py` from the notebook; don't change it by hand. -->
"""
#: Drawings need no more colours.
COLORS = 64


def page(notebook: dict[str, Any]) -> str:
    """Give the page of a notebook: its texts, its code, and what the cells have shown."""
    parts = [HEAD]
    heading = ""
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = re.sub(r"^.*^#+ (.+?)$.*", r"\1", source, flags=re.M | re.S) if "# " in source else heading
            # What is beside the notebook is elsewhere for the page.
            parts.append(source.replace("](../../docs/", "](").replace("](../../", "](../"))
        else:
            parts.append(f"```python\n{source}\n```")
            parts += [_shown(output, number, heading) for output in cell["outputs"]]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def pictures(notebook: dict[str, Any]) -> dict[str, bytes]:
    """Give the pictures of the page's cells, by name."""
    return {
        _picture(number): base64.b64decode("".join(output["data"]["image/png"]))
        for number, cell in enumerate(notebook["cells"])
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    }


def run(notebook: Any) -> Any:
    """Run a notebook's cells in a kernel of their own; what is said to standard error is not kept."""
    from nbclient import NotebookClient

    wide = '--InlineBackend.rc={"figure.dpi": 120}'
    NotebookClient(notebook, timeout=300, record_timing=False, extra_arguments=[wide]).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_kept(output) for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def main() -> None:
    """Write notebook, page and pictures."""
    import nbformat

    notebook = run(nbformat.read(NOTEBOOK, 4))
    nbformat.write(notebook, NOTEBOOK)
    written = json.loads(NOTEBOOK.read_text("utf-8"))
    PAGE.write_text(page(written), "utf-8")
    folder = PAGE.parent / PICTURES
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in pictures(written).items():
        (PAGE.parent / name).write_bytes(content)


def _shown(output: dict[str, Any], number: int, heading: str) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f"![Figure: {heading}]({_picture(number)})"
    if "text/html" in data:
        return _table("".join(data["text/html"]))
    text = "".join(output["text"] if output["output_type"] == "stream" else data["text/plain"])
    return f"```text\n{text.rstrip()}\n```"


def _picture(number: int) -> str:
    return f"{PICTURES}/{number:02}.png"


def _table(html: str) -> str:
    """Give a table of the package's own as one of Markdown."""
    rows = [re.findall(r"<t[dh]>(.*?)</t[dh]>", row, re.S) for row in re.findall(r"<tr>(.*?)</tr>", html, re.S)]
    width = max(map(len, rows))
    # Without a head of its own it has an empty one.
    if "<thead>" not in html:
        rows.insert(0, [""] * width)
    rows = [[cell.replace("|", "\\|") for cell in row] + [""] * (width - len(row)) for row in rows]
    rows.insert(1, ["---"] * width)
    caption = re.search(r"<caption>(.*?)</caption>", html, re.S)
    title = f"*{caption[1]}*\n\n" if caption else ""
    return title + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _kept(output: Any) -> Any:
    """Make a picture small: drawings have few colours."""
    if "image/png" in output.get("data", {}):
        from PIL import Image

        drawn = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGB")
        small = io.BytesIO()
        drawn.quantize(COLORS).save(small, "PNG", optimize=True)
        output.data["image/png"] = base64.b64encode(small.getvalue()).decode()
    return output


if __name__ == "__main__":
    main()
