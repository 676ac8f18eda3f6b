"""Warnings of runs that were left out: nothing is dropped silently."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

from lodecast.errors import LodecastWarning

#: Runs that are named; the report has them all.
_NAMED = 5


def warn_of_left_out(runs: Sequence[Mapping[str, str]], report: str, stacklevel: int) -> None:
    """Warn of each run with its reason, and say that `report` names the others."""
    for run in runs[:_NAMED]:
        warnings.warn(f"run '{run['run']}' was left out: {run['reason']}", LodecastWarning, stacklevel=stacklevel)
    if len(runs) > _NAMED:
        more = len(runs) - _NAMED
        warnings.warn(f"{more} more runs were left out; {report} names them", LodecastWarning, stacklevel=stacklevel)
