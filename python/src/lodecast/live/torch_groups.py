"""Parameter groups of a torch optimizer that keep their ratio to the one whose rate lodecast sets."""

from __future__ import annotations

import operator
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lodecast.errors import ArgumentError, SettingError
from lodecast.live.groups import ratios, set_rates


def check_optimizer(optimizer: Any) -> None:
    """Check that it is one.

    Raises:
        ArgumentError: If it is not.

    """
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"a torch.optim.Optimizer is needed first, not {type(optimizer).__name__}")


def reference_position(optimizer: Optimizer, reference_group: int) -> int:
    """Give the position of a group from the first: from the last it would be another's once a group is added.

    Raises:
        ArgumentError: If it is no number.
        SettingError: If the optimizer has no such group.

    """
    try:
        position = operator.index(reference_group)
    except TypeError:
        raise ArgumentError(
            f"reference_group is {reference_group!r}: give the position of the group in optimizer.param_groups, counted from 0"
        ) from None
    groups = len(optimizer.param_groups)
    if not -groups <= position < groups:
        raise SettingError(f"reference_group = {reference_group}: the optimizer has {groups} parameter groups")
    return position % groups


class RatesInRatio(LRScheduler):  # type: ignore[misc, unused-ignore]
    """A scheduler whose groups keep the ratio of the rates that the optimizer was made with."""

    #: Of each group the ratio of its initial rate to that of the reference group.
    _ratios: list[float]

    def _join(self, reference: int, which: str) -> None:
        """Note the ratios of groups that are new; `which` is what the reference group is called."""
        reference_position(self.optimizer, reference)
        groups = self.optimizer.param_groups
        self._ratios += ratios(groups, reference, which, len(self._ratios))
        self.base_lrs = [group["initial_lr"] for group in groups]

    def _set(self, rates: list[Any]) -> None:
        """Set the rates of the groups, in place where they are tensors."""
        self._last_lr = set_rates(self.optimizer.param_groups, rates)
