"""flax nnx under lodecast, with checkpoints by Orbax: the run is stopped half-way, and goes on from them.

    python flax_digits.py            # a minute on a CPU
    python flax_digits.py --short    # seconds

The rate is a number in the optimizer's state, set before each step; nothing is compiled again for it. The checkpoint has the
network, the optimizer and, as JSON, the scheduler.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from digits import digits
from flax import nnx

import lodecast
from lodecast.optax import host_driven

SHORT = "--short" in sys.argv
STEPS = 60 if SHORT else 600
EVERY = STEPS // 20
BATCH = 50
# One for all trainings, so that the step is compiled once: the rate it begins with is replaced before the first.
SGD = host_driven(optax.sgd, lodecast.Scheduler(lodecast.example_model(), STEPS), momentum=0.9)


class Network(nnx.Module):  # type: ignore[misc, unused-ignore]
    """Two layers."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden, self.out = nnx.Linear(64, 64, rngs=rngs), nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Give the logits."""
        return self.out(nnx.relu(self.hidden(x.reshape(len(x), -1))))


def cross_entropy(network: Network, inputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Give the loss."""
    return optax.softmax_cross_entropy_with_integer_labels(network(inputs), targets).mean()


@nnx.jit  # type: ignore[untyped-decorator, unused-ignore]
def train_step(network: Network, optimizer: nnx.Optimizer, inputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Do an update at the rate in the optimizer's state; return the loss."""
    loss, gradients = nnx.value_and_grad(cross_entropy)(network, inputs, targets)
    optimizer.update(network, gradients)
    return loss


def save(manager: ocp.CheckpointManager, step: int, network: Network, optimizer: Any, scheduler: lodecast.Scheduler) -> None:
    """Write a checkpoint."""
    both = nnx.state((network, optimizer))
    args = ocp.args.Composite(state=ocp.args.StandardSave(both), scheduler=ocp.args.JsonSave(scheduler.state_dict()))
    manager.save(step, args=args)
    manager.wait_until_finished()


def restore(manager: ocp.CheckpointManager, network: Network, optimizer: Any, scheduler: lodecast.Scheduler) -> int:
    """Take over the last checkpoint; return its step."""
    step = manager.latest_step()
    both = nnx.state((network, optimizer))
    args = ocp.args.Composite(state=ocp.args.StandardRestore(both), scheduler=ocp.args.JsonRestore())
    saved = manager.restore(step, args=args)
    nnx.update((network, optimizer), saved["state"])
    scheduler.load_state_dict(saved["scheduler"])
    return int(step)


def train(
    *,
    schedule: lodecast.Schedule | None = None,
    recorder: lodecast.Recorder | None = None,
    scheduler: lodecast.Scheduler | None = None,
    manager: ocp.CheckpointManager | None = None,
    until: int = STEPS,
) -> float:
    """Train under a schedule or a scheduler, from the last checkpoint if there is one; return the final metric."""
    inputs, targets, *validation = map(jnp.asarray, digits())
    network = Network(nnx.Rngs(0))
    optimizer = nnx.Optimizer(network, SGD, wrt=nnx.Param)
    step = 0
    if scheduler is not None and manager is not None and manager.latest_step() is not None:
        step = restore(manager, network, optimizer, scheduler)
    losses: list[jax.Array] = []
    metric = float("nan")
    while step < until:
        if schedule is not None:
            rate = schedule.at_step(step, STEPS)
        elif scheduler is not None:
            rate = scheduler.learning_rate(step)
        else:
            raise ValueError("train under a schedule or a scheduler")
        # What flax has wrapped around the number of optax's state.
        optimizer.opt_state.hyperparams["learning_rate"].value = jnp.float32(rate)
        rows = np.random.default_rng(step).choice(len(inputs), BATCH, replace=False)
        losses.append(train_step(network, optimizer, inputs[rows], targets[rows]))
        step += 1
        if step % EVERY == 0:
            point: dict[str, Any] = {
                "train_loss": float(jnp.stack(losses).mean()),
                "learning_rate": rate,
                "validation": float(cross_entropy(network, *validation)),
            }
            losses.clear()
            metric = point["validation"]
            if recorder is not None:
                recorder.log(step, **point)
            if scheduler is not None:
                scheduler.observe(step, **point)
    if scheduler is not None and manager is not None:
        save(manager, step, network, optimizer, scheduler)
    return metric


def main() -> None:
    """Sweep, fit, train, stop, go on."""
    folder = Path(tempfile.mkdtemp())
    finals = {}
    for family in ("cosine", "constant"):
        for peak in (0.003, 0.03, 0.3):
            about = {"schedule": family, "peak_lr": peak, "seed": 0, "total_steps": STEPS}
            with lodecast.record(folder / "runs", f"{family}-{peak}", metrics="val_loss:min", **about) as recorder:
                finals[f"{family} {peak}"] = train(schedule=lodecast.Schedule.parametric(family, peak), recorder=recorder)
    law = lodecast.fit(folder / "runs", "law", progress=False)
    manager = ocp.CheckpointManager(folder / "checkpoints")
    train(scheduler=lodecast.Scheduler(law, STEPS), manager=manager, until=STEPS // 2)
    # As in another process: a new network, a new optimizer and a new scheduler.
    scheduler = lodecast.Scheduler(law, STEPS)
    final = train(scheduler=scheduler, manager=manager)
    print(scheduler.explain())
    best = min(finals, key=finals.__getitem__)
    print(f"final val_loss {final:.3f}; best of the sweep, {best}: {finals[best]:.3f}")


if __name__ == "__main__":
    main()
