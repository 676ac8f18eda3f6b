"""One fit step of the path-minimised latent ODE in JAX, diffrax and equinox, timed.

The same work as `crates/lodecast/examples/fit_step.rs`: batch 64, hidden = latent = width = 20, two hidden layers, Tsit5
with rtol = atol = 1e-5, whole runs, loss and gradient of every parameter, one Adam step. It is written the fast way: one
ODE solve for both loss terms, and a `scan` over the encoder (the authors' code solves twice and unrolls).

    python jax_fit_step.py POINTS [f32|f64]
"""

import json
import resource
import sys
import time

import jax

points = int(sys.argv[1]) if len(sys.argv) > 1 else 100
precision = sys.argv[2] if len(sys.argv) > 2 else "f32"
jax.config.update("jax_enable_x64", precision == "f64")

import diffrax  # noqa: E402
import equinox as eqx  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

BATCH, SIZE, COLUMNS, ALPHA = 64, 20, 3, 0.01


class LatentOde(eqx.Module):
    cell: eqx.nn.GRUCell
    to_latent: eqx.nn.Linear
    to_state: eqx.nn.MLP
    field: eqx.nn.MLP
    scale: jax.Array
    decoder: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key, 5)
        self.cell = eqx.nn.GRUCell(1 + COLUMNS, SIZE, key=keys[0])
        self.to_latent = eqx.nn.Linear(SIZE, SIZE, key=keys[1])
        self.to_state = eqx.nn.MLP(SIZE, SIZE, SIZE, 2, key=keys[2])
        self.field = eqx.nn.MLP(
            SIZE, SIZE, SIZE, 2, activation=jax.nn.softplus, final_activation=jnp.tanh, key=keys[3]
        )
        self.scale = jnp.ones(())
        self.decoder = eqx.nn.Linear(SIZE, COLUMNS, key=keys[4])

    def encode(self, times, columns):
        inputs = jnp.concatenate([times[:, None], columns], axis=1)
        state, _ = jax.lax.scan(lambda h, x: (self.cell(x, h), None), jnp.zeros(SIZE), inputs, reverse=True)
        return self.to_latent(state)

    def loss(self, times, columns, latent, spread):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, h, args: self.scale * self.field(h)),
            diffrax.Tsit5(),
            times[0],
            times[-1],
            dt0=0.2,
            y0=self.to_state(latent),
            stepsize_controller=diffrax.PIDController(rtol=1e-5, atol=1e-5),
            saveat=diffrax.SaveAt(ts=times),
        )
        decoded = jax.vmap(self.decoder)(solution.ys)
        path = jax.vmap(self.to_latent)(solution.ys)
        steps = jnp.diff(path, axis=0)
        length = jnp.sum(jnp.sqrt(jnp.sum(steps**2 / spread, axis=1) + 1e-12)) / jnp.linalg.norm(spread)
        return 0.5 * jnp.sum((columns - decoded) ** 2) + ALPHA * length


def batch_loss(model, times, columns):
    latents = jax.vmap(model.encode)(times, columns)
    spread = jax.lax.stop_gradient(jnp.std(latents, axis=0))
    return jnp.mean(jax.vmap(model.loss, in_axes=(0, 0, 0, None))(times, columns, latents, spread))


optimizer = optax.adam(1e-3)


@eqx.filter_jit
def step(model, state, times, columns):
    loss, gradient = eqx.filter_value_and_grad(batch_loss)(model, times, columns)
    updates, state = optimizer.update(gradient, state)
    return eqx.apply_updates(model, updates), state, loss


model = LatentOde(jax.random.PRNGKey(0))
state = optimizer.init(eqx.filter(model, eqx.is_array))
times = jnp.tile(jnp.linspace(0.0, 10.0, points), (BATCH, 1))
columns = jax.random.normal(jax.random.PRNGKey(1), (BATCH, points, COLUMNS))

started = time.perf_counter()
model, state, loss = jax.block_until_ready(step(model, state, times, columns))
compiling = time.perf_counter() - started
seconds = []
for _ in range(20):
    started = time.perf_counter()
    model, state, loss = jax.block_until_ready(step(model, state, times, columns))
    seconds.append(time.perf_counter() - started)
seconds.sort()
print(
    json.dumps(
        {
            "what": f"JAX {jax.__version__} fit step ({precision})",
            "points": points,
            "milliseconds": round(1e3 * seconds[len(seconds) // 2], 3),
            "best": round(1e3 * seconds[0], 3),
            "compile_seconds": round(compiling, 1),
            "resident_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )
)
