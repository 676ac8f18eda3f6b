"""Time `LodeLR.step()` beside `CosineAnnealingLR.step()`, and a replan.

    python benches/scheduler_overhead.py [MODEL]

Without a model one is fitted to a small sweep made here, with the default settings but few iterations: its size is what counts.
"""

import logging
import statistics
import sys
import time
from pathlib import Path

import torch

import lodecast
from lodecast.torch import LodeLR

STEPS = 20_000

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))


def small_sweep() -> lodecast.Sweep:
    from conftest import bowl

    runs = []
    for family in ("constant", "cosine", "one-cycle"):
        for peak in (0.1, 0.4, 1.6):
            part = bowl(lodecast.Schedule.parametric(family, peak), 0)
            runs.append(
                lodecast.Run(
                    f"{family}-{peak}",
                    part["step"].tolist(),
                    train_loss=part["train_loss"].tolist(),
                    learning_rate=part["learning_rate"].tolist(),
                    validation={"accuracy:max": part["accuracy"].tolist()},
                    total_steps=150,
                    schedule=family,
                    peak_lr=peak,
                )
            )
    return lodecast.Sweep(runs)


def microseconds_a_step(make) -> float:
    times = []
    for _ in range(5):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
        scheduler = make(optimizer)
        optimizer.step()
        started = time.perf_counter()
        for _ in range(STEPS):
            scheduler.step()
        times.append((time.perf_counter() - started) / STEPS)
    return 1e6 * min(times)


def milliseconds_a_replan(model: lodecast.Model) -> float:
    scheduler = lodecast.Scheduler(model, 1000, replan_every=0.01)
    times = []
    for step in range(1, 1000):
        before = scheduler.replans
        started = time.perf_counter()
        scheduler.observe(step, train_loss=2.0 / step + 0.1, validation=0.8 - 0.5 / step)
        if scheduler.replans > before and step > 100:
            times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def main() -> None:
    torch.set_num_threads(1)
    # It would tell that nothing is observed.
    logging.getLogger("lodecast").setLevel(logging.ERROR)
    source = sys.argv[1:]
    model = lodecast.load(source[0]) if source else lodecast.fit(small_sweep(), iterations=100, progress=False)
    cosine = microseconds_a_step(lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS))
    ours = microseconds_a_step(lambda optimizer: LodeLR(optimizer, model, STEPS))
    print(f"CosineAnnealingLR.step()  {cosine:8.2f} us")
    print(f"LodeLR.step()             {ours:8.2f} us   {ours / cosine:.2f} times that")
    print(f"a replan                  {milliseconds_a_replan(model):8.2f} ms   ({model!r})")


if __name__ == "__main__":
    main()
