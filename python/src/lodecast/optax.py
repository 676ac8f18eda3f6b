"""lodecast with optax, in two ways.

Host-driven, the rate is a number in the optimizer's state that is set before each step::

    optimizer = lodecast.optax.host_driven(optax.adamw, scheduler, weight_decay=1e-4)
    state = optimizer.init(params)
    for step in range(scheduler.total_steps):
        state = lodecast.optax.set_learning_rate(state, scheduler.learning_rate(step))
        params, state, loss = train_step(params, state, batch)
        if (step + 1) % 50 == 0:
            scheduler.observe(step + 1, train_loss=float(loss))

As a stateful schedule, the compiled step asks the host for it: :func:`scheduled`. Either way :func:`learning_rate`
reads the rate in force from the optimizer's state, and a checkpoint holds that state and ``scheduler.state_dict()``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental import io_callback

from lodecast import _engine
from lodecast.errors import ArgumentError, MissingError, SettingError

if TYPE_CHECKING:
    from lodecast import Scheduler

__all__ = ["LodeSchedule", "LodeScheduleState", "host_driven", "learning_rate", "scheduled", "set_learning_rate"]


def host_driven(inner_factory: Callable[..., Any], scheduler: Scheduler, **arguments: Any) -> Any:
    """Make an optimizer whose learning rate is a number in its state, at first the scheduler's first.

    It is ``optax.inject_hyperparams`` of the optimizer, with a rate in single precision whatever the parameters are, and all
    other arguments (masks, momenta, ...) as they are.

    Args:
        inner_factory: Makes the optimizer, as ``optax.adamw``; it has to take a ``learning_rate``.
        scheduler: The scheduler.
        arguments: Passed on to ``inner_factory``.

    """
    return _injected(inner_factory, _checked(scheduler).learning_rate(0), arguments)


def scheduled(inner_factory: Callable[..., Any], scheduler: Scheduler, **arguments: Any) -> Any:
    """Make an optimizer whose compiled step asks the host for the rate: by a :class:`LodeSchedule`.

    Args:
        inner_factory: Makes the optimizer, as ``optax.adamw``; it has to take a ``learning_rate``.
        scheduler: The scheduler.
        arguments: Passed on to ``inner_factory``.

    """
    return _injected(inner_factory, LodeSchedule(scheduler), arguments)


def _checked(scheduler: Any) -> Any:
    if not isinstance(scheduler, _engine.Scheduler):
        kind = type(scheduler).__name__
        raise ArgumentError(f"a lodecast.Scheduler is needed, not {kind}: lodecast.Scheduler(model, total_steps=...)")
    return scheduler


def _injected(inner_factory: Callable[..., Any], rate: Any, arguments: dict[str, Any]) -> Any:
    if not callable(inner_factory):
        kind = type(inner_factory).__name__
        raise ArgumentError(f"what makes the optimizer is needed first, as optax.adamw, not {kind}")
    known = inspect.signature(inner_factory).parameters
    if "learning_rate" not in known:
        raise SettingError(f"{getattr(inner_factory, '__name__', inner_factory)} takes no learning_rate")
    if "learning_rate" in arguments:
        raise SettingError("the learning rate is the scheduler's: leave learning_rate out of the optimizer's arguments")
    # The others are constants. As numbers in the state they would have the precision of the parameters: in bfloat16, a decay of
    # 0.999 is 1.
    constant = [name for name in known if name != "learning_rate"]
    made = optax.inject_hyperparams(inner_factory, static_args=constant, hyperparam_dtype=jnp.float32)
    return made(learning_rate=rate, **arguments)


def learning_rate(state: Any) -> float:
    """Read the learning rate in an optimizer's state: the one of the last update, or of the next where it was just set.

    Raises:
        MissingError: If the state holds none.

    """
    return float(_present(state)[0])


def set_learning_rate(state: Any, learning_rate: float) -> Any:
    """Return the optimizer state with another learning rate; the given one is left as it is.

    Where the state is of several optimizers (``optax.multi_transform``), each gets the rate.

    Raises:
        MissingError: If the state holds no learning rate.
        SettingError: If it holds one of half precision, which cannot say it.

    """
    kinds = {jnp.asarray(value).dtype for value in _present(state)}
    if any(kind.itemsize < 4 for kind in kinds):
        raise SettingError(
            f"the learning rate in this state is of type {', '.join(map(str, kinds))}, too coarse for a schedule: make the "
            "optimizer with lodecast.optax.host_driven, or with optax.inject_hyperparams(..., hyperparam_dtype=jnp.float32)"
        )
    rate = jnp.asarray(learning_rate, dtype=kinds.pop())
    return optax.tree_utils.tree_set(state, _is_value, learning_rate=rate)


def _present(state: Any) -> list[Any]:
    found = optax.tree_utils.tree_get_all_with_path(state, "learning_rate", filtering=_is_value)
    if not found:
        raise MissingError("this optimizer state holds no learning rate: make the optimizer with lodecast.optax.host_driven")
    return [value for _, value in found]


def _is_value(path: Any, value: Any) -> bool:
    # A stateful schedule keeps its own state under the same name.
    return not isinstance(value, tuple)


class LodeScheduleState(NamedTuple):
    """State of a :class:`LodeSchedule`: the steps taken."""

    count: Any


class LodeSchedule:
    """An ``optax`` stateful schedule, as :func:`scheduled` uses it.

    With ``optax.inject_hyperparams`` by hand, say ``hyperparam_dtype=jnp.float32`` where parameters are of half precision.
    Also works in compiled steps: each run of one asks the host for the rate. Call ``scheduler.observe`` with values of
    the latest step that was started; JAX works ahead, and a point of an older one could find younger steps half-way.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler: Scheduler = _checked(scheduler)

    def init(self) -> LodeScheduleState:
        """Return the state before the first step."""
        return LodeScheduleState(count=jnp.zeros([], jnp.int32))

    def update(self, state: LodeScheduleState, **extra_args: Any) -> LodeScheduleState:
        """Return the state one step on."""
        return LodeScheduleState(count=state.count + 1)

    def __call__(self, state: LodeScheduleState, **extra_args: Any) -> Any:
        """Return the rate of the step to come."""
        if not isinstance(state.count, jax.core.Tracer):
            return jnp.asarray(self._rate(state.count))
        # A plain callback might be cached: the answer to one count changes when the rest of the run is replanned.
        shape = jax.ShapeDtypeStruct((), jnp.float32)  # type: ignore[no-untyped-call, unused-ignore]
        return io_callback(self._rate, shape, state.count)

    def _rate(self, count: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.asarray(self.scheduler.learning_rate(int(count)), dtype=np.float32)
