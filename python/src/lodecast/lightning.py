"""lodecast in Lightning: ``LodeLR`` in ``configure_optimizers``, and a callback that feeds it.

.. code-block:: python

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        scheduler = LodeLR(optimizer, "model.lode", total_steps=self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


    Trainer(callbacks=[LodeCallback(monitor="val_accuracy")])

The state of both is part of Lightning's checkpoints.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from lodecast.distributed import agree, find
from lodecast.errors import LodecastWarning, SettingError

if TYPE_CHECKING:
    from lodecast import Recorder
    from lodecast.torch import LodeLR

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback  # type: ignore[assignment, unused-ignore]

__all__ = ["LodeCallback", "RecordCallback"]


class _Metrics(Callback):  # type: ignore[misc, unused-ignore]
    """Collects the train loss since the last point and the monitored metric, and hands both on as points."""

    def __init__(self, monitor: str | None, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise SettingError(f"every_n_steps = {every_n_steps}: give at least 1")
        self.monitor = monitor
        self.every_n_steps = every_n_steps
        self._losses: list[Any] = []
        self._last_step = 0

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        raise NotImplementedError

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Keep the loss of the batch, and makes a point every ``every_n_steps`` optimizer steps."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            # Not turned into a number before it is due: that would wait for the device at every step.
            self._losses.append(loss.detach())
        step = trainer.global_step
        if step != self._last_step and step % self.every_n_steps == 0:
            self._point(trainer, None)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Make a point of the monitored metric."""
        if trainer.sanity_checking or trainer.state.fn != "fit" or self.monitor is None:
            return
        validation = trainer.callback_metrics.get(self.monitor)
        if validation is None:
            known = ", ".join(sorted(trainer.callback_metrics)) or "nothing"
            warnings.warn(f"'{self.monitor}' was not logged; there is: {known}", LodecastWarning, stacklevel=1)
        self._point(trainer, None if validation is None else float(validation))

    def _point(self, trainer: Any, validation: float | None) -> None:
        losses = [float(loss) for loss in self._losses]
        self._losses.clear()
        self._last_step = trainer.global_step
        finite = all(map(math.isfinite, losses))
        mean = (math.fsum(losses) / len(losses) if finite else math.nan) if losses else None
        self._take_in(trainer, *agree(mean, validation))

    def state_dict(self) -> dict[str, Any]:
        """Return the losses since the last point, for the checkpoint."""
        return {"losses": [float(loss) for loss in self._losses], "last_step": self._last_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        from torch import tensor

        self._losses = [tensor(loss) for loss in state_dict["losses"]]
        self._last_step = state_dict["last_step"]


class LodeCallback(_Metrics):
    """Feed the :class:`~lodecast.torch.LodeLR` of the training.

    In distributed training the processes first agree on the values, so that every one applies the same rate.

    Args:
        monitor: Name of the logged validation metric, in the sense of the model's: the same metric, the same scale.
        every_n_steps: Optimizer steps from one train-loss point to the next.

    """

    def __init__(self, monitor: str | None = None, *, every_n_steps: int = 50) -> None:
        super().__init__(monitor, every_n_steps)
        self._scheduler: LodeLR | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Look for the scheduler, so that its lack is told before the first step."""
        self._scheduler = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Look for the scheduler, so that its lack is told before the first step."""
        self._scheduler = find([config.scheduler for config in trainer.lr_scheduler_configs])

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        if self._scheduler is not None:
            self._scheduler.observe(train_loss=train_loss, validation=validation)


class RecordCallback(_Metrics):
    """Write the run into a sweep file.

    Args:
        recorder: What :func:`lodecast.record` returns.
        monitor: Name of the logged validation metric.
        every_n_steps: Optimizer steps from one train-loss point to the next.

    """

    def __init__(self, recorder: Recorder, monitor: str | None = None, *, every_n_steps: int = 50) -> None:
        super().__init__(monitor, every_n_steps)
        self._recorder = recorder

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        if trainer.is_global_zero:
            rate = float(trainer.optimizers[0].param_groups[0]["lr"])
            self._recorder.log(trainer.global_step, train_loss=train_loss, learning_rate=rate, validation=validation)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Complete the file."""
        if trainer.is_global_zero:
            self._recorder.close()
