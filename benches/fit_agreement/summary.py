"""What came out of fit_agreement.sh: python benches/fit_agreement/summary.py OUT.

A line a sweep: for either commit the mean over fits of what their plans reach under fresh seeds, in per cent, how far fits
differ (standard deviation), and the worst run of all.
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
from pathlib import Path


def finals(path: Path) -> dict[str, float]:
    """Give the last measured value of every run of a sweep file."""
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        metric = next(name for name in rows.fieldnames or [] if ":" in name)
        return {row["run_id"]: 100 * float(row[metric]) for row in rows if row[metric]}


def by_plan(path: Path) -> dict[str, list[float]]:
    """Give the final values of each plan, in their order, whose runs are named `PLAN seed NUMBER`."""
    plans: dict[str, list[float]] = {}
    for run, value in finals(path).items():
        plans.setdefault(run.rsplit(" seed ", 1)[0], []).append(value)
    return plans


def main() -> None:
    """Print the table."""
    out = Path(sys.argv[1])
    print("sweep      " + "".join(f"{which:>8} mean   deviation  worst" for which in ("before", "now")))
    for before in sorted(out.glob("*-before.csv")):
        name = before.name.removesuffix("-before.csv")
        line = f"{name:10}"
        for which in ("before", "now"):
            path = out / f"{name}-{which}.csv"
            if not path.exists():
                line += "  still missing"
                continue
            plans = by_plan(path)
            counts = json.loads((out / f"{name}-{which}.counts").read_text())
            reached = [statistics.mean(values) for values in plans.values()]
            means = [mean for mean, count in zip(reached, counts, strict=True) for _ in range(count)]
            worst = min(min(values) for values in plans.values())
            line += f"{statistics.mean(means):14.2f}{statistics.pstdev(means):12.2f}{worst:7.1f}"
        print(line)


if __name__ == "__main__":
    main()
