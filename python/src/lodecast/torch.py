"""`lodecast.torch.LodeLR`: a learning-rate scheduler for torch that learned from the runs of a sweep."""

from __future__ import annotations

import os
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lodecast import _engine
from lodecast.errors import SettingError, StateError

__all__ = ["LodeLR"]

_VERSION = 1


class LodeLR(LRScheduler):  # type: ignore[misc, unused-ignore]
    """Sets the learning rate of every parameter group as a lodecast model plans it.

    The model gives the rate of the first group; the others keep their ratio to it, which is that of the rates the optimizer
    was made with. Groups added later join with the ratio of the rate they came with to the first group's initial one.

    `step()` belongs after every `optimizer.step()`, `observe()` wherever something was measured. A new plan takes effect with
    the next `step()`. Constructing it on an optimizer that was scheduled before (a restored one) leaves the rate in force.

    `start`, `seed`, `replan_at`, `replan_every`, `range_factor` and `settings` are those of `lodecast.Scheduler`.

    >>> scheduler = LodeLR(optimizer, "model.lode", total_steps=23_400)        # doctest: +SKIP
    >>> for batch in batches:                                                  # doctest: +SKIP
    ...     loss = train(batch)
    ...     optimizer.step()
    ...     scheduler.step()
    ...     scheduler.observe(train_loss=loss)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        model: _engine.Model | str | os.PathLike[str],
        total_steps: int,
        *,
        start: _engine.Schedule | None = None,
        seed: int = 0,
        replan_at: list[float] | None = None,
        replan_every: float | None = None,
        range_factor: float = 1.0,
        settings: dict[str, Any] | None = None,
        last_epoch: int = -1,
    ) -> None:
        self.scheduler = _engine.Scheduler(
            model,
            total_steps,
            start=start,
            seed=seed,
            replan_at=replan_at,
            replan_every=replan_every,
            range_factor=range_factor,
            settings=settings,
        )
        # A group that knows its initial rate has been scheduled before: its rate is not to be reset.
        self._leave_rates = any("initial_lr" in group for group in getattr(optimizer, "param_groups", ()))
        self._ratios: list[float] = []
        super().__init__(optimizer, last_epoch)
        self._leave_rates = False

    def get_lr(self) -> list[float | Tensor]:
        """Rates of the parameter groups at the current step."""
        groups = self.optimizer.param_groups
        if len(self._ratios) != len(groups):
            self._join_groups()
        if self._leave_rates:
            return [group["lr"] for group in groups]
        rate = self.scheduler.learning_rate(max(self.last_epoch, 0))
        return [rate * ratio for ratio in self._ratios]

    def observe(
        self,
        *,
        train_loss: float | Tensor | None = None,
        validation: float | Tensor | None = None,
        step: int | None = None,
    ) -> _engine.Observation:
        """Take in what was measured, and replan if it is time to.

        `step` is by default the number of steps done. The same step again adds to what was measured there or corrects it,
        and never plans twice: every rank may call it with the same values, and all decide the same.
        """
        return self.scheduler.observe(
            max(self.last_epoch, 0) if step is None else step,
            train_loss=_number(train_loss),
            validation=_number(validation),
        )

    @property
    def total_steps(self) -> int:
        """Planned length of the run in optimizer steps."""
        return self.scheduler.total_steps

    def extend(self, total_steps: int) -> None:
        """Make the run longer; the rest of the schedule is stretched."""
        self.scheduler.extend(total_steps)

    @property
    def schedule(self) -> _engine.Schedule:
        """The schedule in force."""
        return self.scheduler.schedule

    @property
    def last_plan(self) -> _engine.Plan | None:
        """The last plan, whether it changed anything or not."""
        return self.scheduler.last_plan

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in plain types that `torch.load(weights_only=True)` accepts."""
        return {
            "version": _VERSION,
            "last_epoch": self.last_epoch,
            "step_count": self._step_count,
            "base_lrs": [float(rate) for rate in self.base_lrs],
            "ratios": list(self._ratios),
            "last_lr": [float(rate) for rate in self.get_last_lr()],
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state, with the same model. The optimizer's own state has the rate in force."""
        if state_dict.get("version") != _VERSION:
            raise StateError(f"no state of LodeLR version {_VERSION}: its version is {state_dict.get('version')}")
        self.scheduler.load_state_dict(state_dict["scheduler"])
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = state_dict["step_count"]
        self.base_lrs = list(state_dict["base_lrs"])
        self._ratios = list(state_dict["ratios"])
        self._last_lr = list(state_dict["last_lr"])

    def _join_groups(self) -> None:
        """Notes the ratios of groups that are new."""
        groups = self.optimizer.param_groups
        for group in groups[len(self._ratios) :]:
            initial = group.setdefault("initial_lr", group["lr"])
            if isinstance(initial, Tensor) and initial is group["lr"]:
                initial = group["initial_lr"] = initial.clone()
            reference = float(groups[0]["initial_lr"])
            if not reference > 0.0:
                raise SettingError(
                    f"the optimizer's first group has the learning rate {reference}: give a positive one; "
                    "lodecast replaces it and only keeps the other groups' ratios to it"
                )
            self._ratios.append(float(initial) / reference)
        self.base_lrs = [group["initial_lr"] for group in groups]


def _number(value: float | Tensor | None) -> float | None:
    if value is None:
        return None
    return float(value.detach() if isinstance(value, Tensor) else value)
