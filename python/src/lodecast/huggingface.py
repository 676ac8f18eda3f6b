"""lodecast in the Hugging Face ``Trainer``.

.. code-block:: python

    trainer = Trainer(model, arguments, train_dataset=..., eval_dataset=...)
    lodecast.huggingface.schedule(trainer, "model.lode", metric="eval_accuracy")
    trainer.train()

or by hand: ``Trainer(..., optimizers=(optimizer, LodeLR(optimizer, ...)), callbacks=[LodeCallback("eval_accuracy")])``.
The scheduler's state is part of the Trainer's checkpoints, the callback's of its exportable state.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from lodecast.distributed import find, observe
from lodecast.errors import LodecastWarning, SettingError
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Recorder

__all__ = ["LodeCallback", "RecordCallback", "schedule"]


def schedule(trainer: Any, model: Any, *, metric: str | None = None, total_steps: int | None = None, **options: Any) -> LodeLR:
    """Put a ``Trainer`` under a scheduler: make its optimizer, a ``LodeLR`` and the callback that feeds it.

    Args:
        trainer: The trainer, before ``train``.
        model: A lodecast model, or the path of one.
        metric: Name of the evaluation metric, as in the Trainer's logs; by default ``metric_for_best_model``, or
            ``eval_loss``.
        total_steps: Planned optimizer steps; by default what the trainer's arguments come to.
        options: Passed on to :class:`~lodecast.torch.LodeLR`.

    """
    trainer.create_optimizer()
    steps = planned_steps(trainer) if total_steps is None else total_steps
    scheduler = LodeLR(trainer.optimizer, model, total_steps=steps, **options)
    trainer.lr_scheduler = scheduler
    trainer.add_callback(LodeCallback(metric))
    return scheduler


def planned_steps(trainer: Any) -> int:
    """Count the optimizer steps that a trainer's arguments come to.

    Raises:
        SettingError: If neither they nor the data set say.

    """
    arguments = trainer.args
    if arguments.max_steps > 0:
        return int(arguments.max_steps)
    try:
        batches = len(trainer.get_train_dataloader())
    except TypeError:
        raise SettingError("the training data has no length: give max_steps or total_steps") from None
    accumulation: int = arguments.gradient_accumulation_steps
    # The last steps of an epoch may be made of fewer batches.
    return math.ceil(float(arguments.num_train_epochs) * max(math.ceil(batches / accumulation), 1))


class LodeCallback(TrainerCallback, ExportableState):  # type: ignore[misc, unused-ignore]
    """Feed the ``LodeLR`` of the training from what the Trainer logs and evaluates.

    Args:
        metric: Name of the evaluation metric, as in the Trainer's logs; by default ``metric_for_best_model``, or
            ``eval_loss``.

    """

    def __init__(self, metric: str | None = None) -> None:
        self.metric = metric

    def state(self) -> dict[str, Any]:
        """Return what the Trainer needs to make this callback anew."""
        return {"args": {"metric": self.metric}, "attributes": {}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look for the scheduler, so that its lack is told before the first step."""
        find(kwargs["lr_scheduler"])

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Feed the train loss."""
        loss = (kwargs.get("logs") or {}).get("loss")
        if loss is not None:
            observe(kwargs["lr_scheduler"], train_loss=loss)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Feed the metric."""
        validation = _metric(self.metric, args, kwargs.get("metrics") or {})
        if validation is not None and kwargs.get("lr_scheduler") is not None:
            observe(kwargs["lr_scheduler"], validation=validation)


class RecordCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Write the run into a sweep file.

    Args:
        recorder: What :func:`lodecast.record` returns.
        metric: Name of the evaluation metric, as in the Trainer's logs; by default ``metric_for_best_model``, or
            ``eval_loss``.

    """

    def __init__(self, recorder: Recorder, metric: str | None = None) -> None:
        self._recorder = recorder
        self.metric = metric

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the train loss and the rate."""
        logs = kwargs.get("logs") or {}
        if state.is_world_process_zero and "loss" in logs:
            rate = logs.get("learning_rate")
            self._recorder.log(state.global_step, train_loss=float(logs["loss"]), learning_rate=rate)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the metric."""
        validation = _metric(self.metric, args, kwargs.get("metrics") or {})
        if state.is_world_process_zero and validation is not None:
            self._recorder.log(state.global_step, validation=validation)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Complete the file."""
        if state.is_world_process_zero:
            self._recorder.close()


def _metric(metric: str | None, arguments: Any, metrics: dict[str, float]) -> float | None:
    name = metric or arguments.metric_for_best_model or "eval_loss"
    for key in (name, f"eval_{name}"):
        if key in metrics:
            return float(metrics[key])
    warnings.warn(
        f"'{name}' was not evaluated; there is: {', '.join(sorted(metrics)) or 'nothing'}",
        LodecastWarning,
        stacklevel=1,
    )
    return None
