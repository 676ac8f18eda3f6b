"""Bars that show how far long work is, if tqdm is there."""

from __future__ import annotations

from typing import Any


class Bar:
    """A bar that appears with the first news. Without tqdm it shows nothing."""

    def __init__(self, title: str, unit: str) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = None
        self._make = tqdm
        self._title = title
        self._unit = unit
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, done: int, total: int | None, **shown: str) -> None:
        """Show that so much is done, of a total if it is known."""
        if self._make is None:
            return
        if self._bar is None:
            self._bar = self._make(total=total, desc=self._title, unit=self._unit, leave=False)
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix(shown)
