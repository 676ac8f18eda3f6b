"""An Optuna search whose hopeless trials are stopped by their forecast."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import optuna
import toy

from lodecast import Schedule
from lodecast.optuna import ForecastPruner, report


def schedule_of(trial: optuna.trial.FrozenTrial | optuna.trial.Trial) -> Schedule:
    """Make the learning-rate schedule of a trial."""
    return Schedule.parametric(trial.params["family"], trial.params["rate"])


def objective(trial: optuna.trial.Trial) -> float:
    """Train, and return the final validation loss."""
    trial.suggest_categorical("family", ["cosine", "constant"])
    trial.suggest_float("rate", 1e-3, 0.3, log=True)
    validation = math.nan
    for point in toy.train(schedule_of(trial), seed=trial.number):
        validation = point["validation"]
        report(trial, point["step"], validation, train_loss=point["train_loss"])
        if trial.should_prune():
            raise optuna.TrialPruned
    return validation


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    model = toy.model(Path(tempfile.mkdtemp()) / "toy.lode")
    pruner = ForecastPruner(model, total_steps=toy.STEPS, schedule=schedule_of, confidence=0.95)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=20)
    steps = sum(trial.last_step or 0 for trial in study.trials)
    pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
    print(f"{pruned} of 20 trials pruned, {steps} of {20 * toy.STEPS} steps trained")
    print(f"best: {study.best_params}, val_loss {study.best_value:.4f}")


if __name__ == "__main__":
    main()
