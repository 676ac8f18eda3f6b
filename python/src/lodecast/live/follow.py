"""`lodecast.Follow`: the learning rates of a run under way, from the file that `lodecast follow` keeps up to date."""

from __future__ import annotations

import json
import math
import os
import time
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lodecast.errors import ArgumentError, FileError, SettingError
from lodecast.live.decisions import log

#: Version of the file's layout that is read.
_FORMAT = 1
#: Seconds between two looks for a file that is not there yet.
_PATIENCE = 0.2
#: By which a file is known to be the same: when it was written, its size, its number in the file system.
_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Revision:
    """What stood in the file at one time: a schedule over the whole run, with what is predicted for it, and why."""

    #: Counts the decisions, from 1.
    number: int
    #: First step at which it may differ from the revision before.
    effective_from_step: int
    #: Planned length of the run in optimizer steps.
    total_steps: int
    #: The schedule: straight lines between these rates, at these fractions of the run.
    progress: tuple[float, ...]
    learning_rates: tuple[float, ...]
    #: The metric that is predicted, as `name:max` or `name:min`.
    metric: str
    #: What the run is predicted to end at: mean, and the ends of the interval that holds two of three runs.
    predicted: tuple[float, float, float] | None
    #: Why it was decided.
    reason: str
    #: Does the training, as far as it logs its rate, not follow the schedule?
    not_followed: bool
    #: Is the run at its planned end?
    finished: bool

    @staticmethod
    def read(path: Path) -> Revision:
        """Read the file.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it is no file of rates, or would give impossible ones.

        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return Revision._of(data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no file of rates: {type(error).__name__} {error}") from error

    @staticmethod
    def _of(data: dict[str, Any]) -> Revision:
        if data["format"] != _FORMAT:
            raise ValueError(f"its format is {data['format']}, this lodecast reads {_FORMAT}")
        progress = tuple(float(knot["progress"]) for knot in data["knots"])
        rates = tuple(float(knot["learning_rate"]) for knot in data["knots"])
        if not rates or not all(math.isfinite(rate) and rate > 0.0 for rate in rates):
            raise ValueError("its learning rates are not all finite and positive")
        if any(not 0.0 <= at <= 1.0 for at in progress) or any(b < a for a, b in pairwise(progress)):
            raise ValueError("its knots are not in order")
        if int(data["total_steps"]) < 1:
            raise ValueError("its total_steps is 0")
        predicted = data.get("predicted")
        return Revision(
            number=int(data["revision"]),
            effective_from_step=int(data["effective_from_step"]),
            total_steps=int(data["total_steps"]),
            progress=progress,
            learning_rates=rates,
            metric=str(data["metric"]),
            predicted=None if predicted is None else (predicted["mean"], predicted["low"], predicted["high"]),
            reason=str(data["reason"]),
            not_followed=data.get("not_followed") is not None,
            finished=bool(data.get("finished", False)),
        )

    def learning_rate(self, step: int) -> float:
        """Give the rate for an optimizer step."""
        at = step / self.total_steps
        after = bisect_right(self.progress, at)
        if after == 0:
            return self.learning_rates[0]
        left = self.learning_rates[after - 1]
        if after == len(self.progress):
            return left
        before = self.progress[after - 1]
        weight = (at - before) / (self.progress[after] - before)
        return left + weight * (self.learning_rates[after] - left)


class Follow:
    """The learning rates of a run that `lodecast follow` plans while it goes.

    The file is looked at every `poll` seconds at most, and a new revision is taken at its `effective_from_step`. Once it was
    read, nothing that happens to it can end a training: a file that is gone or damaged keeps the last good one, and the logger
    `lodecast` says so. If it is not there yet, it is waited for, `wait` seconds long.

    Processes that train one model may each read the file: a change is announced some steps before it becomes effective.

    >>> rates = lodecast.Follow("rates.json")                  # doctest: +SKIP
    >>> for step in range(rates.total_steps):                  # doctest: +SKIP
    ...     train(batch, learning_rate=rates.learning_rate(step))

    Raises:
        FileError: If there is no usable file within that time.

    """

    def __init__(self, path: str | os.PathLike[str], *, poll: float = 1.0, wait: float = 60.0) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise ArgumentError(f"the path of the file of rates is needed first, not {type(path).__name__}")
        for name, value in (("poll", poll), ("wait", wait)):
            if not (isinstance(value, (int, float)) and 0.0 <= value < math.inf):
                raise SettingError(f"{name} = {value}: give a number of seconds that is not negative")
        self.path = Path(path)
        self.poll = poll
        self._next: Revision | None = None
        self._trouble: str | None = None
        self._stamp: _Stamp | None = None
        self._current = self._first(wait)
        self._looked_at = time.monotonic()

    def _first(self, wait: float) -> Revision:
        until = time.monotonic() + wait
        told = False
        while True:
            try:
                self._stamp = _stamp(self.path)
                return Revision.read(self.path)
            except (OSError, ValueError) as error:
                if time.monotonic() >= until:
                    raise FileError(
                        f"{self.path}: {_reason(error)}; 'lodecast follow SOURCE --out {self.path}' writes it, and with "
                        "--total-steps before the training begins"
                    ) from error
                if not told:
                    log.info("waiting for %s (%s)", self.path, _reason(error))
                    told = True
            time.sleep(min(_PATIENCE, max(until - time.monotonic(), 0.0)))

    def learning_rate(self, step: int) -> float:
        """Give the rate for an optimizer step, from the newest revision whose time has come."""
        now = time.monotonic()
        if now - self._looked_at >= self.poll:
            self._looked_at = now
            self.refresh()
        if self._next is not None and step >= self._next.effective_from_step:
            self._current, self._next = self._next, None
        return self._current.learning_rate(step)

    def refresh(self) -> bool:
        """Look at the file now, and say whether it was replaced."""
        try:
            stamp = _stamp(self.path)
            if stamp == self._stamp:
                return False
            revision = Revision.read(self.path)
        except (OSError, ValueError) as error:
            if self._trouble is None:
                log.warning("%s: %s; the last good schedule holds", self.path, _reason(error))
            self._trouble = _reason(error)
            return False
        self._stamp, self._trouble = stamp, None
        if revision == self.newest:
            return False
        self._take(revision)
        return True

    def _take(self, revision: Revision) -> None:
        # A revision says the same as the one before it up to where it becomes effective: one that is passed over may be
        # taken early.
        if self._next is not None:
            self._current, self._next = self._next, None
        if revision.number == self._current.number + 1:
            self._next = revision
        else:
            self._current = revision
        log.info("revision %s from step %s: %s", revision.number, revision.effective_from_step, revision.reason)
        if revision.not_followed:
            log.warning("the logged learning rates are not those of %s", self.path)

    @property
    def newest(self) -> Revision:
        """The last good revision, whether its time has come or not."""
        return self._current if self._next is None else self._next

    @property
    def total_steps(self) -> int:
        """Planned length of the run in optimizer steps."""
        return self.newest.total_steps

    @property
    def predicted(self) -> tuple[float, float, float] | None:
        """What the run is predicted to end at: mean, and the ends of the interval that holds two of three runs."""
        return self.newest.predicted

    @property
    def reason(self) -> str:
        """Why the last decision was made."""
        return self.newest.reason

    @property
    def trouble(self) -> str | None:
        """What is wrong with the file now, if anything."""
        return self._trouble

    def __repr__(self) -> str:
        newest = self.newest
        return f"<lodecast.Follow: {self.path}, revision {newest.number} from step {newest.effective_from_step}>"


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
