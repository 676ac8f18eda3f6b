"""lodecast in the Hugging Face ``Trainer``, and in what is built on it (TRL's ``SFTTrainer``, ...).

.. code-block:: python

    trainer = Trainer(model, arguments, train_dataset=..., eval_dataset=...)
    lodecast.huggingface.schedule(trainer, "model.lode")
    trainer.train()

or by hand: ``Trainer(..., optimizers=(optimizer, LodeLR(optimizer, ...)), callbacks=[LodeCallback()])``.
The scheduler's state is part of the Trainer's checkpoints, the callback's of its exportable state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from lodecast.distributed import begins_at, find
from lodecast.errors import ArgumentError, SettingError
from lodecast.live.decisions import log
from lodecast.live.points import check_metric, find_metric, missing_metric
from lodecast.torch import LodeLR

if TYPE_CHECKING:
    from lodecast import Recorder

__all__ = ["LodeCallback", "RecordCallback", "schedule"]

#: Points that a run should have at least before its first plan under way, at a tenth of it.
_SPARSE = 0.1
_LOG_STEPS = "give logging_strategy='steps', and logging_steps of some fiftieth of the training"
#: What a strategy of logging leaves to be fed: by epochs, and not at all.
_FEWER = ("the train loss is fed once an epoch, and plans need more points", "no train loss is fed")


def schedule(trainer: Any, model: Any, *, metric: str | None = None, total_steps: int | None = None, **options: Any) -> LodeLR:
    """Put a ``Trainer`` under a scheduler: a ``LodeLR`` where it makes its own, and the callback that feeds it.

    The Trainer asks for its scheduler once its optimizer is made and it knows the number of steps, so ``model_init``, FSDP,
    DeepSpeed, ``auto_find_batch_size`` and a second ``train`` need nothing more: the ``LodeLR`` returned here begins anew
    with each training.

    Args:
        trainer: The trainer, before ``train``.
        model: A lodecast model, or the path of one.
        metric: Name of the evaluation metric, as in the Trainer's logs; by default the model's, with ``eval_`` before it.
        total_steps: Planned optimizer steps; by default those of the Trainer.
        options: Passed on to :class:`~lodecast.torch.LodeLR`.

    Raises:
        ArgumentError: If the first argument is no trainer.
        SettingError: If the metric cannot be the model's, or DeepSpeed's configuration has a scheduler of its own.

    """
    if not hasattr(trainer, "create_scheduler"):
        raise ArgumentError(f"a Trainer is needed first, not {type(trainer).__name__}: schedule(trainer, model)")
    _refuse_scheduler_of_deepspeed(trainer)
    steps = planned_steps(trainer) if total_steps is None else total_steps
    # Until the Trainer has its optimizer, one takes its place.
    placeholder = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=trainer.args.learning_rate)
    scheduler = LodeLR(placeholder, model, total_steps=steps, **options)

    def create_scheduler(num_training_steps: int, optimizer: Any = None) -> LodeLR:
        if trainer.lr_scheduler is None or _is_deepspeeds_placeholder(trainer.lr_scheduler):
            given = trainer.optimizer if optimizer is None else optimizer
            scheduler.restart(_torch_optimizer(given), num_training_steps if total_steps is None else total_steps)
            trainer.lr_scheduler = scheduler
            # The Trainer's own name: with it, the next training makes its scheduler anew.
            trainer._created_lr_scheduler = True
        return trainer.lr_scheduler  # type: ignore[no-any-return]

    callback = LodeCallback(metric, trainer=trainer)
    callback.check(trainer.args, scheduler)
    warmup = trainer.args.get_warmup_steps(steps)
    if warmup > 0 and "warmup_steps" not in options:
        log.warning(
            "the %s steps of warm-up in the TrainingArguments are those of the Trainer's own scheduler, and are not made: the "
            "plan holds from the first step. With schedule(..., warmup_steps=%s) the rate is led up to it",
            warmup,
            warmup,
        )
    trainer.create_scheduler = create_scheduler
    trainer.add_callback(callback)
    return scheduler


def _is_deepspeeds_placeholder(scheduler: Any) -> bool:
    """Say whether it waits for the optimizer that DeepSpeed makes of its configuration, and for the scheduler of that."""
    # Accelerate's, which the Trainer tells by its name, too. The Trainer asks a copy of itself for what takes its place.
    return type(scheduler).__name__ == "DummyScheduler"


def _refuse_scheduler_of_deepspeed(trainer: Any) -> None:
    plugin = getattr(getattr(trainer, "accelerator", None), "deepspeed_plugin", None)
    if plugin is not None and "scheduler" in plugin.deepspeed_config:
        raise SettingError(
            "DeepSpeed's configuration has a scheduler, which would take the place of lodecast's: leave 'scheduler' out of it; "
            "'optimizer' may stay"
        )


def _torch_optimizer(optimizer: Any) -> Any:
    # AcceleratedOptimizer is torch's in name, the one it wraps has the rates.
    inner = getattr(optimizer, "optimizer", None)
    return _torch_optimizer(inner) if inner is not None else optimizer


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
        metric: Name of the evaluation metric, as in the Trainer's logs; by default the model's, with ``eval_`` before it.
        trainer: The trainer, by which decisions are logged; without it they go to its ``log_history`` and the logger
            ``lodecast`` only.

    """

    def __init__(self, metric: str | None = None, *, trainer: Any = None) -> None:
        self.metric = metric
        self._trainer = trainer
        self._told = 0
        self._training = False
        self._zeros_told = False
        self._found = False
        self._seen: set[str] = set()

    def state(self) -> dict[str, Any]:
        """Return what the Trainer needs to make this callback anew."""
        return {"args": {"metric": self.metric}, "attributes": {}}

    def check(self, args: Any, scheduler: LodeLR) -> None:
        """Refuse what cannot work, as far as that can be known before the training.

        Raises:
            SettingError: If it cannot.

        """
        predicted = scheduler.scheduler.model.metric
        if self.metric is not None:
            check_metric(self.metric, predicted)
        evaluated = str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no"
        if self.metric is not None and not evaluated:
            raise SettingError(f"'{self.metric}' is to be fed, but eval_strategy='no': nothing is evaluated")
        if not evaluated:
            log.warning("eval_strategy='no': the plans rest on the train loss alone")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look for the scheduler, so that its lack is told before the first step."""
        scheduler = _scheduler(kwargs)
        self.check(args, scheduler)
        self._told = len(scheduler.decisions)
        self._training, self._found, self._seen = True, False, set()
        planned, accumulated = _begins(kwargs) + scheduler.total_steps, args.gradient_accumulation_steps
        if accumulated > 1 and abs(planned - state.max_steps * accumulated) < accumulated:
            raise SettingError(
                f"the scheduler is planned for {planned} steps, which are the batches; gradients are accumulated over "
                f"{accumulated} of them, so there are {state.max_steps} optimizer steps: give total_steps={state.max_steps}"
            )
        if planned != state.max_steps:
            log.warning("the scheduler is planned for %s steps, and this training ends at step %s", planned, state.max_steps)
        every = state.logging_steps or args.logging_steps
        strategy = str(getattr(args.logging_strategy, "value", args.logging_strategy))
        scheduler._advice = f"lodecast's callback is there, and feeds what is logged: {_LOG_STEPS}"
        if strategy != "steps":
            log.warning("logging_strategy='%s': %s: %s", strategy, _FEWER[strategy == "no"], _LOG_STEPS)
        elif every > _SPARSE * state.max_steps:
            log.warning(
                "logging_steps=%s of %s steps: the train loss is fed as often as it is logged, and plans need more points",
                every,
                state.max_steps,
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Log what was decided, and refuse to go on without the metric."""
        if self._seen and not self._found:
            # Several data sets were evaluated, one after the other, and none has it.
            raise missing_metric(self.metric, _scheduler(kwargs).scheduler.model.metric, self._seen)
        self._tell(state, _scheduler(kwargs), _begins(kwargs))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Feed the train loss."""
        loss = (kwargs.get("logs") or {}).get("loss")
        if loss is None or kwargs.get("lr_scheduler") is None:
            return
        if _may_be_filtered(args, loss):
            # An honest zero is left out, too; a few points less do no harm.
            self._zeros_told = self._zeros_told or _tell_of_zeros("fed", state.global_step)
            return
        _scheduler(kwargs).observe(train_loss=loss)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Feed the metric; of an evaluation before or after the training, which may be of other data, it is not fed.

        Raises:
            SettingError: If it was not evaluated.

        """
        metrics = kwargs.get("metrics") or {}
        if not self._training or kwargs.get("lr_scheduler") is None or not any(name.startswith("eval_") for name in metrics):
            return
        scheduler = _scheduler(kwargs)
        predicted = scheduler.scheduler.model.metric
        name = _name(self.metric, predicted, metrics)
        if name is not None:
            self._found = True
            scheduler.observe(validation=metrics[name])
            return
        self._seen |= metrics.keys()
        # Of several data sets, each has its own name in this one.
        if "eval_runtime" in metrics and not self._found:
            raise missing_metric(self.metric, predicted, metrics)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say if the plan's end was not reached."""
        self._training = False
        scheduler = _scheduler(kwargs)
        begun = _begins(kwargs)
        self._tell(state, scheduler, begun)
        skipped = state.global_step - begun - scheduler.last_epoch
        if skipped > 0 and scheduler.last_epoch >= 0:
            log.warning("%s updates were skipped: the plan ended %s steps before its end", skipped, skipped)

    def _tell(self, state: Any, scheduler: LodeLR, begun: int) -> None:
        reached = state.global_step
        for decision in scheduler.decisions[self._told :]:
            at = begun + decision.step
            if self._trainer is not None:
                # The Trainer and its loggers take the step from here, and it was decided in the step before.
                state.global_step = at
                try:
                    self._trainer.log(decision.numbers())
                finally:
                    state.global_step = reached
            else:
                state.log_history.append({**decision.numbers(), "step": at})
            state.log_history[-1]["lodecast/reason"] = decision.reason
        self._told = len(scheduler.decisions)


class RecordCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Write the run into a sweep file.

    Args:
        recorder: What :func:`lodecast.record` returns.
        metric: Name of the evaluation metric, as in the Trainer's logs; by default that of the recorder, with ``eval_``
            before it.

    """

    def __init__(self, recorder: Recorder, metric: str | None = None) -> None:
        self._recorder = recorder
        self.metric = metric
        self._rate: float | None = None
        self._training = False
        self._zeros_told = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to record."""
        self._training = True

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note the rate that is applied."""
        self._rate = float(kwargs["optimizer"].param_groups[0]["lr"])

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the train loss and the rate."""
        logs = kwargs.get("logs") or {}
        if state.is_world_process_zero and "loss" in logs:
            rate = logs.get("learning_rate") if self._rate is None else self._rate
            loss: float | None = float(logs["loss"])
            if _may_be_filtered(args, loss):
                self._zeros_told = self._zeros_told or _tell_of_zeros("recorded", state.global_step)
                loss = None
            self._recorder.log(state.global_step, train_loss=loss, learning_rate=rate)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the metric; that of an evaluation before or after the training is not the run's.

        Raises:
            SettingError: If it was not evaluated.

        """
        if not self._training:
            return
        metrics = kwargs.get("metrics") or {}
        name = _name(self.metric, self._recorder.metrics[0], metrics)
        if name is None and "eval_runtime" in metrics:
            raise missing_metric(self.metric, self._recorder.metrics[0], metrics)
        if state.is_world_process_zero and name is not None:
            self._recorder.log(state.global_step, validation=float(metrics[name]))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Complete the file."""
        self._training = False
        if state.is_world_process_zero:
            self._recorder.close()


