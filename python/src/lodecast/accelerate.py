"""lodecast with Accelerate.

.. code-block:: python

    model, optimizer, data = accelerator.prepare(model, optimizer, data)
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, "model.lode", data=data, epochs=epochs)
    ...
    scheduler.step()
    lodecast.accelerate.observe(scheduler, train_loss=loss)

``accelerator.save_state`` and ``load_state`` take the scheduler along.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from accelerate.tracking import GeneralTracker, on_main_process
from torch.optim import Optimizer

from lodecast.distributed import observe
from lodecast.errors import ArgumentError, SettingError
from lodecast.live.sinks import Sink
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Recorder
    from lodecast.live.decisions import Decision

__all__ = ["RecordTracker", "observe", "schedule", "trackers"]


def schedule(
    accelerator: Any,
    optimizer: Any,
    model: Any,
    *,
    total_steps: int | None = None,
    data: Any = None,
    epochs: float | None = None,
    **options: Any,
) -> Any:
    """Make a prepared :class:`~lodecast.torch.LodeLR`.

    Accelerate steps a prepared scheduler once for each process unless batches are split; the planned length is
    counted the same way here. Decisions go to the accelerator's trackers.

    Args:
        accelerator: The accelerator.
        optimizer: The optimizer, prepared or not.
        model: A lodecast model, or the path of one.
        total_steps: Planned optimizer steps of each process. Batches whose gradients are accumulated are one step.
        data: The prepared data loader; with it the steps are counted here.
        epochs: How often it is gone through.
        options: Passed on to :class:`~lodecast.torch.LodeLR`.

    Raises:
        SettingError: If the length is not said, or seems to be counted in batches although gradients are accumulated.

    """
    steps = _length(accelerator, total_steps, data, epochs)
    once = accelerator.split_batches or not accelerator.step_scheduler_with_optimizer
    counted = steps * (1 if once else accelerator.num_processes)
    options["sinks"] = [*options.get("sinks", ()), trackers(accelerator)]
    return accelerator.prepare_scheduler(LodeLR(_torch_optimizer(optimizer), model, total_steps=counted, **options))


def trackers(accelerator: Any) -> Sink:
    """Show decisions in the trackers of an accelerator."""

    def show(decision: Decision) -> None:
        if accelerator.trackers:
            accelerator.log(decision.numbers(), step=decision.step)

    return show


def _length(accelerator: Any, total_steps: int | None, data: Any, epochs: float | None) -> int:
    accumulated = int(accelerator.gradient_accumulation_steps)
    if (data is None) != (epochs is None):
        raise SettingError("data and epochs belong together: the steps are those of so many epochs of the data")
    if data is not None and epochs is not None:
        if total_steps is not None:
            raise SettingError("total_steps, or data and epochs: give one of them")
        # The last batches of an epoch are a step, however many they are.
        return max(math.ceil(epochs * math.ceil(len(data) / accumulated)), 1)
    if total_steps is None:
        raise SettingError("the planned length is missing: give data and epochs, or total_steps")
    # `_dataloaders` is Accelerate's own name for what it has prepared.
    for loader in getattr(accelerator, "_dataloaders", ()):
        batches = _batches(loader)
        if accumulated > 1 and batches and total_steps % batches == 0:
            updates = math.ceil(batches / accumulated)
            raise SettingError(
                f"total_steps = {total_steps} seems to count batches ({total_steps // batches} epochs of {batches}), but "
                f"gradients are accumulated over {accumulated} of them, and an epoch has {updates} optimizer steps: give "
                f"data=... and epochs=..., which counts them"
            )
    return total_steps


def _batches(loader: Any) -> int:
    try:
        return len(loader)
    except TypeError:
        return 0


def _torch_optimizer(optimizer: Any) -> Optimizer:
    """Find torch's optimizer in what Accelerate and DeepSpeed have wrapped around it: the one that has the rates."""
    candidate = optimizer
    seen = []
    while candidate is not None:
        seen.append(type(candidate).__name__)
        inner = getattr(candidate, "optimizer", None)
        if isinstance(candidate, Optimizer) and not isinstance(inner, Optimizer):
            return candidate
        candidate = inner
    raise ArgumentError(f"no torch optimizer in {' of '.join(seen)}: prepare it before, as in accelerator.prepare(optimizer)")


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
