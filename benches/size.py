"""Time and memory of a fit, a plan and a file against runs, points a run and members: python benches/size.py LODECAST FOLDER.

Runs of a toy are made, the same for the same size, and fitted with LODECAST; what there is to say is printed as tables in Markdown.
Linux only: peak memory is that which the system saw.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

FAMILIES = {
    "constant": lambda x: 1.0,
    "cosine": lambda x: 0.5 * (1.0 + math.cos(math.pi * x)),
    "linear": lambda x: 1.0 - 0.95 * x,
    "late": lambda x: 1.0 if x < 0.7 else (1.0 - x) / 0.3,
}


def sweep(path: Path, runs: int, points: int) -> None:
    """Write runs of a toy: a loss that falls with what was trained, and noise that the rate at the end leaves."""
    chance = random.Random(f"{runs} {points}")
    total = 1000 * max(1, points // 1000)
    with path.open("w") as file:
        file.write("run_id,step,train_loss,learning_rate,val_loss:min,total_steps\n")
        for run in range(runs):
            family = list(FAMILIES.values())[run % len(FAMILIES)]
            peak = math.exp(chance.uniform(math.log(0.01), 0.0))
            trained = 0.0
            for point in range(1, points + 1):
                at = point / points
                rate = peak * family(at)
                trained += rate * total / points
                loss = 0.1 + 2.2 / (1.0 + trained) ** 0.5 + 0.3 * rate + 0.005 * chance.gauss(0.0, 1.0)
                file.write(f"{run},{round(at * total)},{loss + 0.05:.6g},{rate:.6g},{loss:.6g},{total}\n")


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a command: seconds of the clock, of processors, and megabytes at its peak."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def row(lodecast: str, folder: Path, kind: str, runs: int, points: int, *settings: str) -> str:
    """Fit and plan once; give the cells."""
    data, model = folder / f"{runs}-{points}.csv", folder / "model.lode"
    if not data.exists():
        sweep(data, runs, points)
    fit = measured([lodecast, "fit", str(data), "--kind", kind, "-o", str(model), "--force", *settings])
    plan = measured([lodecast, "plan", str(model), "--total-steps", "1000"])
    size = model.stat().st_size / 1e6
    return f"{fit[0]:.2f} s, {fit[1]:.2f} s, {fit[2]:.0f} MB | {plan[0]:.2f} s, {plan[2]:.0f} MB | {size:.2f} MB"


def main() -> None:
    """Print the tables."""
    lodecast, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    network = ("--iterations", "300")
    heads = "fit: clock, processors, memory | plan: clock, memory | file |\n|---|---|---|---|---|"
    print(f"| model | runs, 50 points each | {heads}---|")
    for runs in (10, 100, 1000, 10_000):
        print(f"| law | {runs:,} | {row(lodecast, folder, 'law', runs, 50)} |", flush=True)
        print(f"| controlled | {runs:,} | {row(lodecast, folder, 'controlled', runs, 50, *network)} |", flush=True)
    print(f"\n| model | points a run, 12 runs | {heads}---|")
    for points in (100, 1000, 10_000, 100_000):
        print(f"| law | {points:,} | {row(lodecast, folder, 'law', 12, points)} |", flush=True)
        print(f"| controlled | {points:,} | {row(lodecast, folder, 'controlled', 12, points, *network)} |", flush=True)
    print(f"\n| model | members, 24 runs of 50 points | {heads}---|")
    for members in (1, 2, 5, 10, 20):
        cells = row(lodecast, folder, "controlled", 24, 50, *network, "--members", str(members))
        print(f"| controlled | {members} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
