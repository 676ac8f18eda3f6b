"""Parameter groups of an optimizer, as torch has them: they keep their ratio to the one whose rate lodecast sets.

Nothing of torch is imported: a rate that is a tensor is told by its `fill_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodecast.errors import SettingError


def ratios(groups: Sequence[dict[str, Any]], reference: int, which: str, known: int = 0) -> list[float]:
    """Give the ratio of the initial rate of each group, from number `known` on, to that of the reference group.

    `which` is what the reference group is called.

    Raises:
        SettingError: If that one's rate is not positive.

    """
    new = groups[known:]
    for group in new:
        initial = group.setdefault("initial_lr", group["lr"])
        if hasattr(initial, "fill_") and initial is group["lr"]:
            group["initial_lr"] = initial.clone()
    rate = float(groups[reference]["initial_lr"])
    if not rate > 0.0:
        raise SettingError(
            f"the optimizer's {which} has the learning rate {rate}: give a positive one; lodecast replaces it and "
            "only keeps the other groups' ratios to it"
        )
    return [float(group["initial_lr"]) / rate for group in new]


def set_rates(groups: Sequence[dict[str, Any]], rates: Sequence[Any]) -> list[Any]:
    """Set the rates of the groups, in place where they are tensors, and give copies of what they are now."""
    last = []
    for group, rate in zip(groups, rates, strict=True):
        held = group["lr"]
        if hasattr(held, "fill_"):
            held.fill_(rate)
            last.append(held.clone())
        else:
            group["lr"] = rate
            last.append(rate)
    return last
