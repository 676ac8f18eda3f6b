"""optax under the scheduler, host-driven and as a stateful schedule: resumed, it is the run that was not stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optax")

import jax
import jax.numpy as jnp
import numpy as np
import optax
import toy

import lodecast
from lodecast.optax import LodeSchedule, host_driven, learning_rate, scheduled, set_learning_rate

STEPS = 60


def loss(parameters: Any, inputs: Any, targets: Any) -> Any:
    hidden = jnp.tanh(inputs @ parameters["in"] + parameters["bias"])
    return jnp.mean((hidden @ parameters["out"] - targets) ** 2)


def start() -> dict[str, Any]:
    key = jax.random.key(0)
    first, second = jax.random.split(key)
    return {
        "in": jax.random.normal(first, (1, 16)),
        "bias": jnp.zeros(16),
        "out": jax.random.normal(second, (16, 1)) / 4,
    }


class Training:
    """A training, and the rates in its optimizer's state after each step, in bits."""

    def __init__(self, model: Path, way: str) -> None:
        self.scheduler = lodecast.Scheduler(model, total_steps=STEPS)
        self.way = way
        if way == "host-driven":
            inner = host_driven(optax.sgd, self.scheduler, momentum=0.9)
        else:
            inner = optax.inject_hyperparams(optax.sgd)(learning_rate=LodeSchedule(self.scheduler), momentum=0.9)
        # As in life, the rate is deep inside.
        self.optimizer = optax.chain(optax.clip_by_global_norm(10.0), inner)
        self.parameters: Any = start()
        self.state = self.optimizer.init(self.parameters)
        self.rates: list[str] = []
        self.step = 0
        inputs, targets, *_ = map(jnp.asarray, toy.data())

        def update(parameters: Any, state: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, inputs, targets)
            updates, state = self.optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state, value

        self.update = update if way == "eager" else jax.jit(update)

    def run(self, until: int) -> None:
        while self.step < until:
            if self.way == "host-driven":
                self.state = set_learning_rate(self.state, self.scheduler.learning_rate(self.step))
            expected = np.float32(self.scheduler.learning_rate(self.step))
            self.parameters, self.state, value = self.update(self.parameters, self.state)
            self.step += 1
            rate = np.float32(learning_rate(self.state))
            assert rate == expected
            self.rates.append(float(rate).hex())
            self.scheduler.observe(self.step, train_loss=float(value), validation=float(value))


@pytest.mark.parametrize("way", ["host-driven", "stateful", "eager"])
def test_a_resumed_run_is_the_one_that_was_not_stopped(model: Path, way: str) -> None:
    whole = Training(model, way)
    whole.run(STEPS)
    assert len(set(whole.rates)) > 10

    part = Training(model, way)
    part.run(25)
    saved = json.dumps(part.scheduler.state_dict())
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves((part.parameters, part.state))]

    rest = Training(model, way)
    structure = jax.tree.structure((rest.parameters, rest.state))
    rest.parameters, rest.state = jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in leaves])
    rest.scheduler.load_state_dict(json.loads(saved))
    rest.step = 25
    rest.run(STEPS)
    assert part.rates + rest.rates == whole.rates
    for ours, theirs in zip(jax.tree.leaves(rest.parameters), jax.tree.leaves(whole.parameters), strict=True):
        assert np.array_equal(ours, theirs)


def test_it_is_what_optax_calls_a_stateful_schedule(model: Path) -> None:
    schedule = LodeSchedule(lodecast.Scheduler(model, total_steps=STEPS))
    assert isinstance(schedule, optax.schedules.StatefulSchedule)
    state = schedule.init()
    assert float(schedule(state)) == np.float32(schedule.scheduler.learning_rate(0))
    assert float(schedule(schedule.update(state))) == np.float32(schedule.scheduler.learning_rate(1))


