"""Several processes train one model: they agree on what was measured, so that every one decides the same."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import torch.distributed

from lodecast.errors import StateError
from lodecast.live.decisions import log
from lodecast.live.points import mean

#: Seconds after which a process that waits for the others says so.
_PATIENCE = 60.0

#: A group for these exchanges by the group of all processes, so that none is mistaken for another exchange.
_own: dict[int, Any] = {}


def processes(group: Any = None) -> int:
    """Count the processes that have to agree."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 1
    return int(torch.distributed.get_world_size(group))


def is_first(group: Any = None) -> bool:
    """Say whether this is the first of the processes that train together, which speaks for all of them."""
    return group == "alone" or processes(group) == 1 or bool(torch.distributed.get_rank(group) == 0)


def gather(mine: Any, group: Any = None) -> list[Any]:
    """Give each process what all have.

    Raises:
        StateError: If another process does not take part.

    """
    everywhere: list[Any] = [None] * processes(group)
    said = threading.Timer(_PATIENCE, log.warning, ("waiting for the other processes: every one has to call observe()",))
    said.daemon = True
    said.start()
    try:
        torch.distributed.all_gather_object(everywhere, mine, group=_group(group))
    except RuntimeError as error:
        raise _alone("observe(), with None for what it did not measure", error) from error
    finally:
        said.cancel()
    return everywhere


def from_first(mine: Any) -> Any:
    """Give every process what the first one has.

    Raises:
        StateError: If another process does not take part.

    """
    if processes() == 1:
        return mine
    held = [mine]
    try:
        torch.distributed.broadcast_object_list(held, src=0, group=_group(None))
    except RuntimeError as error:
        raise _alone("apply()", error) from error
    return held[0]


def _alone(call: str, error: RuntimeError) -> StateError:
    return StateError(
        f"the other processes did not take part in what process {torch.distributed.get_rank()} has to agree on with them: "
        f"every process has to call {call} ({error})"
    )


def agree(
    train_loss: float | None = None, validation: float | None = None, group: Any = None, step: int | None = None
) -> tuple[float | None, float | None]:
    """Average each value over the processes that measured it, to the same bits in every process.

    Every process has to call it, also one that measured nothing. Without several processes the values come back as they
    are.

    Raises:
        StateError: If the processes are at different steps.

    """
    if processes(group) == 1:
        return train_loss, validation
    everywhere = gather((step, train_loss, validation), group)
    steps = {step for step, _, _ in everywhere}
    if len(steps) > 1:
        raise StateError(f"the processes are at different steps ({', '.join(map(str, sorted(steps)))}): step them together")
    losses = [loss for _, loss, _ in everywhere if loss is not None]
    metrics = [metric for _, _, metric in everywhere if metric is not None]
    return mean(losses) if losses else None, mean(metrics) if metrics else None


def _group(group: Any) -> Any:
    if group is not None or not torch.distributed.is_gloo_available():
        return group
    everyone = id(torch.distributed.group.WORLD)
    if everyone not in _own:
        _own.clear()
        # Numbers on the host: no device is waited for. Without a timeout of its own the group has torch's default one.
        _own[everyone] = torch.distributed.new_group(backend="gloo", timeout=_timeout())
    return _own[everyone]


def _timeout() -> timedelta | None:
    """Give the timeout that the group of all processes was made with, if torch tells."""
    world: Any = torch.distributed.group.WORLD
    for device in ("cpu", "cuda"):
        try:
            found = world._get_backend(torch.device(device)).options._timeout
        except (AttributeError, RuntimeError):
            continue
        if isinstance(found, timedelta):
            return found
    return None
