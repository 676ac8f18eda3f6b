"""lodecast in Lightning: ``LodeLR`` in ``configure_optimizers``, and a callback that feeds it.

.. code-block:: python

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        scheduler = LodeLR(optimizer, "model.lode", total_steps=self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


    Trainer(callbacks=[LodeCallback()])

The state of both is part of Lightning's checkpoints.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lodecast.distributed import agree, begins_at, find, find_all
from lodecast.errors import ArgumentError, SettingError
from lodecast.live.decisions import log
from lodecast.live.points import Losses, check_metric, find_metric, missing_metric

if TYPE_CHECKING:
    from lodecast import Recorder
    from lodecast.live.decisions import Decision
    from lodecast.torch import LodeLR

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback  # type: ignore[assignment, unused-ignore]

__all__ = ["LodeCallback", "RecordCallback"]


class _Metrics(Callback):  # type: ignore[misc, unused-ignore]
    """Collects the train loss since the last point and the monitored metric, and hands both on as points."""

    def __init__(self, monitor: str | None, every_n_steps: int, train_loss: str | None) -> None:
        if monitor is not None and not isinstance(monitor, str):
            raise ArgumentError(f"the name of a metric is needed, not {type(monitor).__name__}: the model goes to LodeLR")
        if every_n_steps < 1:
            raise SettingError(f"every_n_steps = {every_n_steps}: give at least 1")
        self.monitor = monitor
        self.every_n_steps = every_n_steps
        self.train_loss = train_loss
        self._losses = Losses()
        self._last_step = 0

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        raise NotImplementedError

    def _step(self, trainer: Any) -> int:
        """Give the optimizer steps done."""
        return int(trainer.global_step)

    def _metric(self) -> str:
        """Give the metric that is looked for, as `name:max` or `name:min`."""
        raise NotImplementedError

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Keep the loss of the batch, and make a point every ``every_n_steps`` optimizer steps."""
        loss = self._loss(trainer, pl_module, outputs)
        if loss is not None:
            self._losses.add(loss)
        step = self._step(trainer)
        if step != self._last_step and step % self.every_n_steps == 0:
            self._point(trainer, None)

    def _loss(self, trainer: Any, module: Any, outputs: Any) -> Any:
        if self.train_loss is not None:
            # With `on_step` and `on_epoch` Lightning adds `_step` to the name.
            logged = trainer.callback_metrics
            return logged.get(f"{self.train_loss}_step", logged.get(self.train_loss))
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is None or not module.automatic_optimization:
            return loss
        # Lightning has divided it.
        return loss.detach() * trainer.accumulate_grad_batches

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Make a point of the monitored metric.

        Raises:
            SettingError: If it was not logged; before the first training step, where Lightning validates before that and
                something is logged there.

        """
        if trainer.state.fn != "fit":
            return
        names = [name for name in trainer.callback_metrics if name != self.train_loss]
        name = find_metric(self._metric(), names) if self.monitor is None else self.monitor
        validation = None if name is None else trainer.callback_metrics.get(name)
        if validation is None and trainer.sanity_checking and not names:
            # Of several data sets Lightning has none yet, and a module may log nothing until the training has begun.
            return
        if validation is None:
            raise missing_metric(self.monitor, self._metric(), names)
        if not trainer.sanity_checking:
            self._point(trainer, float(validation))

    def _point(self, trainer: Any, validation: float | None) -> None:
        self._last_step = self._step(trainer)
        self._take_in(trainer, self._losses.take(), validation)

    def state_dict(self) -> dict[str, Any]:
        """Return the losses since the last point, for the checkpoint."""
        return {"losses": self._losses.values(), "last_step": self._last_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._losses = Losses(state_dict["losses"])
        self._last_step = state_dict["last_step"]


class LodeCallback(_Metrics):
    """Feed the :class:`~lodecast.torch.LodeLR` of the training.

    In distributed training the processes agree on the values, so that every one applies the same rate. Decisions go to
    Lightning's loggers.

    Args:
        monitor: Name of the logged validation metric, in the sense of the model's: the same metric, the same scale. By
            default the one that is called as the model's.
        every_n_steps: Optimizer steps from one train-loss point to the next.
        train_loss: Name of the logged train loss; by default it is what ``training_step`` returns.
        scheduler: Which of several ``LodeLR``, by its position among them. Each needs a callback of its own.

    """

    def __init__(
        self,
        monitor: str | None = None,
        *,
        every_n_steps: int = 50,
        train_loss: str | None = None,
        scheduler: int | None = None,
    ) -> None:
        super().__init__(monitor, every_n_steps, train_loss)
        self._position = scheduler
        self._scheduler: LodeLR | None = None
        self._told = 0
        #: Lightning's step at the last point: what is decided upon it, in the step after, belongs there.
        self._observed_at = 0

    @property
    def state_key(self) -> str:
        """Tell several of them apart in a checkpoint."""
        return str(self._generate_state_key(monitor=self.monitor, scheduler=self._position))

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Look for the scheduler, so that what cannot work is told before the first step.

        Raises:
            SettingError: If it cannot work.

        """
        self._scheduler = self._look(trainer, pl_module)
        self._scheduler._advice = (
            f"lodecast's callback is there, and makes a point every {self.every_n_steps} steps: give it fewer, as in "
            f"LodeCallback(every_n_steps={max(self._scheduler.total_steps // 50, 1)})"
        )

    def _look(self, trainer: Any, module: Any) -> LodeLR:
        configs = trainer.lr_scheduler_configs
        found = find_all([config.scheduler for config in configs])
        if not found:
            return find([config.scheduler for config in configs])
        if len(found) > 1 and (self._position is None or self.train_loss is None):
            raise SettingError(
                f"there are {len(found)} LodeLR: give each a callback of its own, and name its loss, as in "
                "LodeCallback(scheduler=0, train_loss='generator_loss')"
            )
        if self._position is not None and not 0 <= self._position < len(found):
            raise SettingError(f"scheduler = {self._position}: there are {len(found)} LodeLR, counted from 0")
        lode = found[self._position or 0]
        self._check(trainer, module, lode)
        return lode

    def _check(self, trainer: Any, module: Any, lode: LodeLR) -> None:
        """Refuse a scheduler that would not reach the end of its plan, and a metric that cannot be the model's."""
        if self.monitor is not None:
            check_metric(self.monitor, lode.scheduler.model.metric)
        steps = _optimizer_steps(trainer)
        config = next(config for config in trainer.lr_scheduler_configs if lode in find_all(config.scheduler))
        before = begins_at(config.scheduler, lode)
        planned = before + lode.total_steps
        if module.automatic_optimization:
            if (config.interval, config.frequency) != ("step", 1) and lode.total_steps > (trainer.max_epochs or 0) > 0:
                raise SettingError(
                    f"LodeLR is planned for {lode.total_steps} optimizer steps, but Lightning would step it every "
                    f"{config.frequency} {config.interval}s: return {{'optimizer': optimizer, 'lr_scheduler': "
                    "{'scheduler': scheduler, 'interval': 'step'}}"
                )
            if steps < planned and planned in (_batches(trainer), trainer.max_steps * trainer.accumulate_grad_batches):
                raise SettingError(
                    f"LodeLR is planned for {planned} steps, which are the batches; gradients are accumulated over several of "
                    f"them, so there are {steps} optimizer steps: give total_steps={int(steps) - before}"
                )
        elif len(trainer.optimizers) > 1 and trainer.max_steps > 0:
            # Lightning counts the steps of all optimizers.
            steps = trainer.max_steps // len(trainer.optimizers)
        if steps not in (math.inf, planned):
            log.warning("LodeLR is planned for %s steps, and Lightning makes about %s", planned, int(steps))

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to tell what is decided from here on."""
        # Only now a checkpoint was restored.
        self._told = 0 if self._scheduler is None else len(self._scheduler.decisions)
        self._observed_at = trainer.global_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Keep the loss of the batch, make a point where one is due, and log what was decided."""
        if self._scheduler is None:
            return
        for decision in self._scheduler.decisions[self._told :]:
            _tell(trainer, pl_module, decision, self._observed_at)
        self._told = len(self._scheduler.decisions)
        # A manual optimization that never steps it comes to no point at which that would be told.
        self._scheduler.check_updates()
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def _step(self, trainer: Any) -> int:
        return super()._step(trainer) if self._scheduler is None else max(self._scheduler.last_epoch, 0)

    def _metric(self) -> str:
        if self._scheduler is None:
            raise SettingError("the training has not begun")
        return self._scheduler.scheduler.model.metric

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        if self._scheduler is None:
            return
        if train_loss is None and validation is None:
            raise SettingError(
                "training_step returned no loss: return it, or log it and name it, as in LodeCallback(train_loss='loss')"
            )
        self._scheduler.observe(train_loss=train_loss, validation=validation)
        self._observed_at = trainer.global_step

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Say if the plan's end was not reached."""
        lode = self._scheduler
        if lode is not None and not trainer.should_stop and 0 <= lode.last_epoch < lode.total_steps:
            log.warning(
                "the training ended at step %s of the %s that LodeLR was planned for", lode.last_epoch, lode.total_steps
            )


