"""A browser that is on this machine, driven by Playwright's package; without either, the tests are skipped and say so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

#: Names by which Debian and others install it. Playwright's own browsers are not asked for: nothing is downloaded.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no browser: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # Root may not have a sandbox of its own, and what is looked at is ours.
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def picture(request):
    """Keep pictures of a page in the folder that LODECAST_SCREENSHOTS names, if it does."""

    def take(page, name):
        folder = os.environ.get("LODECAST_SCREENSHOTS")
        if folder:
            page.screenshot(path=Path(folder) / f"{request.node.name}-{name}.png", full_page=True)

    return take
