"""Warnings of runs that were left out, and of what speaks against a model: nothing is dropped or doubted silently."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence

from lodecast.errors import LodecastWarning

#: Runs that are named; the report has them all.
_NAMED = 5


def warn_of_left_out(runs: Sequence[Mapping[str, str]], report: str) -> None:
    """Warn of each run with its reason, at the line outside of lodecast that called, and say that `report` names the others."""
    level = _level_of_caller()
    for run in runs[:_NAMED]:
        warnings.warn(f"run '{run['run']}' was left out: {run['reason']}", LodecastWarning, stacklevel=level)
    if len(runs) > _NAMED:
        more = len(runs) - _NAMED
        warnings.warn(f"{more} more runs were left out; {report} names them", LodecastWarning, stacklevel=level)


def warn_of_doubts(doubts: Sequence[str]) -> None:
    """Warn of what speaks against relying on a model, at the line outside of lodecast that called."""
    level = _level_of_caller()
    for doubt in doubts:
        warnings.warn(doubt, LodecastWarning, stacklevel=level)


def _level_of_caller() -> int:
    """Count the frames from the caller of this function to the first that is not lodecast's."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "lodecast":
        level, frame = level + 1, frame.f_back
    return level
