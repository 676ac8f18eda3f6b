"""Parameter groups of a torch optimizer that keep their ratio to the one whose rate lodecast sets."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lodecast.errors import ArgumentError, SettingError


def check_optimizer(optimizer: Any) -> None:
    """Check that it is one.

    Raises:
        ArgumentError: If it is not.

    """
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"a torch.optim.Optimizer is needed first, not {type(optimizer).__name__}")


def check_reference(optimizer: Optimizer, reference_group: int) -> None:
    """Check that the optimizer has the group.

    Raises:
        SettingError: If it has not.

    """
    groups = len(optimizer.param_groups)
    if not -groups <= reference_group < groups:
        raise SettingError(f"reference_group = {reference_group}: the optimizer has {groups} parameter groups")


class RatesInRatio(LRScheduler):  # type: ignore[misc, unused-ignore]
    """A scheduler whose groups keep the ratio of the rates that the optimizer was made with."""

    #: Of each group the ratio of its initial rate to that of the reference group.
    _ratios: list[float]

    def _join(self, reference: int, which: str) -> None:
        """Note the ratios of groups that are new; `which` is what the reference group is called."""
        check_reference(self.optimizer, reference)
        groups = self.optimizer.param_groups
        new = groups[len(self._ratios) :]
        for group in new:
            initial = group.setdefault("initial_lr", group["lr"])
            if isinstance(initial, Tensor) and initial is group["lr"]:
                group["initial_lr"] = initial.clone()
        rate = float(groups[reference]["initial_lr"])
        if not rate > 0.0:
            raise SettingError(
                f"the optimizer's {which} has the learning rate {rate}: give a positive one; lodecast replaces it and "
                "only keeps the other groups' ratios to it"
            )
        self._ratios += [float(group["initial_lr"]) / rate for group in new]
        self.base_lrs = [group["initial_lr"] for group in groups]

    def _set(self, rates: list[Any]) -> None:
        """Set the rates of the groups, in place where they are tensors."""
        last = []
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            held = group["lr"]
            if isinstance(held, Tensor):
                held.fill_(rate)
                rate = held.clone()
            else:
                group["lr"] = rate
            last.append(rate)
        self._last_lr = last
