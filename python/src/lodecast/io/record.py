"""`lodecast.record`: a live run written into a sweep, point by point.

A sweep that grows is a folder with one file a run, in lodecast's JSON lines. Each point is one line, appended by one system
call, so that processes never mix and a reader sees whole lines only. `lodecast.Sweep.read(folder)` joins them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from lodecast.errors import FileError, SettingError, SweepError
from lodecast.live.numbers import number, whole

_COLUMNS = ("step", "train_loss", "learning_rate")
#: What a sweep has room for.
_LAST_STEP = 2**64 - 1


def record(
    folder: str | os.PathLike[str],
    run_id: str | None = None,
    *,
    metrics: str | Sequence[str],
    total_steps: int | None = None,
    schedule: str | None = None,
    peak_lr: float | None = None,
    seed: int | None = None,
    optimizer: str | None = None,
    resume: bool = False,
    **attributes: object,
) -> Recorder:
    """Record a run into the sweep in `folder`, which is made if it is not there.

    `metrics` are the validation metrics with their direction, as in `"accuracy:max"`. The other arguments say what the run is;
    runs that differ only in their seed are one configuration. With `resume=True` a run of that id goes on where its training
    does: points recorded beyond the step it restarts at are taken back.

    >>> import lodecast, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with lodecast.record(folder, "first", metrics="accuracy:max", total_steps=20, seed=0) as recorder:
    ...     recorder.log(10, train_loss=2.0, learning_rate=0.1)
    ...     recorder.log(20, train_loss=1.5, learning_rate=0.1, validation=0.4)
    >>> lodecast.Sweep.read(folder)["first"].final_validation()
    0.4
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names or any(not re.fullmatch(r".+:(max|min)", name) for name in names):
        raise SettingError(f"metrics = {metrics!r}: say which way each is better, as in 'accuracy:max' or 'loss:min'")
    known = {"schedule": schedule, "peak_lr": peak_lr, "seed": seed, "optimizer": optimizer, "total_steps": total_steps}
    about: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    if attributes:
        about["other"] = {name: str(value) for name, value in sorted(attributes.items())}
    if run_id is None:
        if resume:
            raise SettingError("resume needs the run_id of the run to go on with")
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(3).hex()}"
    return Recorder(Path(folder), run_id, names, about, resume)


