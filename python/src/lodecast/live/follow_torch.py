"""`lodecast.torch.FollowLR`: a learning-rate scheduler for torch that takes its rates from the file of `lodecast follow`."""

from __future__ import annotations

import os
from typing import Any

from torch.optim import Optimizer

from lodecast.errors import StateError
from lodecast.live.follow import Follow
from lodecast.live.torch_groups import RatesInRatio, check_optimizer, reference_position

_VERSION = 1


class FollowLR(RatesInRatio):  # type: ignore[misc, unused-ignore]
    """Sets the learning rate of every parameter group as `lodecast follow` plans it.

    The file gives the rate of one group, the first unless `reference_group` names another; the others keep their ratio to it,
    which is that of the rates the optimizer was made with. `step()` belongs after every `optimizer.step()`; nothing has to be
    observed, for what the training logs is read from its log. `poll` and `wait` are those of `lodecast.Follow`.

    >>> scheduler = FollowLR(optimizer, "rates.json")          # doctest: +SKIP
    >>> for batch in batches:                                  # doctest: +SKIP
    ...     train(batch)
    ...     optimizer.step()
    ...     scheduler.step()
    """

    def __init__(
        self,
        optimizer: Optimizer,
        rates: Follow | str | os.PathLike[str],
        *,
        poll: float = 1.0,
        wait: float = 60.0,
        reference_group: int = 0,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        # Before the file is waited for.
        self.reference_group = reference_position(optimizer, reference_group)
        self.follow = rates if isinstance(rates, Follow) else Follow(rates, poll=poll, wait=wait)
        self._ratios: list[float] = []
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Rates of the parameter groups at the current step."""
        if len(self._ratios) != len(self.optimizer.param_groups):
            self._join(self.reference_group, f"group {self.reference_group}")
        rate = self.follow.learning_rate(max(self.last_epoch, 0))
        return [rate * ratio for ratio in self._ratios]

    @property
    def total_steps(self) -> int:
        """Planned length of the run in optimizer steps."""
        return self.follow.total_steps

    def explain(self) -> str:
        """Say which revision is in force, and why."""
        newest = self.follow.newest
        expected = ""
        if newest.predicted is not None:
            mean, low, high = newest.predicted
            expected = f"; {newest.metric.rpartition(':')[0]} expected {mean:.4g} ({low:.4g} to {high:.4g})"
        return f"revision {newest.number} from step {newest.effective_from_step}{expected}; {newest.reason}"

    def __repr__(self) -> str:
        return f"<lodecast.torch.FollowLR: step {max(self.last_epoch, 0)} of {self.total_steps}, {self.follow!r}>"

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in plain types that `torch.load(weights_only=True)` accepts."""
        return {
            "version": _VERSION,
            "last_epoch": self.last_epoch,
            "step_count": self._step_count,
            "base_lrs": [float(rate) for rate in self.base_lrs],
            "ratios": list(self._ratios),
            "last_lr": [float(rate) for rate in self.get_last_lr()],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state: at its step, with the rate that the file has for it.

        Raises:
            StateError: If it is the state of something else.

        """
        if state_dict.get("version") != _VERSION or "ratios" not in state_dict:
            raise StateError(
                f"no state of FollowLR version {_VERSION}, but of another scheduler or release (version "
                f"{state_dict.get('version')}): leave it out, and make FollowLR with last_epoch = the steps done - 1 on the "
                "restored optimizer"
            )
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = state_dict["step_count"]
        self.base_lrs = list(state_dict["base_lrs"])
        self._ratios = list(state_dict["ratios"])
        self._last_lr = list(state_dict["last_lr"])
        if len(self.optimizer.param_groups) == len(self._ratios):
            self._set(self.get_lr())
