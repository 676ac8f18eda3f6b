"""A compiled JAX training under lodecast: the rate is a number in optax's state, set before each step."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
import toy

import lodecast
from lodecast.optax import host_driven, learning_rate, set_learning_rate


def loss(parameters: Any, inputs: Any, targets: Any) -> Any:
    """Return the mean square error."""
    hidden = jnp.tanh(inputs @ parameters["in"] + parameters["bias"])
    return jnp.mean((hidden @ parameters["out"] - targets) ** 2)


def main() -> None:
    inputs, targets, *validation = map(jnp.asarray, toy.data())
    scheduler = lodecast.Scheduler(toy.model(Path(tempfile.mkdtemp()) / "toy.lode"), total_steps=toy.STEPS)
    optimizer = host_driven(optax.sgd, scheduler, momentum=0.9)
    key, first, second = jax.random.split(jax.random.key(0), 3)
    parameters: Any = {
        "in": jax.random.normal(first, (1, 16)),
        "bias": jnp.zeros(16),
        "out": 0.25 * jax.random.normal(second, (16, 1)),
    }
    state = optimizer.init(parameters)

    @jax.jit
    def train_step(parameters: Any, state: Any, rows: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, inputs[rows], targets[rows])
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    losses = []
    for step in range(toy.STEPS):
        key, drawn = jax.random.split(key)
        state = set_learning_rate(state, scheduler.learning_rate(step))
        parameters, state, value = train_step(parameters, state, jax.random.randint(drawn, (16,), 0, len(inputs)))
        losses.append(value)
        if (step + 1) % 5 == 0:
            metric = float(loss(parameters, *validation))
            scheduler.observe(step + 1, train_loss=float(jnp.mean(jnp.stack(losses))), validation=metric)
            losses.clear()
        if (step + 1) % 40 == 0:
            print(f"step {step + 1}: rate {learning_rate(state):.4f}, val_loss {metric:.4f}")
    print(scheduler.explain())


if __name__ == "__main__":
    main()
