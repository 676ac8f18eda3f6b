"""lodecast with optax, in two ways.

Host-driven, the rate is a number in the optimizer's state that is set before each step::

    optimizer = lodecast.optax.host_driven(optax.adamw, scheduler, weight_decay=1e-4)
    state = optimizer.init(params)
    for step in range(scheduler.total_steps):
        state = lodecast.optax.set_learning_rate(state, scheduler.learning_rate(step))
        params, state, loss = train_step(params, state, batch)
        if (step + 1) % 50 == 0:
            scheduler.observe(step + 1, train_loss=float(loss))

As a stateful schedule, the compiled step asks the host for it: :class:`LodeSchedule`. Either way :func:`learning_rate`
reads the rate in force from the optimizer's state, and a checkpoint holds that state and ``scheduler.state_dict()``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental import io_callback

if TYPE_CHECKING:
    from lodecast import Scheduler

__all__ = ["LodeSchedule", "LodeScheduleState", "host_driven", "learning_rate", "set_learning_rate"]


def host_driven(inner_factory: Callable[..., Any], scheduler: Scheduler, **arguments: Any) -> Any:
    """Make an optimizer whose learning rate is a number in its state, at first the scheduler's first.

    It is ``optax.inject_hyperparams`` of the optimizer.

    Args:
        inner_factory: Makes the optimizer, as ``optax.adamw``; it has to take a ``learning_rate``.
        scheduler: The scheduler.
        arguments: Passed on to ``inner_factory``.

    """
    return optax.inject_hyperparams(inner_factory)(learning_rate=scheduler.learning_rate(0), **arguments)


def learning_rate(state: Any) -> float:
    """Read the learning rate in an optimizer's state: the one of the last update, or of the next where it was just set.

    Raises:
        KeyError: If the state holds none.

    """
    return float(_present(state))


def set_learning_rate(state: Any, learning_rate: float) -> Any:
    """Return the optimizer state with another learning rate; the given one is left as it is.

    Raises:
        KeyError: If the state holds no learning rate.

    """
    rate = jnp.asarray(learning_rate, dtype=jnp.asarray(_present(state)).dtype)
    return optax.tree_utils.tree_set(state, _is_value, learning_rate=rate)


def _present(state: Any) -> Any:
    present = optax.tree_utils.tree_get(state, "learning_rate", filtering=_is_value)
    if present is None:
        raise KeyError("this optimizer state holds no learning rate: make the optimizer with lodecast.optax.host_driven")
    return present


def _is_value(path: Any, value: Any) -> bool:
    # A stateful schedule keeps its own state under the same name.
    return not isinstance(value, tuple)


class LodeScheduleState(NamedTuple):
    """State of a :class:`LodeSchedule`: the steps taken."""

    count: Any


class LodeSchedule:
    """An ``optax`` stateful schedule: ``optax.inject_hyperparams(optax.adamw)(learning_rate=LodeSchedule(scheduler))``.

    Also works in compiled steps: each run of one asks the host for the rate. Call ``scheduler.observe`` with values of
    the latest step that was started; JAX works ahead, and a point of an older one could find younger steps half-way.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

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
