"""Learning-rate schedulers for torch: `LodeLR`, which learned from a sweep, and `FollowLR`, which is told its rates."""

from __future__ import annotations

import operator
import os
import warnings
import weakref
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import torch.compiler
from torch import Tensor
from torch.optim import Optimizer

from lodecast import _engine
from lodecast.errors import ArgumentError, LodecastWarning, SettingError, StateError
from lodecast.live import accumulation, agreement, decisions, sinks
from lodecast.live.decisions import Decision, log
from lodecast.live.experience import warn_of_the_unknown, warn_of_the_unmeasured
from lodecast.live.follow_torch import FollowLR
from lodecast.live.numbers import number, whole
from lodecast.live.sinks import Sinks
from lodecast.live.torch_groups import RatesInRatio, check_optimizer, reference_position
from lodecast.view import text

__all__ = ["FollowLR", "LodeLR"]

_VERSION = 1
#: A group with so many times the reference's rate is hardly meant to have it.
_FAR_APART = 10.0
#: A change of the rate by this factor from one step to the next, at the end of a warm-up, is hardly meant.
_JUMP = 10.0
#: Fraction of the run after which it is told that nothing was observed.
_UNOBSERVED = 0.25
#: Fraction of the run after which it is told that the metric was not.
_UNMEASURED = 0.5
#: Updates of the optimizer for a step, and beyond these, that are too many for one that is taken after each.
_UPDATES, _SPARE = 2, 8
#: A point that lies so far back, as a part of the run, was counted in something else.
_LAG = 0.25


