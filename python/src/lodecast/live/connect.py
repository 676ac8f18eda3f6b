"""`lodecast.connect`: a training that tells a server of `lodecast serve` what it measures, and sets the rates it gets."""

from __future__ import annotations

import atexit
import hashlib
import json
import math
import os
import re
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from lodecast._engine import Schedule
from lodecast.errors import ArgumentError, Error, SettingError
from lodecast.live.decisions import log
from lodecast.live.groups import ratios, set_rates
from lodecast.live.http import Client, Refused, Unreachable
from lodecast.live.served import Served
from lodecast.live.spool import Item, Spool

#: Points of one request, and points that wait in memory for the thread.
_BATCH = 500
#: What is asked of a run besides telling points: the name of each in its address, and of its number.
_ASKED = {"resume": "step", "extend": "total_steps"}
_MOST = 1_000_000
#: Seconds between two attempts in an outage: the first, and the longest.
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 30.0
#: Seconds after which the schedule is asked for without an occasion.
_REFRESH = 30.0
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


class Connection:
    """A run of a server, as `lodecast.connect` gives it. Nothing here ever raises within a training's loop."""

    def __init__(self, client: Client, run: str, settings: dict[str, Any], spool: Path) -> None:
        self.run = run
        self._client = client
        self._settings = settings
        self._path = f"/v1/runs/{run}"
        self._kept = spool / "schedule.json"
        self._spool = Spool(spool / "points.jsonl")
        self._served: Served | None = None
        self._fresh: deque[Item] = deque()
        self._lock = threading.Condition()
        self._busy = False
        self._closing = False
        self._made = False
        self._trouble: str | None = None
        self._last: int | None = None
        self._applied: tuple[int, float] | None = None
        self._ratios: dict[int, list[float]] = {}
        self._said: set[str] = set()
        #: Items of a request at most.
        self._batch = _BATCH
        self._thread = threading.Thread(target=self._work, name=f"lodecast {run}", daemon=True)

    def __copy__(self) -> Connection:
        """Give the same: what is copied in this process tells the same run."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Connection:
        return self

    def __reduce__(self) -> Any:
        raise ArgumentError(
            f"the connection of '{self.run}' stays in its process, which tells what is measured: call lodecast.connect(...) in "
            "the other one, or leave it out of what is pickled"
        )

    # In the training's loop.

    def apply(
        self,
        optimizer: Any = None,
        step: int | None = None,
        *,
        train_loss: Any = None,
        validation: Any = None,
        first_step: int = 0,
    ) -> float:
        """Tell what was measured at `step`, and set the rate of the next one; before anything is told, without `step`.

        Then it sets the rate of `first_step`, which is another than 0 where a training goes on from a checkpoint.

        Returns that rate, or NaN while no schedule is known. `optimizer` has `param_groups`, as torch's have, which keep their
        ratio to the first; or it is a function that sets a rate.
        """
        try:
            if step is not None:
                self.tell(step, train_loss=train_loss, validation=validation)
            last = self._last if step is None else int(step)
            following = int(first_step) if last is None else last + 1
            rate = self._agreed(self.learning_rate(following))
            if math.isfinite(rate):
                self._applied = (following, rate)
                if optimizer is not None:
                    self._set(optimizer, rate)
            return rate
        except Exception as error:
            self._say(f"the learning rate stays as it is ({type(error).__name__}: {error})")
            return math.nan

    def tell(self, step: int, *, train_loss: Any = None, validation: Any = None) -> None:
        """Tell what was measured at a step; it is sent in the background."""
        try:
            step = int(step)
            point: Item = {"step": step}
            for name, value in (("train_loss", train_loss), ("validation", validation)):
                if value is not None:
                    # A tensor is turned into a number later: that would wait for the device.
                    point[name] = value.detach() if hasattr(value, "detach") else float(value)
            if self._applied is not None and self._applied[0] == step:
                point["learning_rate"] = self._applied[1]
            with self._lock:
                if self._last is None or step < self._last:
                    # It goes on from a checkpoint, perhaps, or begins again: what was told beyond counts no longer.
                    self._fresh.append({"resume": step - 1 if step > 0 else None})
                self._last = step
                if len(self._fresh) >= _MOST:
                    self._say("too much waits to be told: points are left out")
                    return
                self._fresh.append(point)
                self._lock.notify_all()
        except Exception as error:
            self._say(f"a point was not told ({type(error).__name__}: {error})")

    def learning_rate(self, step: int) -> float:
        """Give the rate of a step, or NaN while no schedule is known."""
        served = self._served
        return math.nan if served is None else served.learning_rate(int(step))

    # What is known.

    @property
    def schedule(self) -> Served | None:
        """The last schedule that was told."""
        return self._served

    @property
    def trouble(self) -> str | None:
        """Why nothing can be told now, if so."""
        return self._trouble

    @property
    def waiting(self) -> int:
        """Points that are not told yet."""
        with self._lock:
            return sum("step" in item for item in [*self._spool.waiting, *self._fresh])

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all is told and the schedule that came of it is known; say whether it is."""
        until = time.monotonic() + timeout
        with self._lock:
            while self._fresh or self._spool.waiting or self._busy:
                left = until - time.monotonic()
                if left <= 0.0 or not self._thread.is_alive():
                    return False
                self._lock.wait(left)
        return self._served is not None

    def extend(self, total_steps: int) -> None:
        """Make the run longer; it is asked for in the background, in its order among what is told.

        What was planned is stretched over the steps that are left. `schedule.total_steps` says when it is so. Like all that is
        called in the loop it never raises: a shorter length is refused by the server, and that is logged.
        """
        try:
            asked = {"extend": int(total_steps)}
        except (TypeError, ValueError) as error:
            self._say(f"the run is not made longer ({error})")
            return
        with self._lock:
            self._fresh.append(asked)
            self._lock.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Tell what is left, if the server can be reached; what cannot be told is kept for the next time."""
        self.flush(timeout)
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        # The thread may be waiting for an answer still.
        self._keep()
        atexit.unregister(self.close)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        known = "no schedule yet" if self._served is None else f"revision {self._served.revision}"
        return f"<lodecast.connect: {self.run} at {self._client.address}, {known}, {self.waiting} points wait>"

    # How it begins, and the thread.

    def begin(self, wait: float) -> None:
        """Make the run, or find it; wait so long for a server that cannot be reached.

        Raises:
            SettingError: If the server refuses.

        """
        until = time.monotonic() + wait
        pause = _FIRST_WAIT
        while not self._made:
            try:
                self._make()
            except Refused as error:
                raise SettingError(f"{self._client.address}: {error}") from None
            except Unreachable as error:
                self._trouble = str(error)
                if time.monotonic() + pause > until:
                    self._go_on_alone()
                    break
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_WAIT)
        self._thread.start()
        atexit.register(self.close)

    def _go_on_alone(self) -> None:
        try:
            self._served = Served.of(json.loads(self._kept.read_text(encoding="utf-8")))
            held = "the last schedule that was told holds"
        except (OSError, ValueError):
            held = "the optimizer keeps its own rate until there is a schedule"
        log.warning("%s cannot be reached (%s): %s", self._client.address, self._trouble, held)

    def _make(self) -> None:
        self._client.ask("PUT", self._path, self._settings)
        self._made = True
        self._refresh()

    def _refresh(self) -> None:
        told = self._client.ask("GET", self._path + "/schedule")
        try:
            served = Served.of(told)
        except ValueError as error:
            raise Unreachable(str(error)) from None
        if self._served is None or served.revision != self._served.revision:
            log.info("revision %s from step %s: %s", served.revision, served.effective_from_step, served.reason)
            try:
                new = self._kept.with_suffix(".new")
                new.write_text(json.dumps(told), encoding="utf-8")
                os.replace(new, self._kept)
            except OSError as error:
                self._say(f"the schedule cannot be kept ({error})")
        self._served = served

    def _work(self) -> None:
        pause = _FIRST_WAIT
        refreshed = time.monotonic()
        while True:
            with self._lock:
                while not (self._fresh or self._spool.waiting or self._closing):
                    if time.monotonic() - refreshed > _REFRESH:
                        break
                    self._busy = False
                    self._lock.notify_all()
                    self._lock.wait(_REFRESH / 4)
                self._busy = True
                if self._closing:
                    return
            self._keep()
            try:
                if not self._made:
                    self._make()
                if self._spool.waiting:
                    self._send()
                else:
                    self._refresh()
                refreshed = time.monotonic()
                if self._trouble is not None:
                    log.info("%s is there again", self._client.address)
                self._trouble, pause = None, _FIRST_WAIT
            except Exception as error:
                if self._trouble is None:
                    log.warning("%s: %s; the last schedule holds", self._client.address, error)
                self._trouble = str(error)
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_WAIT)

    def _pause(self, seconds: float) -> None:
        """Wait for the next attempt, and keep on disk what comes meanwhile."""
        until = time.monotonic() + seconds
        while not self._closing and (left := until - time.monotonic()) > 0.0:
            with self._lock:
                self._lock.wait_for(lambda: self._closing or self._fresh, left)
            self._keep()

    def _keep(self) -> None:
        """Move what is fresh to the spool."""
        with self._lock:
            fresh = list(self._fresh)
            self._fresh.clear()
        try:
            self._spool.add({name: _number(value) for name, value in item.items()} for item in fresh)
        except Exception as error:
            self._say(f"points cannot be kept on disk ({error})")

    def _send(self) -> None:
        waiting = self._spool.waiting
        first = waiting[0]
        asked = next((name for name in _ASKED if name in first), None)
        if asked is not None:
            try:
                self._client.ask("POST", f"{self._path}/{asked}", {_ASKED[asked]: first[asked]})
            except Refused as error:
                self._refused(error, 1, f"{asked} {first[asked]}")
            else:
                self._refresh()
            count = 1
        else:
            batch = waiting[: self._batch]
            count = next((k for k, item in enumerate(batch) if not _ASKED.keys().isdisjoint(item)), len(batch))
            try:
                told = self._client.ask("POST", self._path + "/points", {"points": waiting[:count]})
            except Refused as error:
                if not self._refused(error, count):
                    return
            else:
                self._batch = min(2 * self._batch, _BATCH)
                if self._served is None or told["revision"] != self._served.revision:
                    self._refresh()
        self._spool.told(count)

    def _refused(self, error: Refused, count: int, what: str = "a point") -> bool:
        """Say whether the points are to be left out: of several, the sound ones are still to be told."""
        if error.status == 404:
            # The server lost its store, perhaps.
            self._made = False
            raise error
        if error.status in (401, 403):
            raise error
        if count > 1:
            self._batch = count // 2
            return False
        self._say(f"{what} was refused and is left out: {error}")
        return True

    # What it needs.

    def _set(self, optimizer: Any, rate: float) -> None:
        groups = getattr(optimizer, "param_groups", None)
        if groups is None:
            optimizer(rate)
            return
        kept = self._ratios.get(id(optimizer))
        if kept is None or len(kept) != len(groups):
            kept = self._ratios[id(optimizer)] = ratios(groups, 0, "first group")
        set_rates(groups, [rate * ratio for ratio in kept])

    def _agreed(self, rate: float) -> float:
        return rate

    def _say(self, text: str) -> None:
        if text not in self._said and len(self._said) < 100:
            self._said.add(text)
            log.warning("run %s: %s", self.run, text)


class _Together(Connection):
    """Several processes train one model: the first talks, and all apply the rate that it says."""

    def begin(self, wait: float) -> None:
        from lodecast.live import agreement

        failure: str | None = None
        if agreement.is_first():
            try:
                super().begin(wait)
            except Error as error:
                failure = str(error)
        failure = agreement.from_first(failure)
        if failure is not None:
            raise SettingError(failure)

    def tell(self, step: int, *, train_loss: Any = None, validation: Any = None) -> None:
        from lodecast.live import agreement

        if agreement.is_first():
            super().tell(step, train_loss=train_loss, validation=validation)
        else:
            self._last = int(step)

    def extend(self, total_steps: int) -> None:
        from lodecast.live import agreement

        if agreement.is_first():
            super().extend(total_steps)

    def _agreed(self, rate: float) -> float:
        from lodecast.live import agreement

        return float(agreement.from_first(rate))

    def close(self, timeout: float = 5.0) -> None:
        if self._thread.ident is not None:
            super().close(timeout)


def _number(value: Any) -> Any:
    """Give a number as JSON has it."""
    if value is None or isinstance(value, (int, str)):
        return value
    number = float(value)
    if math.isfinite(number):
        return number
    return "nan" if math.isnan(number) else ("inf" if number > 0 else "-inf")


def connect(
    url: str,
    run: str,
    *,
    model: str,
    total_steps: int,
    seed: int = 0,
    lead: int = 1,
    target: float | None = None,
    token: str | None = None,
    timeout: float = 10.0,
    wait: float = 10.0,
    spool: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Connection:
    """Connect a training to a run of a server (`lodecast serve`), which is made if it is not there.

    >>> live = lodecast.connect("http://127.0.0.1:7979", "run-7", model="cifar", total_steps=1000)  # doctest: +SKIP
    >>> live.apply(optimizer)                                                                       # doctest: +SKIP
    >>> for step, batch in enumerate(batches):                                                      # doctest: +SKIP
    ...     loss = train(batch)
    ...     live.apply(optimizer, step, train_loss=loss)

    What is measured is told in the background, and kept on disk until it is told. Whatever happens to the server, nothing
    raises in the loop, and the last schedule holds. A process that comes from a checkpoint goes on from there by itself. Where
    `torch.distributed` is initialised, every process calls all of it; the first one talks, and all apply the rate it says.

    Args:
        url: Address of the server: `http://HOST:PORT`, or `unix:PATH` of a Unix socket.
        run: Name of the run.
        model: Name of a model that the server has.
        total_steps: Planned length of the run in optimizer steps.
        seed: Seed of the planner's candidates.
        lead: A change applies so many steps after the point at which it was decided; 1 is as soon as it is known.
        target: What the run should end at: an alert says when it hardly will.
        token: A token that may write the run; without it the environment's `LODECAST_TOKEN`.
        timeout: Seconds that a request may take.
        wait: Seconds to wait for a server that cannot be reached, before going on without.
        spool: Folder for what is not told yet; by default one below `~/.cache/lodecast`.
        settings: `start`, `replan_at`, `replan_every` and `range_factor`, as the server takes them.

    Raises:
        ArgumentError: If the address or the name is none.
        SettingError: If the server refuses, with its reason.

    """
    at_socket = url.startswith("unix:") and len(url) > len("unix:")
    if at_socket and not hasattr(socket, "AF_UNIX"):
        raise ArgumentError(f"'{url}': there are no Unix sockets on this system; give http://HOST:PORT")
    if not at_socket and (not url.startswith(("http://", "https://")) or "@" in url):
        raise ArgumentError(f"'{url}' is no address of a server: give http://HOST:PORT or unix:/PATH, and tokens with token=")
    if not _NAME.fullmatch(run):
        raise ArgumentError(f"'{run}' is no name of a run: give letters, digits, '.', '_' and '-'")
    asked = {"model": model, "total_steps": int(total_steps), "seed": seed, "lead": lead, "target": target, **settings}
    start = asked.get("start")
    if isinstance(start, Schedule):
        asked["start"] = start.to_dict()
    folder = Path(spool) if spool is not None else _folder(url)
    client = Client(url, token or os.environ.get("LODECAST_TOKEN"), timeout)
    place = folder / run
    place.mkdir(parents=True, exist_ok=True)
    connection = (_Together if _are_several() else Connection)(client, run, asked, place)
    connection.begin(wait)
    return connection


def _folder(url: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "lodecast" / "spool" / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def _are_several() -> bool:
    import sys

    # torch is not imported for this: who has initialised its processes has it.
    if "torch.distributed" not in sys.modules:
        return False
    from lodecast.live import agreement

    return agreement.processes() > 1