class RecordCallback(_Metrics):
    """Write the run into a sweep file.

    Args:
        recorder: What :func:`lodecast.record` returns.
        monitor: Name of the logged validation metric; by default the one that is called as the recorder's.
        every_n_steps: Optimizer steps from one train-loss point to the next.
        train_loss: Name of the logged train loss; by default it is what ``training_step`` returns.

    """

    def __init__(
        self,
        recorder: Recorder,
        monitor: str | None = None,
        *,
        every_n_steps: int = 50,
        train_loss: str | None = None,
    ) -> None:
        super().__init__(monitor, every_n_steps, train_loss)
        self._recorder = recorder
        self._rate: float | None = None

    @property
    def state_key(self) -> str:
        """Tell several of them apart in a checkpoint."""
        return str(self._generate_state_key(run=self._recorder.run_id, monitor=self.monitor))

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Note the rate that is applied."""
        self._rate = float(optimizer.param_groups[0]["lr"])

    def _metric(self) -> str:
        return self._recorder.metrics[0]

    def _take_in(self, trainer: Any, train_loss: float | None, validation: float | None) -> None:
        loss, metric = agree(train_loss, validation)
        if trainer.is_global_zero:
            self._recorder.log(trainer.global_step, train_loss=loss, learning_rate=self._rate, validation=metric)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Complete the file."""
        if trainer.is_global_zero:
            self._recorder.close()