class LodeLR(RatesInRatio):  # type: ignore[misc, unused-ignore]
    """Sets the learning rate of every parameter group as a lodecast model plans it.

    The model gives the rate of one group, the first unless `reference_group` names another; the others keep their ratio to
    it, which is that of the rates the optimizer was made with. Groups added later join with the ratio of the rate they came
    with to the reference's initial one.

    `step()` belongs after every `optimizer.step()`, `observe()` wherever something was measured. What was observed since the
    last `step()` is decided upon in the next one, so that loss and metric of a step may come one after the other, and in
    either order. Decisions go to the logger `lodecast`, to `sinks`, and into `decisions`; `explain()` puts them in words.

    With several processes (DDP, FSDP, ...) every one calls `observe`; they agree on the mean, and so on the rate. `group` is
    the process group that trains this model, by default all; `"alone"` if this process has a training of its own.

    `warmup_steps` raises the rate in a straight line to the planned one over so many steps; it is part of the state, and need
    not be given again to go on. Constructing it on an optimizer that was restored leaves the rate in force. `start`, `seed`,
    `replan_at`, `replan_every`, `range_factor` and `settings` are those of `lodecast.Scheduler`.

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
        settings: Mapping[str, Any] | None = None,
        warmup_steps: int | None = None,
        reference_group: int | None = None,
        group: Any = None,
        sinks: Iterable[sinks.Sink] = (),
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        _check_options(start, seed, replan_at)
        #: What was asked for, which a state must not contradict.
        self._given_warmup = None if warmup_steps is None else whole("warmup_steps", warmup_steps)
        self._options: dict[str, Any] = {
            "start": start,
            "seed": seed,
            "replan_at": replan_at,
            "replan_every": replan_every,
            "range_factor": range_factor,
            "settings": settings,
        }
        #: Counts the optimizers that were watched.
        self._watched = 0
        #: The last length that was looked at.
        self._spoken_of = 0
        #: What to do where nothing is observed; the callbacks of frameworks know better.
        self._advice = "Call observe(), or give the framework lodecast's callback"
        #: Batches of the data over which Accelerate goes, where it accumulates gradients.
        self._accumulated_data: int | None = None
        self.warmup_steps = self._given_warmup or 0
        self.reference_group = None if reference_group is None else reference_position(optimizer, reference_group)
        self.sinks = Sinks(sinks)
        self._processes = group
        self._begin(optimizer, model, total_steps, last_epoch)

    def _begin(self, optimizer: Optimizer, model: Any, total_steps: int, last_epoch: int) -> None:
        self.scheduler = _engine.Scheduler(model, total_steps, **self._options)
        self._look_at_length()
        #: What was decided so far.
        self.decisions: list[Decision] = []
        self._undecided = False
        self._outcome: _engine.Observation | None = None
        self._unsound_at: int | None = None
        self._ignored = self._lagged = self._sparse = self._interfered = False
        self._watch(optimizer)
        self._ratios: list[float] = []
        groups = optimizer.param_groups
        # A group that knows its initial rate has been scheduled before: if not in this process, it was restored.
        scheduled = any("initial_lr" in group for group in groups)
        here = hasattr(optimizer.step, "_wrapped_by_lr_sched")
        self._leave_rates = scheduled and (last_epoch >= 0 or not here)
        self._beginning = True
        super().__init__(optimizer, last_epoch)
        self._beginning = False
        self._leave_rates = False
        if self._speaks and self.total_steps != self._spoken_of:
            self._spoken_of = self.total_steps
            warn_of_the_unknown(self.scheduler)
        plan = self.scheduler.last_plan
        if plan is not None and self._speaks:
            log.info("%s steps planned: %s", self.total_steps, plan)

    @property
    def _speaks(self) -> bool:
        """Whether this process tells what all that train together have in common."""
        return agreement.is_first(self._processes)

    def restart(self, optimizer: Optimizer | None = None, total_steps: int | None = None) -> None:
        """Begin anew, with nothing observed: for another training with the same model, of as many steps unless said."""
        self._begin(
            self.optimizer if optimizer is None else optimizer,
            self.scheduler.model,
            self.total_steps if total_steps is None else total_steps,
            -1,
        )

    # torch counts the calls of step() to warn of their order, and Accelerate adds those of accumulated batches to it and
    # then stops a scheduler that has a length of its own: what counts here are the steps.
    @property
    def _step_count(self) -> int:
        return int(self.last_epoch) + 1

    @_step_count.setter
    def _step_count(self, count: int) -> None:
        pass

    def step(self, epoch: int | None = None) -> None:
        """Go on by a step: decide upon what was observed, and set the rate."""
        if self._undecided:
            self._decide()
        counted = self.last_epoch - self._counted_from
        # As in check_updates, whose call would be a part of what a step takes.
        if self._updates > _UPDATES * counted + _SPARE:
            self.check_updates()
        if counted == 0:
            # Here it is in the midst of its data, whose length is no longer to be had after the epoch.
            self._accumulated_data = accumulation.batches_accumulated() or self._accumulated_data
        if epoch is not None:
            super().step(_epoch(epoch))
        elif self.last_epoch < 1:
            # torch looks at the order of the first calls.
            super().step()
        else:
            in_force = self.optimizer.param_groups[0]["lr"]
            # A rate that is a tensor may be on a device, which would be waited for.
            if in_force.__class__ is float and not self._beginning and in_force != self._last_lr[0]:
                self._look_at_others(in_force)
            self.last_epoch += 1
            self._set(self.get_lr())
        if self.last_epoch in self._told_at:
            self._look_at_progress()

    def _watch(self, optimizer: Optimizer) -> None:
        """Count the optimizer's updates from here on."""
        self._updates, self._counted_from, self._watched = 0, 0, self._watched + 1
        scheduler, number = weakref.ref(self), self._watched

        def count(*_: Any) -> None:
            watching = scheduler()
            # A count in what is compiled would have it compiled again at each update.
            if watching is not None and watching._watched == number and not torch.compiler.is_compiling():
                watching._updates += 1

        watched: Any = optimizer
        # What is wrapped around an optimizer, as by Accelerate, may be one in name only; torch's own name tells.
        while not hasattr(watched, "_optimizer_step_post_hooks") and hasattr(watched, "optimizer"):
            watched = watched.optimizer
        if hasattr(watched, "_optimizer_step_post_hooks"):
            watched.register_step_post_hook(count)

    def check_updates(self) -> None:
        """Warn, once, of many updates of the optimizer for a `step()`: it is taken after every epoch, or never."""
        done = self.last_epoch - self._counted_from
        # Before, another scheduler has the rate.
        if self._updates > _UPDATES * done + _SPARE and self.last_epoch >= 0 and not self._sparse:
            self._sparse = True
            self._warn(
                "the optimizer has made %s updates, and LodeLR %s of its %s steps: call step() after every optimizer.step(), "
                "not after every epoch",
                self._updates,
                done,
                self.total_steps,
            )

    def _look_at_length(self) -> None:
        """Note the steps at which something may be told of how far the run is."""
        total = self.total_steps
        # What was measured after that step is known in the one after it.
        self._told_at = (total + 1, round(_UNOBSERVED * total) + 1, round(_UNMEASURED * total) + 1)

    def _warn(self, message: str, *values: Any) -> None:
        if self._speaks:
            log.warning(message, *values)

    def _look_at_progress(self) -> None:
        if not self._speaks:
            return
        if self.last_epoch > self.total_steps:
            log.warning("the training goes on beyond its planned %s steps: extend() plans a longer one", self.total_steps)
        elif self.last_epoch > round(_UNMEASURED * self.total_steps):
            warn_of_the_unmeasured(self.scheduler, self.last_epoch - 1)
        elif not self.scheduler.observed:
            log.warning(
                "nothing was observed in the first %s of %s steps: the schedule of the start stays. %s",
                self.last_epoch - 1,
                self.total_steps,
                self._advice,
            )

    def _decide(self) -> None:
        self._undecided = False
        observation = self.scheduler.decide()
        if observation.kind == "nothing":
            return
        self._outcome = observation
        decision = Decision.of(self.scheduler, observation, max(self.last_epoch, 0))
        self.decisions.append(decision)
        if self._speaks:
            decisions.tell(decision)
            sinks.show(decision, self.sinks)

    def get_lr(self) -> list[Any]:
        """Rates of the parameter groups at the current step."""
        groups = self.optimizer.param_groups
        if len(self._ratios) != len(groups):
            self._join_groups()
        if self._leave_rates:
            return [group["lr"] for group in groups]
        step = max(self.last_epoch, 0)
        rate = self._rate(step)
        if step == 0 and not self._beginning:
            self._updates = 0
            self._look_at_jump(rate)
        return [rate * ratio for ratio in self._ratios]

    def _rate(self, step: int) -> float:
        rate = self.scheduler.learning_rate(step)
        return rate * (step + 1) / self.warmup_steps if step < self.warmup_steps else rate

    def _look_at_jump(self, rate: float) -> None:
        """Warn if a warm-up by another scheduler ends far from the planned rate."""
        reached = float(self.optimizer.param_groups[self._reference]["lr"]) / self._ratios[self._reference]
        if reached > 0.0 and not 1.0 / _JUMP < rate / reached < _JUMP:
            warnings.warn(
                f"the scheduler before LodeLR ends at a rate of {reached:.3g}, and {rate:.3g} is planned from here on: make "
                f"the optimizer with lr={rate:.3g}, so that the warm-up leads there, or leave the warm-up to "
                "LodeLR(warmup_steps=...)",
                LodecastWarning,
                stacklevel=2,
            )

    def _look_at_others(self, in_force: float) -> None:
        """Warn, once, of a rate that another has set: of it nothing stays."""
        if not self._interfered:
            self._interfered = True
            self._warn(
                "the learning rate that LodeLR had set to %.3g was changed to %.3g, and is set anew at every step: let no "
                "other scheduler have it at the same time, as in a ChainedScheduler. LodeLR(warmup_steps=...) warms up",
                self._last_lr[0],
                in_force,
            )

    def observe(
        self,
        *,
        train_loss: float | Tensor | None = None,
        validation: float | Tensor | None = None,
        step: int | None = None,
    ) -> _engine.Observation:
        """Take in what was measured; the next `step()` plans if it is time to.

        `step` is by default the number of steps done. The same step again adds to what was measured there or corrects it. With
        several processes every one has to call it, with `None` for what it did not measure.

        Returns:
            What was decided since the last call: the schedule was `replanned` or `kept`, with the reason, or `nothing` was
            to be decided. Of a value that is not finite (`kept`) or comes too late (`ignored`) it says so.

        Raises:
            SettingError: If `step` has not been taken yet, as where batches, samples or tokens are counted.
            StateError: If the processes are at different steps, or some do not take part.

        """
        # Where step() is never called, nothing else would tell.
        self.check_updates()
        at = max(self.last_epoch, 0) if step is None else step
        if step is not None:
            self._look_at_count(step)
        loss, metric = number("train_loss", train_loss), number("validation", validation)
        if self._processes != "alone":
            loss, metric = agreement.agree(loss, metric, self._processes, at)
        if self.last_epoch < 0:
            # Another scheduler comes before this one, in a SequentialLR.
            reason = "the scheduler before this one has the rate; the run is observed from where it ends"
            ignored: _engine.Observation = _engine._restore("Observation", {"kind": "ignored", "reason": reason, "plan": None})
            return ignored
        observation = self.scheduler.note(at, train_loss=loss, validation=metric, learning_rate=self._rate_in_force(at))
        if observation.kind == "nothing":
            self._undecided = self._undecided or self._unsound_at != at
            if self._outcome is not None:
                observation, self._outcome = self._outcome, None
        elif observation.kind == "kept":
            self._undecided = False
            if self._unsound_at is None:
                self._warn("%s: nothing is planned from it, and the schedule in force stays", observation.reason)
            self._unsound_at = at
        elif observation.kind == "ignored" and not self._ignored:
            self._ignored = True
            self._warn("%s: it is ignored, as all that comes too late will be", observation.reason)
        return observation

    def _look_at_count(self, step: int) -> None:
        """Refuse a step that has not been taken, and warn of one that was long ago: something else is counted."""
        done = self.last_epoch
        if step > done + 1 and done >= 0:
            raise SettingError(
                f"step = {step}, and LodeLR has done {done} steps: count optimizer steps since it began, not batches, samples "
                "or tokens, or leave step out"
            )
        if done - step > _LAG * self.total_steps and not self._lagged:
            self._lagged = True
            self._warn(
                "observed at step %s while %s steps are done: count optimizer steps, not epochs, or leave step out", step, done
            )

    def _rate_in_force(self, step: int) -> float | None:
        """Give the rate that was really applied, where it is not the planned one."""
        if step < self.warmup_steps:
            return self._rate(step)
        reference = self._reference
        if step != self.last_epoch or len(self._ratios) <= reference:
            return None
        applied = float(self.optimizer.param_groups[reference]["lr"])
        return None if applied == float(self._last_lr[reference]) else applied / self._ratios[reference]

    @property
    def total_steps(self) -> int:
        """Planned length of the run in optimizer steps."""
        return self.scheduler.total_steps

    def extend(self, total_steps: int) -> None:
        """Make the run longer; the rest is planned anew with the next `step()`."""
        longer = total_steps > self.total_steps
        self.scheduler.extend(total_steps)
        self._look_at_length()
        self._undecided = self._undecided or longer

    @property
    def schedule(self) -> _engine.Schedule:
        """The schedule in force."""
        return self.scheduler.schedule

    @property
    def last_plan(self) -> _engine.Plan | None:
        """The last plan, whether it changed anything or not."""
        return self.scheduler.last_plan

    def explain(self) -> str:
        """Say what is in force, what was decided so far, and why."""
        return text.scheduler(self.scheduler, step=max(self.last_epoch, 0), decisions=self.decisions)

    def __repr__(self) -> str:
        step, total = max(self.last_epoch, 0), self.total_steps
        return f"<lodecast.torch.LodeLR: step {step} of {total}, rate {self._rate(step):.3e}, {self.scheduler.replans} plans>"

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in plain types that `torch.load(weights_only=True)` accepts."""
        last = [float(rate) for rate in self.get_last_lr()]
        return {
            "version": _VERSION,
            "last_epoch": self.last_epoch,
            "step_count": self._step_count,
            "base_lrs": [float(rate) for rate in self.base_lrs],
            "ratios": list(self._ratios),
            "warmup_steps": self.warmup_steps,
            "last_lr": last,
            # Not so while another scheduler, in a chain, has the rate.
            "in_force": self.last_epoch >= 0 and last == [float(group["lr"]) for group in self.optimizer.param_groups],
            "undecided": self._undecided,
            "decisions": [decision.to_dict() for decision in self.decisions],
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state, with the same model, and set the rate that was in force.

        A `LodeLR` that was made for more steps than the state's plans the longer run with the next `step()`.

        Raises:
            StateError: If it is the state of something else, of another model, of a longer run, or with another warm-up than
                was asked for.

        """
        if "version" not in state_dict:
            raise StateError(
                f"no state of LodeLR (version {_VERSION}), but of another scheduler, saved before lodecast had the rate. "
                "Restore the network and the optimizer only, and plan what is left of the training: LodeLR(optimizer, model, "
                "total_steps=the steps to come). Where a framework restores all, begin a training from the saved network"
            )
        if state_dict["version"] != _VERSION:
            raise StateError(
                f"no state of LodeLR version {_VERSION}: its version is {state_dict['version']}; go on with the release of "
                "lodecast that saved it"
            )
        # States of earlier releases do not say.
        warmup_steps = state_dict.get("warmup_steps", self.warmup_steps)
        if self._given_warmup is not None and self._given_warmup != warmup_steps:
            raise StateError(
                f"warmup_steps = {self._given_warmup}, and the state is of a run with {warmup_steps}: leave it out to go on as "
                "that run was begun"
            )
        state = state_dict["scheduler"]
        self.scheduler.load_state_dict(state)
        self.warmup_steps = warmup_steps
        self._look_at_length()
        self.last_epoch = state_dict["last_epoch"]
        self._updates, self._counted_from = 0, self.last_epoch
        self.base_lrs = list(state_dict["base_lrs"])
        self._ratios = list(state_dict["ratios"])
        self._last_lr = list(state_dict["last_lr"])
        self._undecided = state_dict.get("undecided", False) or self.total_steps > state["total_steps"]
        self._unsound_at = None
        self.decisions = [Decision(**decision) for decision in state_dict.get("decisions", ())]
        if state_dict.get("in_force", False) and len(self.optimizer.param_groups) == len(self._last_lr):
            self._set(self._last_lr)

    @property
    def _reference(self) -> int:
        return 0 if self.reference_group is None else self.reference_group

    def _join_groups(self) -> None:
        """Notes the ratios of groups that are new."""
        known = len(self._ratios)
        which = "first group" if self.reference_group is None else f"group {self.reference_group}"
        self._join(self._reference, which)
        if self.reference_group is None:
            self._look_at_ratios(known)

    def _look_at_ratios(self, known: int) -> None:
        """Tell of groups with a larger rate than the first, which gets the model's."""
        largest = max(range(known, len(self._ratios)), key=lambda index: self._ratios[index])
        ratio = self._ratios[largest]
        if ratio <= 1.0:
            return
        said = (
            f"the model's rate is that of the first parameter group, and group {largest} would get {ratio:.3g} times as much: "
            f"say which group the model's rate is for, with reference_group={largest} or reference_group=0"
        )
        if known == 0 and ratio >= _FAR_APART:
            raise SettingError(said)
        warnings.warn(said, LodecastWarning, stacklevel=2)


def _check_options(start: Any, seed: Any, replan_at: Any) -> None:
    """Refuse what the engine would refuse without advice."""
    if start is not None and not isinstance(start, _engine.Schedule):
        raise ArgumentError(f"start is {start!r}: give a schedule, as in start=lodecast.Schedule.cosine(0.1)")
    whole("seed", seed)
    if isinstance(replan_at, Real):
        raise ArgumentError(
            f"replan_at is {replan_at}: give the fractions of the run in a list, as in replan_at=[{replan_at}], or "
            f"replan_every={replan_at} to plan after each such part"
        )


def _epoch(epoch: Any) -> int:
    """Give the step to go to; what else is given was meant for another kind of scheduler."""
    try:
        return operator.index(epoch)
    except TypeError:
        pass
    if isinstance(epoch, float) and epoch.is_integer():
        return int(epoch)
    raise ArgumentError(
        f"step({epoch!r}): step() takes no metric, as that of ReduceLROnPlateau does; give it to observe(validation=...), and "
        "call step() without"
    )
