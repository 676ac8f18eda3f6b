"""The site made of the pages in this folder: `make docs`.

Everything is in the site itself: no font, script or picture comes from elsewhere, so that it can be read without a network.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
REPOSITORY = HERE.parent

project = "lodecast"
author = "the authors of lodecast"
copyright = "the authors of lodecast, MIT or Apache 2.0"  # noqa: A001
version = release = tomllib.loads((REPOSITORY / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]

extensions = ["myst_parser"]
# Links to `page.md#a-heading` mean what they mean in the repository's own view of the pages.
myst_heading_anchors = 4
exclude_patterns = ["requirements.txt"]
highlight_language = "text"

html_theme = "furo"
html_title = f"lodecast {version}"
html_copy_source = False
html_show_sourcelink = False

#: Where the files stand that are no pages. Given, links to them lead there; otherwise files are copied beside the pages, and what
#: is no single file is left a name.
SOURCES = os.environ.get("LODECAST_SOURCES", "").rstrip("/")


def lead_outside(app: Sphinx, name: str, source: list[str]) -> None:
    """Have links to what is outside this folder lead to the repository on the web."""
    folder = (HERE / name).parent

    def lead(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if HERE in target.parents or not target.exists():
            return link[0]
        if SOURCES:
            return f"[{link['text']}]({SOURCES}/{target.relative_to(REPOSITORY)}{link['anchor'] or ''})"
        return link["text"] if target.is_dir() or target.suffix == ".md" else link[0]

    source[0] = re.sub(r"\[(?P<text>[^]]+)\]\((?P<path>\.\./[^)#\s]+)(?P<anchor>#[^)\s]+)?\)", lead, source[0])


def setup(app: Sphinx) -> None:
    """Register what is done to a page before it is read."""
    app.connect("source-read", lead_outside)
