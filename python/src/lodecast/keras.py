"""lodecast in Keras 3, with any of its backends.

.. code-block:: python

    scheduler = lodecast.Scheduler("model.lode", total_steps=len(data) * epochs)
    model.fit(data, epochs=epochs, validation_data=..., callbacks=[LodeCallback(scheduler)])

With ``BackupAndRestore``, give the callback a file for its own state and put it before it in the list:
``callbacks=[LodeCallback(scheduler, backup="lodecast.json"), BackupAndRestore("backup")]``.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from lodecast import _engine
from lodecast.errors import ArgumentError, LodecastWarning, SettingError, StateError
from lodecast.live.decisions import Decision, expected, log, tell
from lodecast.live.experience import warn_of_the_unknown, warn_of_the_unmeasured
from lodecast.live.points import check_metric, find_metric, missing_metric

if TYPE_CHECKING:
    from lodecast import Recorder, Scheduler

__all__ = ["LodeCallback", "RecordCallback"]

# States kept in the backup file: a run that is stopped between two files being written finds the older one.
_KEPT = 2


class _Steps(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """Counts optimizer steps, and turns Keras' running mean of an epoch into means since the last point."""

    def __init__(self, monitor: str | None, every_n_batches: int | None) -> None:
        super().__init__()
        if every_n_batches is not None and every_n_batches < 1:
            raise SettingError(f"every_n_batches = {every_n_batches}: give at least 1")
        self.monitor = monitor
        self.every_n_batches = every_n_batches
        self._accumulated = 1
        self._trained: int | None = None
        self._batches = 0
        self._mean_before = (0, 0.0)

    @property
    def step(self) -> int:
        """The optimizer steps done: batches whose gradients are accumulated are one."""
        return (self._trained or 0) // self._accumulated

    def _take_in(self, train_loss: float | None, validation: float | None) -> None:
        raise NotImplementedError

    def _metric(self) -> str:
        """Give the metric that is looked for, as `name:max` or `name:min`."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget the training before."""
        self._accumulated = int(getattr(self.model.optimizer, "gradient_accumulation_steps", None) or 1)
        self._trained = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Find the step, which is not 0 where training goes on."""
        if self._trained is None:
            # Only now BackupAndRestore has restored.
            self._trained = self._done()
        self._batches = 0
        self._mean_before = (0, 0.0)

    def _done(self) -> int:
        """Ask the optimizer for the batches that it has seen."""
        if keras.backend.backend() == "jax":
            # JAX trains on a copy of the variables.
            self.model.jax_state_sync()
        # Keras keeps the batches as `_iterations`, and rounds `iterations` down.
        optimizer = self.model.optimizer
        while hasattr(optimizer, "inner_optimizer"):
            # What scales the loss does not count.
            optimizer = optimizer.inner_optimizer
        kept = getattr(optimizer, "_iterations", None)
        return int(optimizer.iterations) * self._accumulated if kept is None else int(kept)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Make a point of the train loss where one is due."""
        taken = batch + 1 - self._batches
        if taken > 1:
            # One call stands for several batches (`steps_per_execution`), at the end of an epoch for fewer than Keras says.
            taken = self._done() - (self._trained or 0)
        self._batches += taken
        self._trained = (self._trained or 0) + taken
        before, _ = self._mean_before
        if self.every_n_batches is not None and self._batches - before >= self.every_n_batches and logs:
            self._take_in(self._loss_since(logs), None)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Make a point of the train loss and the metric.

        Raises:
            SettingError: If there was a validation, and it has no such metric.

        """
        logs = {} if logs is None else logs
        measured = [name for name in logs if name.startswith("val_")] if self.monitor is None else list(logs)
        name = find_metric(self._metric(), measured) if self.monitor is None else self.monitor
        validation = None if name is None else logs.get(name)
        validated = any(name.startswith("val_") for name in logs)
        if validation is None and (validated or not (self.monitor or "val_").startswith("val_")):
            raise missing_metric(self.monitor, self._metric(), logs)
        self._take_in(self._loss_since(logs), None if validation is None else float(validation))

    def _loss_since(self, logs: dict[str, Any]) -> float | None:
        loss = logs.get("loss")
        before, mean_before = self._mean_before
        if loss is None or self._batches == before:
            return None
        mean = float(loss)
        self._mean_before = (self._batches, mean)
        return (mean * self._batches - mean_before * before) / (self._batches - before)

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


class LodeCallback(_Steps):
    """Set the rate of every batch, feed the scheduler, and write ``logs["learning_rate"]`` and what is predicted.

    Args:
        scheduler: The scheduler; its steps are the optimizer's. Batches whose gradients are accumulated are one.
        monitor: Name of the metric in Keras' logs, such as ``val_accuracy``; by default the one that is called as the model's.
        every_n_batches: Batches from one train-loss point to the next; by default one an epoch.
        backup: File for the scheduler's state, written at the end of each epoch, and every ``backup_freq`` batches
            where given. A run that starts with optimizer steps behind it goes on from the state at that step.
        backup_freq: As ``save_freq`` of ``BackupAndRestore``.

    """

    def __init__(
        self,
        scheduler: Scheduler,
        monitor: str | None = None,
        *,
        every_n_batches: int | None = None,
        backup: str | os.PathLike[str] | None = None,
        backup_freq: int | str = "epoch",
    ) -> None:
        if not isinstance(scheduler, _engine.Scheduler):
            kind = type(scheduler).__name__
            raise ArgumentError(f"a lodecast.Scheduler is needed, not {kind}: lodecast.Scheduler(model, total_steps=...)")
        super().__init__(monitor, every_n_batches)
        self.scheduler = scheduler
        self._backup = None if backup is None else Path(backup)
        self._backup_freq = backup_freq
        self._since_backup = 0
        self._restored = False
        self._undecided = False
        self._looked = False
        #: What was decided so far.
        self.decisions: list[Decision] = []
        if monitor is not None:
            check_metric(monitor, self._metric())

    def _metric(self) -> str:
        return self.scheduler.model.metric

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check that there is a rate to set, and that the plan is of the training's length.

        Raises:
            SettingError: If there is none, or the length was counted in batches although gradients are accumulated.

        """
        super().on_train_begin(logs)
        if isinstance(self.model.optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            raise SettingError("the optimizer has a schedule of its own: compile it with a number as learning_rate")
        self._restored = False
        self._undecided = self._looked = False
        warn_of_the_unknown(self.scheduler)
        batches, epochs = self.params.get("steps"), self.params.get("epochs")
        if not batches or not epochs:
            return
        planned, steps = self.scheduler.total_steps, batches * epochs // self._accumulated
        if self._accumulated > 1 and planned == batches * epochs:
            raise SettingError(
                f"the scheduler is planned for {planned} steps, which are the batches; gradients are accumulated over "
                f"{self._accumulated} of them, so there are {steps} optimizer steps: give total_steps={steps}"
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Find the step, and the state at it."""
        super().on_epoch_begin(epoch, logs)
        # Not in on_train_begin: BackupAndRestore may come later in the list.
        if not self._restored:
            self._restored = True
            self._restore()
            self._look_at_length(epoch)

    def _look_at_length(self, epoch: int) -> None:
        """Refuse a scheduler that knows another training, and warn if this one ends elsewhere than planned."""
        last = max((point["step"] for point in self.scheduler.observed), default=0)
        if last > self.step:
            raise StateError(
                f"the scheduler has observed a training up to step {last}, and the optimizer has done {self.step} steps: "
                "make a new Scheduler for another training"
            )
        batches, epochs = self.params.get("steps"), self.params.get("epochs")
        if batches and epochs:
            end = self.step + batches * (epochs - epoch) // self._accumulated
            if end != self.scheduler.total_steps:
                log.warning(
                    "the scheduler is planned for %s steps, and this fit ends at step %s", self.scheduler.total_steps, end
                )

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Decide upon what was measured, and set the rate."""
        if self._undecided:
            self._decide()
        if keras.backend.backend() == "jax":
            # JAX trains on a copy of the variables.
            self.model.jax_state_sync()
        self.model.optimizer.learning_rate = self.scheduler.learning_rate(self.step)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Make a point of the train loss where one is due, and a backup."""
        before = self.step
        super().on_train_batch_end(batch, logs)
        if isinstance(self._backup_freq, int):
            self._since_backup += self.step - before
            if self._since_backup >= self._backup_freq:
                self._since_backup = 0
                self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Make a point, log the rate, and make a backup."""
        if logs is not None:
            logs["learning_rate"] = self._learning_rate()
        super().on_epoch_end(epoch, logs)
        if not self._looked and 2 * self.step >= self.scheduler.total_steps:
            self._looked = True
            warn_of_the_unmeasured(self.scheduler, self.step)
        if logs is not None:
            # Every epoch the same names, or Keras' loggers leave them out.
            plan = self.scheduler.last_plan
            final, low, high = (None if plan is None else expected(plan)) or (math.nan, math.nan, math.nan)
            logs["lodecast_predicted_final"] = final
            logs["lodecast_predicted_low"], logs["lodecast_predicted_high"] = low, high
            logs["lodecast_plans"] = float(self.scheduler.replans)
        self._save()

    def _take_in(self, train_loss: float | None, validation: float | None) -> None:
        noted = self.scheduler.note(self.step, train_loss=train_loss, validation=validation)
        self._undecided = noted.kind == "nothing"
        if noted.kind == "kept":
            log.warning("%s: nothing is planned from it, and the schedule in force stays", noted.reason)

    def _decide(self) -> None:
        self._undecided = False
        observation = self.scheduler.decide()
        if observation.kind != "nothing":
            decision = Decision.of(self.scheduler, observation, self.step)
            self.decisions.append(decision)
            tell(decision)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Say if the plan's end was not reached."""
        if self.step < self.scheduler.total_steps:
            log.info("the training ended at step %s of %s", self.step, self.scheduler.total_steps)

    def _states(self) -> dict[str, Any]:
        if self._backup is None or not self._backup.exists():
            return {}
        try:
            states = json.loads(self._backup.read_text())
        except ValueError as error:
            warnings.warn(f"{self._backup}: not a backup of lodecast: {error}", LodecastWarning, stacklevel=1)
            return {}
        return states if isinstance(states, dict) else {}

    def _restore(self) -> None:
        states = self._states()
        state = states.get(str(self.step))
        if state is not None:
            self.scheduler.load_state_dict(state)
            # The state was saved between the points of its step and the decision upon them.
            self._undecided = True
        elif states and self.step > 0:
            known = ", ".join(states)
            warnings.warn(
                f"{self._backup} has the state at step {known}, training goes on at {self.step}: the scheduler goes on "
                "without what was observed before",
                LodecastWarning,
                stacklevel=1,
            )

    def _save(self) -> None:
        if self._backup is None:
            return
        states = {step: state for step, state in self._states().items() if int(step) < self.step}
        states = dict(list(states.items())[1 - _KEPT :])
        states[str(self.step)] = self.scheduler.state_dict()
        self._backup.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._backup.with_name(self._backup.name + ".unfinished")
        unfinished.write_text(json.dumps(states))
        os.replace(unfinished, self._backup)


class RecordCallback(_Steps):
    """Write the run into a sweep file.

    Args:
        recorder: What :func:`lodecast.record` returns.
        monitor: Name of the metric in Keras' logs, such as ``val_accuracy``.
        every_n_batches: Batches from one train-loss point to the next; by default one an epoch.

    """

    def __init__(self, recorder: Recorder, monitor: str | None = None, *, every_n_batches: int | None = None) -> None:
        super().__init__(monitor, every_n_batches)
        self._recorder = recorder

    def _metric(self) -> str:
        return self._recorder.metrics[0]

    def _take_in(self, train_loss: float | None, validation: float | None) -> None:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self._recorder.log(self.step, train_loss=train_loss, learning_rate=self._learning_rate(), validation=validation)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Complete the file."""
        self._recorder.close()
