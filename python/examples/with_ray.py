"""A Ray Tune search whose hopeless trials are stopped by their forecast."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ray
import toy
from ray import tune

from lodecast import Schedule
from lodecast.ray import ForecastScheduler


def training(configuration: dict[str, Any]) -> None:
    """Report the metric points of a training."""
    for point in toy.train(Schedule.cosine(configuration["rate"]), seed=0):
        tune.report({**point, "val_loss": point["validation"]})


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    scheduler = ForecastScheduler(
        toy.model(folder / "toy.lode"),
        total_steps=toy.STEPS,
        schedule=lambda configuration: Schedule.cosine(configuration["rate"]),
        time_attr="step",
    )
    # The workers do not have this folder on their path.
    ray.cloudpickle.register_pickle_by_value(toy)
    ray.init(num_cpus=2, include_dashboard=False)
    results = tune.Tuner(
        training,
        param_space={"rate": tune.grid_search([0.1, 0.001, 0.03, 0.002, 0.3, 0.005])},
        tune_config=tune.TuneConfig(metric="val_loss", mode="min", scheduler=scheduler, max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    ).fit()
    for result in results:
        print(f"rate {result.config['rate']}: {result.metrics['step']} steps, val_loss {result.metrics['val_loss']:.4f}")
    print(scheduler.debug_string())
    ray.shutdown()


if __name__ == "__main__":
    main()
