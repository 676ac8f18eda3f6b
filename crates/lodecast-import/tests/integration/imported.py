"""Drives the built `lodecast import` and compares what it read with what a tool's own reader says, point by point."""

import csv
import math
import pathlib
import subprocess
import tempfile


def import_runs(command, *arguments):
    """The runs that `lodecast import` makes: of each id, of each column, the values by step."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "sweep.csv")
        subprocess.run([command, "import", *map(str, arguments), "-o", str(out)], check=True)
        runs = {}
        with out.open(newline="") as lines:
            for row in csv.DictReader(lines):
                run = runs.setdefault(row["run_id"], {"attributes": {}})
                for name, text in row.items():
                    if name in ("run_id", "step") or text == "":
                        continue
                    try:
                        run.setdefault(name, {})[int(row["step"])] = float(text)
                    except ValueError:
                        run["attributes"][name] = text
        return runs


def check(what, found, expected):
    """`found` and `expected` are values by step; NaN equals NaN."""
    same = lambda a, b: a == b or (math.isnan(a) and math.isnan(b))
    if sorted(found) != sorted(expected):
        only = sorted(set(found) ^ set(expected))
        raise SystemExit(f"{what}: {len(found)} points instead of {len(expected)}; steps in one only: {only[:10]}")
    for step, value in expected.items():
        if not same(found[step], value):
            raise SystemExit(f"{what}: {found[step]!r} instead of {value!r} at step {step}")
    if not expected:
        raise SystemExit(f"{what}: nothing to compare")
    print(f"ok  {what}: {len(expected)} points")
