"""Whole tuning pipelines on one task in torch: four searches of twelve runs, two picks of each, judged under fresh seeds.

    python studies/torch_contest.py --journal contest.jsonl             # goes on where it was stopped
    python studies/torch_contest.py --journal contest.jsonl --table     # the tables again, without training

Needs torch, scikit-learn, scipy, optuna and lodecast. The task: scikit-learn's digits, shifted by a pixel and drowned in noise
that is drawn anew for every batch; a perceptron of three hidden layers under AdamW. Every pipeline runs each search with seeds
of its own; from its runs the schedule of the best one is taken, and lodecast's pick. Searches and picks see the validation part
only. Each picked schedule is trained again under fresh seeds, and judged at the end of these runs by the test part. The journal
has a line a finished run and a line a pick; what it holds is neither trained nor chosen again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_digits
from torch import Tensor, nn

import lodecast
from lodecast import Schedule
from lodecast.optuna import pick, report, suggest_schedule

TRAINING, VALIDATION = 900, 400  # digits; the other 497 test
#: Fresh shifts and noise under which each digit of the validation and the test part stands there.
VIEWS = 3
NOISE, WIDTH, WEIGHT_DECAY = 0.3, 128, 0.01
BATCH, EPOCHS = 50, 60
STEPS = EPOCHS * TRAINING // BATCH
#: Steps from one measurement to the next.
EVERY = STEPS // 20

#: Runs of a search.
BUDGET = 12
#: Lowest and highest peak rate, of every search.
PEAKS = (5e-4, 0.1)
#: Warm-up and last rate of warmup-stable-decay, and the shortest and longest decay, as fractions of the run and of the peak.
WARMUP, END, DECAYS = 0.05, 1e-3, (0.1, 0.5)
#: Seeds of the first pipeline are 1000 and up, of the second 2000 and up, and so on; from here on those that judge picks.
JUDGED_FROM = 500

METRIC = "val_accuracy"
BEST_RUN, LODECAST = "best run", "lodecast"

#: A finished run: `steps`, `train_loss` and `validation` at its points and, if it was judged, `test`.
Measured = dict[str, Any]
#: Trains under a schedule, as the run of a search with this number.
Train = Callable[[Schedule, int], Measured]
#: Schedules by the pick that took them.
Picks = dict[str, Schedule]
#: Test accuracy in per cent, a row a pipeline and a column a seed.
Finals = NDArray[np.float64]


@dataclass(frozen=True)
class Digits:
    """The three disjoint parts."""

    training: Tensor  # every digit under each of nine shifts
    labels: Tensor
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    @classmethod
    def load(cls) -> Digits:
        """Shift and split scikit-learn's digits; the same at every call."""
        images, labels = load_digits(return_X_y=True)
        images = (images / 16.0).astype(np.float32).reshape(-1, 8, 8)
        shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        shifted = np.stack([np.roll(images, shift, axis=(1, 2)) for shift in shifts]).reshape(len(shifts), -1, 64)
        draw = np.random.default_rng(0)
        training, validation, test = np.split(draw.permutation(len(labels)), [TRAINING, TRAINING + VALIDATION])

        def seen(part: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            part = np.tile(part, VIEWS)
            inputs = shifted[draw.integers(len(shifts), size=len(part)), part]
            noisy = inputs + NOISE * draw.standard_normal(inputs.shape, np.float32)
            return torch.from_numpy(noisy), torch.from_numpy(labels[part])

        return cls(torch.from_numpy(shifted[:, training]), torch.from_numpy(labels[training]), seen(validation), seen(test))


def train(digits: Digits, schedule: Schedule, seed: int, *, judged: bool) -> Measured:
    """Make a run. The test part is looked at if it is judged, once it has ended."""
    torch.manual_seed(seed)
    widths = (64, WIDTH, WIDTH, WIDTH)
    hidden = [layer for wide in pairwise(widths) for layer in (nn.Linear(*wide), nn.ReLU())]
    network = nn.Sequential(*hidden, nn.Linear(WIDTH, 10))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY, fused=True)

    def accuracy(inputs: Tensor, labels: Tensor) -> float:
        with torch.no_grad():
            return round(float((network(inputs).argmax(1) == labels).double().mean()), 5)

    measured: Measured = {"steps": [], "train_loss": [], "validation": []}
    losses: list[Tensor] = []
    orders = (batch for _ in range(EPOCHS) for batch in torch.randperm(TRAINING).split(BATCH))
    for step, batch in enumerate(orders):
        optimizer.param_groups[0]["lr"] = schedule.at_step(step, STEPS)
        inputs = digits.training[torch.randint(len(digits.training), batch.shape), batch]
        loss = nn.functional.cross_entropy(network(inputs + NOISE * torch.randn_like(inputs)), digits.labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        if (step + 1) % EVERY == 0:
            measured["steps"].append(step + 1)
            measured["train_loss"].append(round(float(torch.stack(losses).mean()), 5))
            measured["validation"].append(accuracy(*digits.validation))
            losses.clear()
    if judged:
        measured["test"] = accuracy(*digits.test)
    return measured


class Journal:
    """Finished runs by schedule and seed, and picks by pipeline and search: a file of JSON lines that only grows."""

    def __init__(self, path: Path, digits: Digits | None) -> None:
        """Read what is there; a last line that was cut off is dropped. Without digits nothing is trained."""
        self.path, self.digits = path, digits
        self.runs: dict[tuple[str, int], Measured] = {}
        self.picks: dict[tuple[int, str], Picks] = {}
        task = {"steps": STEPS, "batch": BATCH, "noise": NOISE, "width": WIDTH, "budget": BUDGET, "peaks": list(PEAKS)}
        header = {"format": "torch contest 1", "task": task}
        text = path.read_text() if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines:
            self._append(header)
        elif lines[0] != header:
            raise SystemExit(f"{path} is of another task: {lines[0]}, not {header}")
        for line in lines[1:]:
            if "run" in line:
                self.runs[json.dumps(line["schedule"]), line["seed"]] = line["run"]
            else:
                picks = {name: Schedule.from_dict(schedule) for name, schedule in line["picks"].items()}
                self.picks[line["pipeline"], line["search"]] = picks

    def _append(self, line: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def run(self, schedule: Schedule, seed: int, *, judged: bool = False) -> Measured:
        """Give the run under a schedule and a seed: the one that is there, or else one that is trained now."""
        described = schedule.to_dict()
        key = json.dumps(described), seed
        if key not in self.runs:
            if self.digits is None:
                raise SystemExit(f"{self.path} lacks a run of seed {seed}: go on without --table")
            self.runs[key] = train(self.digits, schedule, seed, judged=judged)
            self._append({"schedule": described, "seed": seed, "run": self.runs[key]})
            print(f"seed {seed}: {100 * self.runs[key]['validation'][-1]:.1f} %", flush=True)
        return self.runs[key]

    def picked(self, pipeline: int, name: str) -> Picks:
        """Give what is picked after a search: what was picked before, or else the search is made."""
        if (pipeline, name) not in self.picks:
            picks = SEARCHES[name](pipeline, lambda schedule, number: self.run(schedule, 1000 * pipeline + number))
            described = {by: schedule.to_dict() for by, schedule in picks.items()}
            self._append({"pipeline": pipeline, "search": name, "picks": described})
            self.picks[pipeline, name] = picks
        return self.picks[pipeline, name]

    def judged(self, pipeline: int, schedule: Schedule, seeds: int) -> list[float]:
        """Give the test accuracy in per cent under each of the pipeline's fresh seeds."""
        first = 1000 * pipeline + JUDGED_FROM
        return [100.0 * self.run(schedule, seed, judged=True)["test"] for seed in range(first, first + seeds)]


def by_tuner(pipeline: int, train: Train) -> Picks:
    """Search with lodecast's own tuner, as it is by default."""
    tuner = lodecast.Tuner(metric=f"{METRIC}:max", total_steps=STEPS, peaks=PEAKS, budget=BUDGET * STEPS, seed=pipeline)
    while trial := tuner.ask():
        run = train(trial.schedule, len(tuner.trials) - 1)
        points = zip(run["steps"], run["train_loss"], run["validation"], strict=True)
        tuner.tell(trial, [{"step": step, "train_loss": loss, METRIC: value} for step, loss, value in points])
    recommended = tuner.recommend()
    trials = {record.trial.name: record.trial for record in tuner.trials}
    return {BEST_RUN: trials[recommended.best_run].schedule, LODECAST: recommended.schedule}


def by_optuna(
    sampler: Callable[[int], optuna.samplers.BaseSampler], suggest: Callable[[optuna.trial.Trial], Schedule]
) -> Callable[[int, Train], Picks]:
    """Search with a sampler of Optuna."""

    def search(pipeline: int, train: Train) -> Picks:
        schedules: list[Schedule] = []

        def objective(trial: optuna.trial.Trial) -> float:
            schedules.append(suggest(trial))
            run = train(schedules[-1], trial.number)
            for step, loss, value in zip(run["steps"], run["train_loss"], run["validation"], strict=True):
                report(trial, step, value, train_loss=loss)
            return float(run["validation"][-1])

        study = optuna.create_study(direction="maximize", sampler=sampler(pipeline))
        study.optimize(objective, n_trials=BUDGET)
        picked = pick(study, STEPS, schedule=lambda trial: schedules[trial.number], metric=METRIC)
        return {BEST_RUN: schedules[study.best_trial.number], LODECAST: picked.schedule}

    return search


def warmup_stable_decay(trial: optuna.trial.Trial) -> Schedule:
    """Suggest a peak, and over how much of the run the rate falls."""
    peak = trial.suggest_float("lr_peak", *PEAKS, log=True)
    decay = trial.suggest_float("lr_decay", *DECAYS)
    return Schedule.piecewise_linear([(0.0, 0.01 * peak), (WARMUP, peak), (1.0 - decay, peak), (1.0, END * peak)])


suggest_shape = partial(suggest_schedule, peaks=PEAKS)
SEARCHES: dict[str, Callable[[int, Train], Picks]] = {
    "lodecast.Tuner": by_tuner,
    "random": by_optuna(lambda seed: optuna.samplers.RandomSampler(seed=seed), suggest_shape),
    # Its first ten runs are the random ones.
    "TPE": by_optuna(lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True), suggest_shape),
    "warmup-stable-decay": by_optuna(lambda seed: optuna.samplers.RandomSampler(seed=seed), warmup_stable_decay),
}


def bootstrap(differences: Finals) -> tuple[float, float]:
    """Give the 95 % interval of the mean, pipelines drawn again and within each its seeds."""
    draw = np.random.default_rng(0)
    pipelines, seeds = differences.shape
    drawn = draw.integers(pipelines, size=(10_000, pipelines, 1))
    means = differences[drawn, draw.integers(seeds, size=(10_000, pipelines, seeds))].mean(axis=(1, 2))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def holm(values: list[float]) -> list[float]:
    """Correct p-values for how many there are, as Holm does."""
    corrected, least = [0.0] * len(values), 0.0
    for rank, number in enumerate(np.argsort(values)):
        least = max(least, min(1.0, (len(values) - rank) * values[number]))
        corrected[number] = least
    return corrected


def tables(finals: dict[tuple[str, str], Finals]) -> Iterator[str]:
    """Give the lines of both tables: what each pick ends at, and differences paired by pipeline and seed."""
    yield "| search, pick | test accuracy | by pipeline | worst seed | steps of the search |"
    yield "|---|---|---|---|---|"
    for (search, by), final in finals.items():
        means = final.mean(axis=1)
        each = ", ".join(f"{mean:.2f}" for mean in means)
        mean = f"{means.mean():.2f} ± {stats.sem(means):.2f}"
        yield f"| {search}, {by} | {mean} | {each} | {final.min():.1f} | {BUDGET * STEPS:,} |"
    pairs = [((search, LODECAST), (search, BEST_RUN)) for search in SEARCHES]
    pairs += [(("lodecast.Tuner", LODECAST), (search, BEST_RUN)) for search in SEARCHES if search != "lodecast.Tuner"]
    differences = [finals[one] - finals[other] for one, other in pairs]
    p_values = [float(stats.ttest_1samp(difference.mean(axis=1), 0.0).pvalue) for difference in differences]
    yield ""
    yield "| difference | points | 95 % interval | p, after Holm | pipelines won |"
    yield "|---|---|---|---|---|"
    for (one, other), difference, p, corrected in zip(pairs, differences, p_values, holm(p_values), strict=True):
        name, won = f"{', '.join(one)} − {', '.join(other)}", int((difference.mean(axis=1) > 0.0).sum())
        interval = "{:+.2f} to {:+.2f}".format(*bootstrap(difference)).replace("-", "−")
        yield f"| {name} | {difference.mean():+.2f} | {interval} | {p:.3f}, {corrected:.2f} | {won}/{len(difference)} |"


def main() -> None:
    """Read the command line, and carry out what is not in the journal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", type=Path, default=Path("contest.jsonl"))
    parser.add_argument("--pipelines", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=6, help="fresh ones, under which each picked schedule is trained")
    parser.add_argument("--table", action="store_true", help="train nothing")
    options = parser.parse_args()
    if options.table and not options.journal.exists():
        parser.error(f"there is no {options.journal}")
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = Journal(options.journal, None if options.table else Digits.load())
    finals: dict[tuple[str, str], list[list[float]]] = {}
    for pipeline in range(1, options.pipelines + 1):
        for search in SEARCHES:
            for by, schedule in journal.picked(pipeline, search).items():
                finals.setdefault((search, by), []).append(journal.judged(pipeline, schedule, options.seeds))
    print("\n".join(tables({name: np.array(rows) for name, rows in finals.items()})))


if __name__ == "__main__":
    main()
