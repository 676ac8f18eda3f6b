"""lodecast with Accelerate.

.. code-block:: python

    model, optimizer, data = accelerator.prepare(model, optimizer, data)
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, "model.lode", total_steps=len(data) * epochs)
    ...
    scheduler.step()
    lodecast.accelerate.observe(scheduler, train_loss=loss)

``accelerator.save_state`` and ``load_state`` take the scheduler along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelerate.tracking import GeneralTracker, on_main_process

from lodecast.distributed import observe
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Recorder

__all__ = ["RecordTracker", "observe", "schedule"]


def schedule(accelerator: Any, optimizer: Any, model: Any, *, total_steps: int, **options: Any) -> Any:
    """Make a prepared :class:`~lodecast.torch.LodeLR`.

    Accelerate steps a prepared scheduler once for each process unless batches are split; the planned length is
    counted the same way here, so that ``total_steps`` stays what it says.

    Args:
        accelerator: The accelerator.
        optimizer: The optimizer, prepared or not.
        model: A lodecast model, or the path of one.
        total_steps: Planned optimizer steps of each process.
        options: Passed on to :class:`~lodecast.torch.LodeLR`.

    """
    once = accelerator.split_batches or not accelerator.step_scheduler_with_optimizer
    counted = total_steps * (1 if once else accelerator.num_processes)
    inner = getattr(optimizer, "optimizer", optimizer)
    return accelerator.prepare_scheduler(LodeLR(inner, model, total_steps=counted, **options))


class RecordTracker(GeneralTracker):  # type: ignore[misc, unused-ignore]
    """An Accelerate tracker that writes the run into a sweep file: ``Accelerator(log_with=RecordTracker(...))``.

    Args:
        recorder: What :func:`lodecast.record` returns.
        train_loss: Name of the train loss among the values given to ``accelerator.log``.
        learning_rate: Name of the learning rate among them.
        validation: Name of the validation metric among them.

    """

    name = "lodecast"
    requires_logging_directory = False

    def __init__(
        self,
        recorder: Recorder,
        *,
        train_loss: str = "train_loss",
        learning_rate: str = "learning_rate",
        validation: str | None = None,
    ) -> None:
        super().__init__()
        self._recorder = recorder
        self._names = (train_loss, learning_rate, validation)
        self._step = 0

    @property
    def tracker(self) -> Recorder:
        """The recorder."""
        return self._recorder

    @on_main_process  # type: ignore[untyped-decorator, unused-ignore]
    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Do nothing: the recorder was told what the run is."""

    @on_main_process  # type: ignore[untyped-decorator, unused-ignore]
    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Record those of the values that it was told the names of."""
        self._step = self._step + 1 if step is None else step
        loss, rate, metric = (None if name is None else values.get(name) for name in self._names)
        if (loss, rate, metric) != (None, None, None):
            numbers = [None if value is None else float(value) for value in (loss, rate, metric)]
            self._recorder.log(self._step, train_loss=numbers[0], learning_rate=numbers[1], validation=numbers[2])

    @on_main_process  # type: ignore[untyped-decorator, unused-ignore]
    def finish(self) -> None:
        """Complete the file."""
        self._recorder.close()
