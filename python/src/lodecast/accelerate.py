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
import weakref
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from accelerate.scheduler import AcceleratedScheduler
from accelerate.state import GradientState
from accelerate.tracking import GeneralTracker, on_main_process
from torch.optim import Optimizer

from lodecast import _engine, distributed
from lodecast.errors import ArgumentError, SettingError
from lodecast.live import accumulation, agreement
from lodecast.live.decisions import log
from lodecast.live.sinks import Sink
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Observation, Recorder
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
        ArgumentError: If the first argument is no accelerator.
        SettingError: If the length is not said, or seems to be counted in batches although gradients are accumulated.

    """
    if not hasattr(accelerator, "prepare_scheduler"):
        raise ArgumentError(
            f"an accelerator is needed first, not {type(accelerator).__name__}: schedule(accelerator, optimizer, model, ...)"
        )
    steps = _length(accelerator, total_steps, data, epochs)
    once = accelerator.split_batches or not accelerator.step_scheduler_with_optimizer
    counted = steps * (1 if once else accelerator.num_processes)
    options["sinks"] = [*options.get("sinks", ()), trackers(accelerator)]
    lode = LodeLR(_torch_optimizer(optimizer), model, total_steps=counted, **options)
    scheduler = accelerator.prepare_scheduler(lode)
    _watch_the_end(lode)
    # The length was looked at, or counted here.
    _known.add(lode)
    return scheduler


#: Schedulers whose length was looked at.
_known: weakref.WeakSet[LodeLR] = weakref.WeakSet()


def observe(scheduler: Any, train_loss: Any = None, validation: Any = None) -> Observation:
    """Feed a prepared scheduler what the processes agree on, and return what it made of it.

    Every process has to call it. It is :func:`lodecast.distributed.observe`, and looks at the length of a scheduler that was
    not made by :func:`schedule`.

    Raises:
        SettingError: If the length seems to be counted in batches although gradients are accumulated.

    """
    lode = distributed.find(scheduler)
    if lode not in _known:
        _look_at_length(scheduler, lode)
    return distributed.observe(scheduler, train_loss=train_loss, validation=validation)


def _look_at_length(scheduler: Any, lode: LodeLR) -> None:
    """Refuse a length in batches as soon as the data is known, whose length Accelerate knows while it is gone through."""
    gradients = GradientState()
    if not isinstance(scheduler, AcceleratedScheduler) or not scheduler.step_with_optimizer or gradients.num_steps <= 1:
        _known.add(lode)
        return
    batches = lode._accumulated_data or accumulation.batches_accumulated()
    if batches is None:
        return
    _known.add(lode)
    _watch_the_end(lode)
    times = 1 if scheduler.split_batches else max(agreement.processes(), 1)
    # In one process or in all, batches may have been counted for each.
    for planned in {lode.total_steps, lode.total_steps // times}:
        _refuse_batches(planned, batches, gradients.num_steps)


def _refuse_batches(planned: int, batches: int, accumulated: int) -> None:
    if planned % batches == 0 and batches > 1:
        updates = math.ceil(batches / accumulated)
        raise SettingError(
            f"total_steps = {planned} seems to count batches ({planned // batches} epochs of {batches}), but gradients are "
            f"accumulated over {accumulated} of them, and an epoch has {updates} optimizer steps: let "
            f"lodecast.accelerate.schedule(..., data=..., epochs={planned // batches}) count them; if {planned} are "
            f"optimizer steps, say epochs={planned}/{updates}"
        )


def _watch_the_end(lode: LodeLR) -> None:
    """Say so if the training ends far before its planned end, at which no call of Accelerate's comes by."""
    accumulated = GradientState().num_steps
    if accumulated > 1 and agreement.is_first():
        weakref.finalize(lode, _look_at_the_end, lode.scheduler, accumulated)


def _look_at_the_end(scheduler: _engine.Scheduler, accumulated: int) -> None:
    steps = [0, *(point["step"] for point in scheduler.observed)]
    between = max((later - earlier for earlier, later in pairwise(steps)), default=0)
    # After the last point there may have been steps as many as between two of them.
    if 0 < steps[-1] < scheduler.total_steps - between:
        log.warning(
            "the training was observed to step %s of the %s that it was planned for: gradients are accumulated over %s "
            "batches, which are one step. Let lodecast.accelerate.schedule(..., data=..., epochs=...) count the steps",
            steps[-1],
            scheduler.total_steps,
            accumulated,
        )


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
        # The last batches of an epoch are a step, however many they are. Rounding errors of the epochs are none.
        return max(math.ceil(round(epochs * math.ceil(len(data) / accumulated), 6)), 1)
    if total_steps is None:
        raise SettingError("the planned length is missing: give data and epochs, or total_steps")
    # `_dataloaders` is Accelerate's own name for what it has prepared.
    if accumulated > 1:
        for loader in getattr(accelerator, "_dataloaders", ()):
            batches = accumulation.length(loader)
            if batches is not None:
                _refuse_batches(total_steps, batches, accumulated)
    return total_steps


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