def test_setting_leaves_the_given_state_and_its_type_alone(model: Path) -> None:
    scheduler = lodecast.Scheduler(model, total_steps=STEPS)
    state = host_driven(optax.adamw, scheduler, weight_decay=1e-4).init(start())
    other = set_learning_rate(state, 0.25)
    assert float(state.hyperparams["learning_rate"]) == np.float32(scheduler.learning_rate(0))
    assert float(other.hyperparams["learning_rate"]) == 0.25
    assert other.hyperparams["learning_rate"].dtype == state.hyperparams["learning_rate"].dtype
    with pytest.raises(KeyError, match="host_driven"):
        set_learning_rate(optax.sgd(0.1).init(start()), 0.1)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_updates_as_optax_does(model: Path, kind: str) -> None:
    scheduler = lodecast.Scheduler(model, total_steps=STEPS)
    parameters = jnp.ones(4, kind)
    gradients = jnp.full(4, 0.1, kind)
    rate = scheduler.learning_rate(0)
    plain = optax.adamw(rate)
    expected, _ = plain.update(gradients, plain.init(parameters), parameters)
    assert np.isfinite(np.asarray(expected, np.float32)).all()
    for make in (host_driven, scheduled):
        optimizer = make(optax.adamw, scheduler)
        state = optimizer.init(parameters)
        if make is host_driven:
            # Coarse types cannot say so small a change.
            state = set_learning_rate(state, 1.001 * rate)
            assert learning_rate(state) == np.float32(1.001 * rate)
            state = set_learning_rate(state, rate)
        updates, _ = optimizer.update(gradients, state, parameters)
        assert np.allclose(np.asarray(updates, np.float32), np.asarray(expected, np.float32), rtol=1e-2)
    by_hand = optax.inject_hyperparams(optax.adamw)(learning_rate=rate).init(parameters)
    with pytest.raises(ValueError, match="too coarse for a schedule: make the optimizer with"):
        set_learning_rate(by_hand, 0.1)


def test_a_mask_is_a_mask_and_nothing_is_compiled_again(model: Path) -> None:
    scheduler = lodecast.Scheduler(model, total_steps=STEPS, replan_every=0.1)
    optimizer = host_driven(optax.adamw, scheduler, weight_decay=0.5, mask=lambda tree: {name: name != "bias" for name in tree})
    parameters = start()
    state = optimizer.init(parameters)
    traced = 0

    @jax.jit
    def step(parameters: Any, state: Any) -> Any:
        nonlocal traced
        traced += 1
        zero = jax.tree.map(jnp.zeros_like, parameters)
        updates, state = optimizer.update(zero, state, parameters)
        return optax.apply_updates(parameters, updates), state

    given = {**parameters, "bias": jnp.ones(16)}
    for k in range(30):
        state = set_learning_rate(state, scheduler.learning_rate(k))
        given, state = step(given, state)
        scheduler.observe(k + 1, train_loss=1.0 / (k + 1), validation=1.0 / (k + 1))
    assert scheduler.replans > 3
    assert traced == 1
    assert np.array_equal(given["bias"], np.ones(16)), "without gradients only decay changes anything"
    assert not np.array_equal(given["in"], parameters["in"])


def test_every_part_of_an_optimizer_of_several_gets_the_rate(model: Path) -> None:
    scheduler = lodecast.Scheduler(model, total_steps=STEPS)
    parts = {"a": host_driven(optax.sgd, scheduler), "b": host_driven(optax.adam, scheduler)}
    optimizer = optax.multi_transform(parts, {"in": "a", "bias": "b", "out": "b"})
    state = set_learning_rate(optimizer.init(start()), 0.25)
    assert learning_rate(state) == 0.25
    gradients = jax.tree.map(jnp.ones_like, start())
    updates, _ = optimizer.update(gradients, state, start())
    assert np.allclose(updates["in"], -0.25)
    assert np.allclose(updates["out"], -0.25, rtol=1e-4)


def test_a_model_in_place_of_a_scheduler_gets_advice(model: Path) -> None:
    for make in (host_driven, scheduled, lambda _, given: LodeSchedule(given)):
        with pytest.raises(lodecast.ArgumentError, match=r"a lodecast\.Scheduler is needed, not str: lodecast\.Scheduler\("):
            make(optax.adamw, "model.lode")
    with pytest.raises(lodecast.ArgumentError, match=r"as optax\.adamw, not Scheduler"):
        host_driven(lodecast.Scheduler(model, STEPS), lodecast.Scheduler(model, STEPS))
    for make in (host_driven, scheduled):
        with pytest.raises(lodecast.SettingError, match="leave learning_rate out of the optimizer's arguments"):
            make(optax.adamw, lodecast.Scheduler(model, STEPS), learning_rate=0.1)


@pytest.mark.parametrize("make", [host_driven, scheduled])
def test_accumulated_batches_are_one_step(model: Path, make: Any) -> None:
    scheduler = lodecast.Scheduler(model, total_steps=20)
    optimizer = optax.MultiSteps(make(optax.sgd, scheduler), every_k_schedule=4)
    parameters = jnp.zeros(1)
    state, update, applied = optimizer.init(parameters), jax.jit(optimizer.update), []
    for batch in range(80):
        if make is host_driven:
            state = set_learning_rate(state, scheduler.learning_rate(batch // 4))
        updates, state = update(jnp.ones(1), state, parameters)
        applied.append(-float(updates[0]))
    assert applied[3::4] == pytest.approx([scheduler.learning_rate(step) for step in range(20)])
    assert not any(rate for batch, rate in enumerate(applied) if batch % 4 != 3)