class Recorder:
    """Writes one run; made by `lodecast.record`.

    Every point is handed to the operating system when `log` returns: a process that dies loses none. `close` makes the file
    durable against a machine that does. Pickled or copied, it goes on in the same file: let one of them record at a time.
    """

    def __init__(self, folder: Path, run_id: str, metrics: list[str], about: dict[str, Any], resume: bool) -> None:
        self.run_id = run_id
        self.path = folder / f"{_file_name(run_id)}.jsonl"
        self._metrics = [name.rpartition(":")[0] for name in metrics]
        self._header: dict[str, Any] = {"lodecast_sweep": 1, "metrics": metrics, "runs": {run_id: about}}
        self._points: dict[int, dict[str, Any]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if resume and self.path.exists():
                self._points = self._read()
                self._rewrite()
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            else:
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
                self._append(self._header)
        except FileExistsError:
            raise FileError(f"{self.path}: there is a run '{run_id}'; name it anew, or resume=True to go on") from None
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror}") from error

    @property
    def metrics(self) -> list[str]:
        """The metrics it records, as `name:max` or `name:min`."""
        return list(self._header["metrics"])

    def log(
        self,
        step: int,
        *,
        train_loss: float | None = None,
        learning_rate: float | None = None,
        validation: float | Mapping[str, float] | None = None,
    ) -> None:
        """Record what was measured at an optimizer step; what is left out was not measured there.

        The same step again adds to it or corrects it. An earlier step means that training went back to a checkpoint: the
        points from there on are taken back.

        Raises:
            SettingError: If the step is no whole number of at least 0, the rate is negative, or a metric is unknown.
            ArgumentError: If a value is none that could be recorded.

        """
        step = whole("step", step)
        if step > _LAST_STEP:
            raise SettingError(f"step = {step}: give a whole number from 0 to 2**64 - 1")
        values: dict[str, Any] = {"train_loss": train_loss, "learning_rate": learning_rate}
        if validation is not None:
            values |= validation if isinstance(validation, Mapping) else {self._metrics[0]: validation}
        unknown = values.keys() - {*self._metrics, *_COLUMNS}
        if unknown:
            raise SettingError(f"no metric {sorted(unknown)[0]!r} in this recording; it has: {', '.join(self._metrics)}")
        measured = {name: number(name, value) for name, value in values.items()}
        rate = measured["learning_rate"]
        if rate is not None and rate < 0.0:
            raise SettingError(f"learning_rate = {rate}: give the rate that is applied, of at least 0")
        point = {name: _plain(value) for name, value in measured.items() if value is not None}
        last = next(reversed(self._points), -1)
        if step > last:
            self._points[step] = point
            self._append({"run_id": self.run_id, "step": step, **point})
            return
        before = self._points.get(step, {})
        merged = before | point
        later = [known for known in self._points if known > step]
        if not later and merged == before:
            return
        for known in later:
            del self._points[known]
        adds_only = not later and all(before.get(name, value) == value for name, value in point.items())
        self._points[step] = merged
        if adds_only:
            self._append({"run_id": self.run_id, "step": step, **point})
        else:
            self._points = dict(sorted(self._points.items()))
            self._rewrite()
            os.close(self._file)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)

    @property
    def last_step(self) -> int | None:
        """The last step recorded."""
        return next(reversed(self._points), None)

    def close(self) -> None:
        """Make the file durable and close it."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        # The number of an open file is another file's in another process, or nobody's.
        return {**self.__dict__, "_file": self._file >= 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        was_open = state["_file"]
        self._file = -1
        if was_open:
            try:
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            except OSError as error:
                raise FileError(f"{self.path}: {error.strerror}; a recorder goes on where its file is") from error

    def __repr__(self) -> str:
        return f"<lodecast.Recorder: {len(self._points)} points of '{self.run_id}' in {self.path}>"

    def _append(self, line: dict[str, Any]) -> None:
        if self._file < 0:
            raise FileError(f"{self.path}: the recording was closed; open it again with resume=True")
        os.write(self._file, (json.dumps(line, allow_nan=False) + "\n").encode())

    def _rewrite(self) -> None:
        lines = [
            self._header,
            *({"run_id": self.run_id, "step": step, **point} for step, point in self._points.items()),
        ]
        handle, temporary = tempfile.mkstemp(prefix=".lodecast-", suffix=".tmp", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(line, allow_nan=False) + "\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, self.path.stat().st_mode & 0o777)
            os.replace(temporary, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _read(self) -> dict[int, dict[str, Any]]:
        """The points so far; a line that a crash cut off was never recorded."""
        points: dict[int, dict[str, Any]] = {}
        lines = self.path.read_bytes().split(b"\n")[:-1]
        for at, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                if at == 1:
                    if line["metrics"] != self._header["metrics"] or list(line["runs"]) != [self.run_id]:
                        raise SweepError(f"{self.path}: it records {line['metrics']} of {list(line['runs'])}")
                    continue
                step = int(line.pop("step"))
                del line["run_id"]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if isinstance(error, SweepError):
                    raise
                raise SweepError(f"{self.path}, line {at}: no point of lodecast's; the file is damaged") from error
            points[step] = points.get(step, {}) | line
        return points


def _plain(value: float) -> float | str:
    """A number as JSON can hold it."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _file_name(run_id: str) -> str:
    """A run's id as the name of its file."""
    if not run_id:
        raise SettingError("run_id = '': a run needs a name")
    safe = re.sub(r"[^A-Za-z0-9._+=-]", lambda match: "%" + match[0].encode().hex(), run_id).lstrip(".")
    return safe[:200] or "run"
