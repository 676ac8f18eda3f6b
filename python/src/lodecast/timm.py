"""lodecast in timm's training loop: a scheduler with ``step_update`` and ``step``, to stand where ``create_scheduler_v2`` does.

.. code-block:: python

    lr_scheduler = LodeScheduler(optimizer, "model.lode", total_steps=epochs * updates_per_epoch)
    ...
    lr_scheduler.step_update(num_updates=num_updates, metric=losses_m.avg)  # after every update, the train loss
    lr_scheduler.step(epoch + 1, eval_metrics["top1"] / 100)  # after every epoch, the metric on the model's scale
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lodecast.errors import SettingError
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["LodeScheduler"]


class LodeScheduler:
    """A :class:`~lodecast.torch.LodeLR` with the methods of timm's schedulers.

    Args:
        optimizer: The optimizer.
        model: A lodecast model, or the path of one.
        total_steps: Planned updates.
        every_n_updates: Updates from one point of the train loss to the next.
        options: Passed on to :class:`~lodecast.torch.LodeLR`.

    """

    def __init__(
        self, optimizer: Optimizer, model: Any, total_steps: int, *, every_n_updates: int = 50, **options: Any
    ) -> None:
        if every_n_updates < 1:
            raise SettingError(f"every_n_updates = {every_n_updates}: give at least 1")
        self.scheduler = LodeLR(optimizer, model, total_steps, **options)
        self.every_n_updates = every_n_updates

    def step_update(self, num_updates: int, metric: float | None = None) -> None:
        """Set the rate of the next update; ``metric`` is the train loss, as timm's loop gives it."""
        while self.scheduler.last_epoch < num_updates:
            self.scheduler.step()
        if metric is not None and num_updates % self.every_n_updates == 0:
            self.scheduler.observe(train_loss=metric)

    def step(self, epoch: int, metric: float | None = None) -> None:
        """Feed the metric of an epoch."""
        if metric is not None:
            self.scheduler.observe(validation=metric)

    def get_last_lr(self) -> list[Any]:
        """Give the rates of the parameter groups."""
        return list(self.scheduler.get_last_lr())

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in plain types."""
        return self.scheduler.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.scheduler.load_state_dict(state_dict)
