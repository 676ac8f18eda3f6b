"""Bars that show how far long work is, if tqdm is there."""

from __future__ import annotations

import time
import warnings
from typing import Any

#: What is done sooner needs no bar.
_SECONDS = 1.0


class Bar:
    """A bar that appears with the first news after a second of work. Without tqdm it shows nothing."""

    def __init__(self, title: str, unit: str) -> None:
        self._title = title
        self._unit = unit
        self._begun = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, done: int, total: int | None, **shown: str) -> None:
        """Show that so much is done, of a total if it is known."""
        if self._bar is None:
            if time.monotonic() - self._begun < _SECONDS:
                return
            try:
                with warnings.catch_warnings():
                    # In a notebook without ipywidgets tqdm says so, and draws with characters.
                    warnings.simplefilter("ignore")
                    from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, desc=self._title, unit=self._unit, leave=False)
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix(shown)
