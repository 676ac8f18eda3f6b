"""What a network is worth on runs that are validated more seldom or more often than those learned from.

    python benches/validated_rarely.py LODECAST FOLDER

Runs of a toy are made, the same every time: 39 to learn from and 18 others, each recorded at 1,000 steps and validated at every one
of them, at every fiftieth, or at every two hundredth. A controlled model of either is fitted under three seeds, and the errors of its forecasts are printed
as a table in Markdown.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

STEPS = 1000
SCHEDULES = (lambda x: 0.5 * (1.0 + math.cos(math.pi * x)), lambda x: 1.0 - 0.9 * x, lambda x: 1.0)


def rows(run: str, peak: float, family: int, seed: int, every: int) -> list[str]:
    """Give the rows of a run: a loss that falls with what was trained, more noise under a higher rate."""
    chance = random.Random(seed)
    offset, trained, text = chance.gauss(0.0, 0.004), 0.0, []
    for step in range(1, STEPS + 1):
        rate = peak * SCHEDULES[family](step / STEPS)
        trained += rate
        loss = 0.15 + 2.0 / (1.0 + 30.0 * trained / STEPS) + 0.25 * rate / (0.3 + rate)
        accuracy = 0.97 - 0.35 * loss + offset + chance.gauss(0.0, 0.004)
        shown = f"{accuracy:.6g}" if step % every == 0 else ""
        text.append(f"{run},{step},{loss * (1.0 + chance.gauss(0.0, 0.02)):.6g},{rate:.6g},{shown},{STEPS}")
    return text


def write(path: Path, peaks: list[float], first_seed: int, every: int) -> None:
    """Write a sweep of runs with these peaks."""
    lines = ["run_id,step,train_loss,learning_rate,accuracy:max,total_steps"]
    for index, peak in enumerate(peaks):
        lines += rows(f"run {index}", peak, index % len(SCHEDULES), first_seed + index, every)
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Fit and evaluate."""
    lodecast, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    names = {1: "every step", 50: "every 50 steps", 200: "every 200 steps"}
    for every in names:
        write(folder / f"learn-{every}.csv", [0.01 * 10 ** ((k % 13) / 7) for k in range(39)], 1000, every)
        write(folder / f"ask-{every}.csv", [0.013 * 10 ** ((k % 9) / 5.5) for k in range(18)], 2000, every)
    print("| learned from runs validated | asked of runs validated | 0 | 10 % | 25 % | 50 % |\n|---|---|---|---|---|---|")
    for learned, learned_name in names.items():
        for asked, asked_name in names.items():
            found: list[list[str]] = []
            for seed in range(3):
                model = folder / f"{learned}-{seed}.lode"
                fit = [lodecast, "fit", str(folder / f"learn-{learned}.csv"), "--kind", "controlled", "--seed", str(seed)]
                subprocess.run(
                    [*fit, "--iterations", "1500", "--members", "3", "--force", "-o", str(model)],
                    check=True,
                    capture_output=True,
                )
                evaluate = [lodecast, "evaluate", str(model), str(folder / f"ask-{asked}.csv"), "--fractions", "0,0.1,0.25,0.5"]
                said = subprocess.run(evaluate, check=True, capture_output=True, text=True).stdout
                line = next(line for line in said.splitlines() if line.startswith("lodecast"))
                found.append([word for word in line.split() if word.replace(".", "").isdigit()])
            cells = [", ".join(seed[column] for seed in found) for column in range(4)]
            print(f"| {learned_name} | {asked_name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