def _may_be_filtered(args: Any, loss: Any) -> bool:
    """Say whether a logged loss may be that of a window in which all losses were NaN or infinite: the Trainer logs 0 for it."""
    return bool(args.logging_nan_inf_filter) and float(loss) == 0.0


def _tell_of_zeros(what: str, step: int) -> bool:
    log.warning(
        "the train loss at step %s was logged as exactly 0, as the Trainer does where it is NaN or infinite, and is not %s: "
        "give TrainingArguments(logging_nan_inf_filter=False), and see whether the training has diverged",
        step,
        what,
    )
    return True


def _begins(kwargs: dict[str, Any]) -> int:
    """Give the step at which LodeLR takes over, where another scheduler comes before it."""
    return begins_at(kwargs["lr_scheduler"], find(kwargs["lr_scheduler"]))


def _scheduler(kwargs: dict[str, Any]) -> LodeLR:
    try:
        return find(kwargs["lr_scheduler"])
    except ArgumentError as error:
        raise ArgumentError(f"{error}, or with lodecast.huggingface.schedule") from None


def _name(metric: str | None, predicted: str, metrics: dict[str, float]) -> str | None:
    if metric is None:
        return find_metric(predicted, metrics)
    return next((name for name in (metric, f"eval_{metric}") if name in metrics), None)
