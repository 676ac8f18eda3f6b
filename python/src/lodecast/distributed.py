"""Several processes train one model: they agree on what was measured, so that every one applies the same rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lodecast.errors import ArgumentError
from lodecast.live import agreement
from lodecast.live.numbers import number
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Observation

__all__ = ["agree", "begins_at", "find", "find_all", "observe"]


def agree(train_loss: Any = None, validation: Any = None, group: Any = None) -> tuple[float | None, float | None]:
    """Average each value over the processes that measured it, to the same bits in every process.

    Every process has to call it, also one that measured nothing. Without several processes the values come back as they
    are.
    """
    return agreement.agree(number("train_loss", train_loss), number("validation", validation), group)


def observe(scheduler: Any, train_loss: Any = None, validation: Any = None) -> Observation:
    """Feed a scheduler what the processes agree on, and return what it made of it.

    ``scheduler`` is a :class:`~lodecast.torch.LodeLR`, or what Accelerate, ``SequentialLR`` or ``ChainedScheduler``
    wrapped around one. Every process has to call it. ``LodeLR.observe`` does the same.
    """
    return find(scheduler).observe(train_loss=train_loss, validation=validation)


def find(scheduler: Any) -> LodeLR:
    """Find the :class:`~lodecast.torch.LodeLR` in a scheduler, or the first in a list of them.

    Raises:
        ArgumentError: If there is none.

    """
    seen: list[str] = []
    for found in _search(scheduler, seen):
        return found
    names = ", ".join(seen) or "none at all"
    raise ArgumentError(f"no LodeLR among the learning-rate schedulers ({names}): make one with lodecast.torch.LodeLR")


def find_all(scheduler: Any) -> list[LodeLR]:
    """Find every :class:`~lodecast.torch.LodeLR` in a scheduler, or in a list of them."""
    return list(_search(scheduler, []))


def begins_at(scheduler: Any, lode: LodeLR) -> int:
    """Give the step of a chain of schedulers at which a :class:`~lodecast.torch.LodeLR` in it takes over, 0 if at once."""
    parts = getattr(scheduler, "_schedulers", None) or [part for part in (getattr(scheduler, "scheduler", None),) if part]
    # `_milestones` is the name in SequentialLR; the parts of ChainedScheduler begin together.
    milestones = [0, *getattr(scheduler, "_milestones", [0] * len(parts))]
    for milestone, part in zip(milestones, parts, strict=False):
        if lode in find_all(part):
            return int(milestone) + begins_at(part, lode)
    return 0


def _search(scheduler: Any, seen: list[str]) -> Iterator[LodeLR]:
    waiting = list(scheduler) if isinstance(scheduler, (list, tuple)) else [scheduler]
    while waiting:
        candidate = waiting.pop(0)
        if isinstance(candidate, LodeLR):
            yield candidate
            continue
        seen.append(type(candidate).__name__)
        # `_schedulers` is torch's own name, in SequentialLR and ChainedScheduler; `scheduler` is Accelerate's.
        waiting.extend(getattr(candidate, "_schedulers", []))
        if hasattr(candidate, "scheduler"):
            waiting.append(candidate.scheduler)
