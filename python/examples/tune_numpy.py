"""A schedule for a small network from eight trainings, with the study in a file: killed at any moment, it goes on."""

from __future__ import annotations

import tempfile
from pathlib import Path

import toy

import lodecast


def final_loss(schedule: lodecast.Schedule, seed: int) -> float:
    """Train, and give the last validation loss."""
    return list(toy.train(schedule, seed))[-1]["validation"]


def main() -> None:
    study = Path(tempfile.mkdtemp()) / "study.json"
    tuner = lodecast.Tuner(path=study, metric="val_loss:min", total_steps=toy.STEPS, learning_rate=0.03, budget=8 * toy.STEPS)
    # With a name it is given back the trial that it was at when it was killed.
    while trial := tuner.ask(worker="only"):
        tuner.tell(trial, toy.train(trial.schedule, trial.seed))
        print(f"{trial.name}: {tuner.trials[-1].last_value:.4g}, {trial.reason}")
    recommended = tuner.recommend()
    print(recommended)
    best = next(record.trial for record in tuner.trials if record.trial.name == recommended.best_run)
    seeds = range(100, 110)
    for name, schedule in (("recommended", recommended.schedule), ("best run", best.schedule)):
        mean = sum(final_loss(schedule, seed) for seed in seeds) / len(seeds)
        print(f"{name}: {mean:.4f} on {len(seeds)} fresh seeds")


if __name__ == "__main__":
    main()
