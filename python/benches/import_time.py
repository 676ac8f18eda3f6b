"""Time `import lodecast` in a fresh interpreter, beside numpy's.

    python benches/import_time.py

Run it elsewhere than in `python/src`, whose package has no engine unless it was built there.
"""

import statistics
import subprocess
import sys

RUNS = 9


def milliseconds(module: str) -> list[float]:
    code = f"import time; start = time.perf_counter(); import {module}; print(1e3 * (time.perf_counter() - start))"
    return [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(RUNS)
    ]


def main() -> None:
    for module in ("lodecast", "numpy"):
        times = milliseconds(module)
        print(f"import {module:10} {min(times):7.1f} ms at best, {statistics.median(times):7.1f} ms in the middle")


if __name__ == "__main__":
    main()
