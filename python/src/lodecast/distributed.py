"""Several processes train one model: they agree on what was measured, so that every one applies the same rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch.distributed

if TYPE_CHECKING:
    from lodecast.torch import LodeLR

__all__ = ["agree", "find", "observe"]


def agree(
    train_loss: float | None = None, validation: float | None = None, group: Any = None
) -> tuple[float | None, float | None]:
    """Average each value over the processes that measured it, to the same bits in every process.

    Every process has to call it, also one that measured nothing. Without several processes the values come back as they
    are.
    """
    measured = (_number(train_loss), _number(validation))
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return measured
    everywhere: list[Any] = [None] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(everywhere, measured, group=group)
    return _mean([loss for loss, _ in everywhere]), _mean([metric for _, metric in everywhere])


def observe(scheduler: Any, train_loss: float | None = None, validation: float | None = None, group: Any = None) -> Any:
    """Feed a scheduler what the processes agree on, and return what it made of it.

    ``scheduler`` is a :class:`~lodecast.torch.LodeLR`, or what Accelerate, ``SequentialLR`` or ``ChainedScheduler``
    wrapped around one.
    """
    train_loss, validation = agree(train_loss, validation, group)
    return find(scheduler).observe(train_loss=train_loss, validation=validation)


def find(scheduler: Any) -> LodeLR:
    """Find the :class:`~lodecast.torch.LodeLR` in a scheduler, or in a list of them.

    Raises:
        TypeError: If there is none.

    """
    from lodecast.torch import LodeLR

    waiting = list(scheduler) if isinstance(scheduler, (list, tuple)) else [scheduler]
    seen: list[str] = []
    while waiting:
        candidate = waiting.pop(0)
        if isinstance(candidate, LodeLR):
            return candidate
        seen.append(type(candidate).__name__)
        # `_schedulers` is torch's own name, in SequentialLR and ChainedScheduler; `scheduler` is Accelerate's.
        waiting.extend(getattr(candidate, "_schedulers", []))
        if hasattr(candidate, "scheduler"):
            waiting.append(candidate.scheduler)
    found = ", ".join(seen) or "none at all"
    raise TypeError(f"no LodeLR among the learning-rate schedulers ({found}): make one with lodecast.torch.LodeLR")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    # fsum refuses infinities of both signs; their mean is no number.
    return math.fsum(known) / len(known) if all(map(math.isfinite, known)) else math.nan