def _optimizer_steps(trainer: Any) -> float:
    """Count the optimizer steps of a training, also where accumulation changes from epoch to epoch; infinite if unknown."""
    steps: float = trainer.estimated_stepping_batches
    # A GradientAccumulationScheduler: where Lightning is installed under both its names, each has a class of its own.
    changing = next((callback for callback in trainer.callbacks if hasattr(callback, "get_accumulate_grad_batches")), None)
    batches, epochs = trainer.num_training_batches, trainer.max_epochs
    if changing is None or batches == math.inf or epochs is None or epochs < 1:
        return steps
    counted: float = sum(math.ceil(batches / changing.get_accumulate_grad_batches(epoch)) for epoch in range(epochs))
    return counted if trainer.max_steps < 0 else min(counted, float(trainer.max_steps))


def _batches(trainer: Any) -> float:
    """Count the batches of a training; infinite if it has no end of its own."""
    epochs = trainer.max_epochs
    return math.inf if epochs is None or epochs < 1 else float(trainer.num_training_batches * epochs)


def _tell(trainer: Any, module: Any, decision: Decision, step: int) -> None:
    numbers = decision.numbers()
    module.log_dict(numbers, logger=False)
    # Not by the module: it would reach the loggers only at every `log_every_n_steps`.
    for logger in trainer.loggers:
        logger.log_metrics(numbers, step=step)
        experiment: Any = getattr(logger, "experiment", None)
        if hasattr(experiment, "add_text"):
            experiment.add_text("lodecast/reason", decision.reason, step)
