"""MNIST-1D in runs of 5, 10 and 20 epochs: what a law learns from few of them, and what it thinks of a late decay.

    python studies/lengths.py train --out lengths     # 60 runs and 36 more with each of SGD and AdamW: minutes
    lodecast evaluate --searches lengths/searches --sizes 3,6,12,24,48 --draws 5 --cut 0.1
    python studies/lengths.py anneal --out lengths    # the decays, forecast and measured

`train` needs `lodecast` with its lab on the path (or `--lodecast PATH`). Half of the 60 runs are of a family, half of random
warm-ups, peaks, decays and ends; a third of each length. The 36 others are three peaks with decays from a hundredth of the run
to most of it, under two seeds; nothing is learned from them.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
from pathlib import Path

import lodecast

EPOCHS = (5, 10, 20)
#: Lowest and highest peak of each optimizer, and the peaks of the decays.
PEAKS = {"sgd": (0.01, 0.64), "adamw": (0.0003, 0.03)}
DECAYING = {"sgd": (0.04, 0.08, 0.16), "adamw": (0.002, 0.005, 0.01)}
DECAYS = (0.01, 0.03, 0.1, 0.2, 0.4, 0.85)
STEPS = 800

Knots = list[tuple[float, float]]


def piecewise(knots: Knots) -> dict[str, object]:
    """Give a schedule as `lodecast lab sweep --schedules` reads it."""
    named = [{"progress": progress, "learning_rate": rate} for progress, rate in knots]
    return {"kind": "piecewise-linear", "knots": named}


def log_uniform(draw: random.Random, low: float, high: float) -> float:
    """Draw a number whose logarithm is even between those of two others."""
    return math.exp(draw.uniform(math.log(low), math.log(high)))


def at_random(draw: random.Random, peaks: tuple[float, float]) -> dict[str, object]:
    """Draw warm-up (none in a quarter), peak, hold and end (the peak itself in a fifth)."""
    peak = log_uniform(draw, *peaks)
    warmup = 0.0 if draw.random() < 0.25 else draw.uniform(0.005, 0.4)
    hold = draw.uniform(warmup, 1.0)
    end = peak * (log_uniform(draw, 1e-3, 1.0) if draw.random() < 0.8 else 1.0)
    knots: Knots = [(0.0, 0.02 * peak), (warmup, peak)] if warmup else [(0.0, peak)]
    if warmup + 1e-3 < hold < 0.995:
        knots.append((hold, peak))
    return piecewise([*knots, (1.0, end)])


def of_a_family(draw: random.Random, number: int, peaks: tuple[float, float]) -> dict[str, object]:
    """Give the families in turn, at random peaks."""
    family = ("constant", "cosine", "one-cycle", "staircase")[number % 4]
    return lodecast.Schedule.parametric(family, log_uniform(draw, *peaks)).to_dict()


def decaying(peak: float, decay: float) -> dict[str, object]:
    """Give a warm-up, a hold, and a decay over the last part of the run."""
    return piecewise([(0.0, 0.02 * peak), (0.1, peak), (1.0 - decay, peak), (1.0, 1e-3 * peak)])


def train(command: str, out: Path) -> None:
    """Train all runs, and join those that are learned from."""
    for seed, (optimizer, peaks) in enumerate(PEAKS.items()):
        draw = random.Random(seed)

        def sweep(name: str, schedules: list[dict[str, object]], *options: str, of: str = optimizer) -> Path:
            listed, runs = out / f"{of}-{name}.json", out / f"{of}-{name}.parquet"
            listed.write_text(json.dumps(schedules))
            arguments = ["lab", "sweep", "--optimizer", of, "--schedules", listed, "--out", runs, "--force", *options]
            subprocess.run([command, *map(str, arguments)], check=True)
            return runs

        parts: list[lodecast.Sweep] = []
        for epochs in EPOCHS:
            schedules = [of_a_family(draw, number, peaks) for number in range(10)]
            schedules += [at_random(draw, peaks) for _ in range(10)]
            runs = lodecast.Sweep.read(sweep(str(epochs), schedules, "--epochs", str(epochs), "--seeds", "1"))
            parts.append(runs)
        sweep("decays", [decaying(peak, decay) for peak in DECAYING[optimizer] for decay in DECAYS], "--seeds", "2")
        (out / "searches").mkdir(exist_ok=True)
        lodecast.Sweep([run for part in parts for run in part]).write(out / "searches" / f"{optimizer}.parquet")


def anneal(out: Path, draws: int) -> None:
    """Print what a law of 24 runs thinks of each decay, mean over draws, beside what was measured."""
    print("| optimizer, peak | " + " | ".join(f"{decay:.0%}" for decay in DECAYS) + " |")
    for optimizer, peaks in DECAYING.items():
        pool = lodecast.Sweep.read(out / "searches" / f"{optimizer}.parquet")
        measured = lodecast.Sweep.read(out / f"{optimizer}-decays.parquet")
        schedules = [lodecast.Schedule.from_dict(decaying(peak, decay)) for peak in peaks for decay in DECAYS]
        forecasts: list[list[float]] = [[] for _ in schedules]
        for seed in range(draws):
            runs = random.Random(seed).sample(list(pool), 24)
            law = lodecast.fit(lodecast.Sweep(runs), "law", progress=False)
            for own, forecast in zip(forecasts, law.final_values(schedules, total_steps=STEPS), strict=True):
                own.append(forecast.median)
        # Two seeds of each, the seeds of a schedule beside each other.
        finals = [run.final_validation(measured.metrics[0].rpartition(":")[0]) for run in measured]
        pairs = [statistics.mean(finals[2 * number : 2 * number + 2]) for number in range(len(schedules))]
        cells = [
            f"{100 * statistics.mean(f):.1f} / {100 * m:.1f}" for f, m in zip(forecasts, pairs, strict=True)
        ]
        for number, peak in enumerate(peaks):
            row = cells[number * len(DECAYS) : (number + 1) * len(DECAYS)]
            print(f"| {optimizer}, {peak} | " + " | ".join(row) + " |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["train", "anneal"])
    parser.add_argument("--out", type=Path, default=Path("lengths"))
    parser.add_argument("--lodecast", default="lodecast", metavar="PATH")
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    if options.part == "train":
        train(options.lodecast, options.out)
    else:
        anneal(options.out, options.draws)


if __name__ == "__main__":
    main()
