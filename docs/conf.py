"""The site made of the pages in this folder: `make docs`.

Everything is in the site itself: no font, script or picture comes from elsewhere, so that it can be read without a network.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

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
# A page that is to come has its place in the table of contents already.
suppress_warnings = ["toc.empty_glob"]
highlight_language = "text"

html_theme = "furo"
html_title = f"lodecast {version}"
html_copy_source = False
html_show_sourcelink = False

#: Where the files stand that are no pages: given, links lead there; otherwise the files are copied beside the pages.
SOURCES = os.environ.get("LODECAST_SOURCES", "").rstrip("/")


def lead_outside(app, docname: str, source: list[str]) -> None:
    """Have links to files outside this folder lead to the repository on the web."""
    if not SOURCES:
        return
    folder = (HERE / docname).parent

    def lead(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if HERE in target.parents or not target.exists():
            return link[0]
        return f"]({SOURCES}/{target.relative_to(REPOSITORY)}{link['anchor'] or ''})"

    source[0] = re.sub(r"\]\((?P<path>\.\./[^)#\s]+)(?P<anchor>#[^)\s]+)?\)", lead, source[0])


def setup(app) -> None:
    """Register what is done to a page before it is read."""
    app.connect("source-read", lead_outside)
