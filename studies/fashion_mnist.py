"""The paper's network on Fashion-MNIST at full size, on a GPU: two rounds of runs, their models, and fresh seeds.

    python studies/fashion_mnist.py --out fashion-mnist
    python studies/fashion_mnist.py --sweep fashion-mnist/round-1 --out again

Needs torch, scipy and the four files of Fashion-MNIST (Debian's package dataset-fashion-mnist, or `--data FOLDER`). What is
learned and chosen rests on the validation images; the test images are seen at the end of the compared runs only. Every
method trains the same seeds: the same first weights, order of the examples and dropout. Finished runs of the comparison are
appended to `compare.jsonl`, and `summary.json` has the table.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

import lodecast
from lodecast.torch import LodeLR

#: What is called at a metric point: step, train loss since the last one, learning rate, validation accuracy.
OnPoint = Callable[[int, float, float, float], None]
#: What is compared, by name.
Methods = dict[str, "lodecast.Schedule | lodecast.Model"]

METRIC = "validation_accuracy:max"
POINTS_PER_EPOCH = 10
FAMILIES = ("constant", "cosine", "one-cycle", "staircase")
#: What is compared with the best of the sweep.
COMPARED = ("two-rounds", "latent-ode", "one-round", "suggestion", "rivals")
#: Peak rates of the sweep for each optimizer.
PEAKS = {
    "adamw": (2e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3),
    "adam": (2e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3),
    "sgd": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1),
}
WEIGHT_DECAY = 0.01
MOMENTUM = 0.9


def images(path: Path) -> np.ndarray:
    """The images or labels of an IDX file."""
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


class Task:
    """The images on the device: 90 % of the publishers' training images train, 10 % validate, theirs for the test test."""

    def __init__(self, folder: Path, device: torch.device, part: float) -> None:
        names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        pixels, labels, test_pixels, test_labels = (
            torch.tensor(images(folder / f"{name}-ubyte.gz"), device=device) for name in names
        )
        order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))[: int(part * len(pixels))].to(device)
        validating = len(order) // 10
        mean, deviation = 0.2860, 0.3530

        def examples(pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            scaled = (pixels.unsqueeze(1).float() / 255 - mean) / deviation
            return scaled.to(memory_format=torch.channels_last), labels.long()

        self.train = examples(pixels[order[validating:]], labels[order[validating:]])
        self.validation = examples(pixels[order[:validating]], labels[order[:validating]])
        self.test = examples(test_pixels, test_labels)


def network(width: int) -> nn.Sequential:
    """The paper's CNN: `width` 64 is its full size. Its poolings have a stride of 1: 28 places a side become 26."""

    def convolution(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]

    return nn.Sequential(
        *convolution(1, width),
        *convolution(width, width),
        nn.MaxPool2d(2, stride=1),
        nn.Dropout(0.25),
        *convolution(width, 2 * width),
        *convolution(2 * width, 2 * width),
        nn.MaxPool2d(2, stride=1),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(2 * width * 26 * 26, 4 * width),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(4 * width, 10),
    )


class Trainer:
    """Trains the network again and again; on a GPU the step is captured once as a CUDA graph and replayed."""

    def __init__(self, task: Task, chosen: argparse.Namespace) -> None:
        self.task, self.device = task, torch.device(chosen.device)
        self.width, self.batch = chosen.width, chosen.batch
        self.steps_per_epoch = len(task.train[0]) // self.batch
        self.total_steps = chosen.epochs * self.steps_per_epoch
        self.network = network(self.width).to(self.device, memory_format=torch.channels_last)
        self.rate = torch.tensor(1e-3, device=self.device)
        gpu = self.device.type == "cuda"
        self.optimizer_name = chosen.optimizer
        self.optimizer = self._optimizer(chosen.optimizer, gpu)
        self.chosen = torch.zeros(self.batch, dtype=torch.long, device=self.device)
        self.loss = torch.zeros((), device=self.device)
        self.graph = self._captured() if gpu else None

    def _optimizer(self, name: str, gpu: bool) -> torch.optim.Optimizer:
        parameters = self.network.parameters()
        if name == "sgd":
            return torch.optim.SGD(parameters, lr=self.rate, momentum=MOMENTUM, fused=gpu)
        if name == "adam":
            return torch.optim.Adam(parameters, lr=self.rate, capturable=gpu, fused=gpu)
        return torch.optim.AdamW(parameters, lr=self.rate, weight_decay=WEIGHT_DECAY, capturable=gpu, fused=gpu)

    def _logits(self, inputs: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False, enabled=self.device.type == "cuda"):
            return self.network(inputs).float()

    def _step(self) -> None:
        inputs, labels = self.task.train
        loss = nn.functional.cross_entropy(self._logits(inputs[self.chosen]), labels[self.chosen])
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        self.optimizer.step()
        self.loss += loss.detach()

    def _captured(self) -> torch.cuda.CUDAGraph:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph

    def _begin(self, seed: int) -> torch.Generator:
        """First weights, an optimizer that has seen nothing, and the generator of the examples' order."""
        torch.manual_seed(seed)
        fresh = network(self.width).state_dict()
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                value.copy_(fresh[name])
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()
            self.loss.zero_()
        return torch.Generator().manual_seed(seed)

    def accuracy(self, examples: tuple[Tensor, Tensor]) -> float:
        """The part of the examples that is classified right."""
        self.network.eval()
        with torch.no_grad():
            right = sum(
                (self._logits(inputs).argmax(1) == labels).sum()
                for inputs, labels in zip(examples[0].split(5000), examples[1].split(5000), strict=True)
            )
        self.network.train()
        return float(right) / len(examples[0])

    def train(
        self,
        seed: int,
        set_rate: Callable[[int], None],
        on_point: OnPoint,
    ) -> None:
        """One run. `set_rate` is called before every step, `on_point` with step, loss, rate and validation accuracy."""
        orders = self._begin(seed)
        every = max(1, self.steps_per_epoch // POINTS_PER_EPOCH)
        since = 0
        for step in range(self.total_steps):
            place = step % self.steps_per_epoch
            if place == 0:
                order = torch.randperm(len(self.task.train[0]), generator=orders).to(self.device)
            set_rate(step)
            self.chosen.copy_(order[place * self.batch : (place + 1) * self.batch])
            if self.graph is None:
                self._step()
            else:
                self.graph.replay()
            since += 1
            # The points of an epoch, the last at its end.
            if (self.steps_per_epoch - 1 - place) % every == 0 and (since >= every or step + 1 == self.total_steps):
                loss = float(self.loss) / since
                on_point(step + 1, loss, float(self.rate), self.accuracy(self.task.validation))
                self.loss.zero_()
                since = 0

    def sharpness(self, iterations: int = 12) -> float:
        """Largest eigenvalue of the training loss's Hessian on a fixed batch, by Lanczos on exact products."""
        count = 1024 if self.device.type == "cuda" else 128
        inputs, labels = self.task.train[0][:count], self.task.train[1][:count]
        parameters = list(self.network.parameters())
        self.network.eval()
        gradients = torch.autograd.grad(
            nn.functional.cross_entropy(self.network(inputs), labels), parameters, create_graph=True
        )
        slope = torch.cat([gradient.reshape(-1) for gradient in gradients])
        basis = [nn.functional.normalize(torch.randn(slope.shape, generator=torch.Generator().manual_seed(0)), dim=0)]
        basis[0] = basis[0].to(self.device)
        projected = torch.zeros(iterations, iterations, dtype=torch.float64)
        for index in range(iterations):
            product = torch.autograd.grad(slope @ basis[index], parameters, retain_graph=True)
            rest = torch.cat([one.reshape(-1) for one in product])
            projected[index, index] = float(rest @ basis[index])
            for _ in range(2):  # Twice is enough (Parlett), once is not.
                for direction in basis:
                    rest = rest - (rest @ direction) * direction
            length = float(rest.norm())
            if index + 1 == iterations or length < 1e-6:
                break
            projected[index, index + 1] = projected[index + 1, index] = length
            basis.append(rest / length)
        self.network.train()
        return float(torch.linalg.eigvalsh(projected[: len(basis), : len(basis)])[-1])

    def follow(self, seed: int, schedule: lodecast.Schedule, on_point: OnPoint) -> None:
        """One run under a schedule that is known beforehand."""
        rates = [schedule.at_step(step, self.total_steps) for step in range(self.total_steps)]
        self.train(seed, lambda step: self.rate.fill_(rates[step]), on_point)

    def steered(self, seed: int, model: lodecast.Model, on_point: OnPoint) -> float:
        """One run under lodecast; gives the seconds it took of it."""
        taken = -time.perf_counter()
        self.rate.fill_(1.0)
        for group in self.optimizer.param_groups:
            group.pop("initial_lr", None)
        scheduler = LodeLR(self.optimizer, model, self.total_steps, seed=seed)
        taken += time.perf_counter()

        def set_rate(step: int) -> None:
            nonlocal taken
            if step > 0:
                started = time.perf_counter()
                scheduler.step()
                taken += time.perf_counter() - started

        def observed(step: int, loss: float, rate: float, accuracy: float) -> None:
            nonlocal taken
            on_point(step, loss, rate, accuracy)
            started = time.perf_counter()
            scheduler.observe(train_loss=loss, validation=accuracy, step=step)
            taken += time.perf_counter() - started

        self.train(seed, set_rate, observed)
        return taken


def sweep(
    trainer: Trainer, folder: Path, schedules: dict[str, tuple[dict[str, object], lodecast.Schedule]], seeds: range
) -> None:
    """Records a run of every schedule under every seed."""
    for name, (about, schedule) in schedules.items():
        for seed in seeds:
            about = {**about, "seed": seed, "optimizer": trainer.optimizer_name, "total_steps": trainer.total_steps}
            with lodecast.record(folder, f"{name}-{seed}", metrics=METRIC, **about) as recorder:

                def on_point(step: int, loss: float, rate: float, accuracy: float) -> None:
                    recorder.log(step, train_loss=loss, learning_rate=rate, validation=accuracy)

                trainer.follow(seed, schedule, on_point)


def compare(
    trainer: Trainer,
    methods: Methods,
    seeds: range,
    path: Path,
    time_is_up: Callable[[], bool],
) -> list[dict]:
    """Trains every method under every seed, a seed at a time, as many as there is time for."""
    results = []
    for seed in seeds:
        if time_is_up():
            break
        for name, method in methods.items():
            started = time.perf_counter()
            points: list[tuple[float, ...]] = []

            def on_point(*point: float, points: list[tuple[float, ...]] = points) -> None:
                points.append(point)

            if isinstance(method, lodecast.Schedule):
                trainer.follow(seed, method, on_point)
                overhead = 0.0
            else:
                overhead = trainer.steered(seed, method, on_point)
            seconds = time.perf_counter() - started
            result = {
                "method": name,
                "seed": seed,
                "test_accuracy": trainer.accuracy(trainer.task.test),
                "validation_accuracy": points[-1][3],
                "train_loss": points[-1][1],
                "sharpness": trainer.sharpness(),
                "seconds": seconds,
                "overhead_seconds": overhead,
                "rates": [point[2] for point in points],
            }
            results.append(result)
            with path.open("a") as file:
                print(json.dumps(result), file=file)
    return results


def summary(results: list[dict], reference: str) -> list[dict]:
    """A row a method: mean and standard error on the test images, and the paired difference to the reference."""
    methods = list(dict.fromkeys(result["method"] for result in results))

    def of(method: str, what: str) -> dict[int, float]:
        return {result["seed"]: result[what] for result in results if result["method"] == method}

    rows = []
    for method in methods:
        values = of(method, "test_accuracy")
        paired = {seed: values[seed] - other for seed, other in of(reference, "test_accuracy").items() if seed in values}
        differences = list(paired.values())
        differ = method != reference and len(differences) > 1 and any(differences)
        rows.append(
            {
                "method": method,
                "runs": len(values),
                "mean": statistics.mean(values.values()),
                "standard_error": statistics.stdev(values.values()) / len(values) ** 0.5 if len(values) > 1 else None,
                "median": statistics.median(values.values()),
                "lowest": min(values.values()),
                "difference": statistics.mean(differences),
                "p": float(stats.ttest_1samp(differences, 0.0).pvalue) if differ else None,
                "won_tied_lost": [sum(map(test, differences)) for test in (lambda d: d > 0, lambda d: d == 0, lambda d: d < 0)],
                "sharpness": statistics.mean(of(method, "sharpness").values()),
                "seconds": statistics.mean(of(method, "seconds").values()),
                "overhead_seconds": statistics.mean(of(method, "overhead_seconds").values()),
            }
        )
    # Holm's correction over the comparisons with the reference.
    ranked = sorted((row for row in rows if row["p"] is not None), key=lambda row: row["p"])
    highest = 0.0
    for index, row in enumerate(ranked):
        highest = max(highest, min(1.0, row["p"] * (len(ranked) - index)))
        row["p_holm"] = highest
    return sorted(rows, key=lambda row: -row["mean"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--width", type=int, default=64, help="channels of the first convolution")
    parser.add_argument("--part", type=float, default=1.0, help="part of the training images")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--optimizer", choices=tuple(PEAKS), default="adamw")
    parser.add_argument(
        "--peaks", type=lambda text: tuple(map(float, text.split(","))), help="of the sweep, if not the default"
    )
    parser.add_argument("--sweep-seeds", type=int, default=3)
    parser.add_argument("--sweep", type=Path, help="first round recorded before, a folder, instead of one of its own")
    parser.add_argument("--one-round", type=Path, help="model of the first round fitted before, instead of a fit")
    parser.add_argument(
        "--methods",
        type=lambda text: tuple(text.split(",")),
        default=COMPARED,
        help=f"what to compare with the best of the sweep: {','.join(COMPARED)}",
    )
    parser.add_argument("--seeds", type=int, default=10, help="fresh seeds to compare under")
    parser.add_argument("--first-seed", type=int, default=100, help="the first of them")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further seed after this time")
    parser.add_argument("--iterations", type=int, default=None, help="of the fits, if not the default")
    chosen = parser.parse_args()
    if not (chosen.data / "train-images-idx3-ubyte.gz").is_file():
        parser.error(
            f"no Fashion-MNIST in {chosen.data}: apt-get install dataset-fashion-mnist, or give its folder with --data"
        )
    if unknown := set(chosen.methods) - set(COMPARED):
        parser.error(f"no method '{unknown.pop()}': choose from {','.join(COMPARED)}")
    if chosen.out.exists():
        parser.error(f"{chosen.out} is there already: give another folder with --out")
    return chosen


def configuration(run: lodecast.Run) -> str:
    """The name of what the run trains, which its id ends with a seed after."""
    return run.id.rpartition("-")[0]


def learned(trainer: Trainer, chosen: argparse.Namespace, say: Callable[[str], None]) -> tuple[str, Methods]:
    """Trains two rounds of runs and fits their models; gives the reference's name and what is to be compared."""
    grid = {
        f"{family}-{peak:g}": ({"schedule": family, "peak_lr": peak}, lodecast.Schedule.parametric(family, peak))
        for family in FAMILIES
        for peak in chosen.peaks or PEAKS[chosen.optimizer]
    }
    recorded = chosen.sweep or chosen.out / "round-1"
    if chosen.sweep is None:
        sweep(trainer, recorded, grid, range(chosen.sweep_seeds))
    first = lodecast.Sweep.read(recorded)
    best, accuracy, [best_run, *_] = first.best_configuration()
    say(f"{len(first)} runs; best of the sweep: {best}, validation accuracy {accuracy:.4f}")

    fit = {"progress": False} | ({} if chosen.iterations is None else {"iterations": chosen.iterations})
    one_round = lodecast.load(chosen.one_round) if chosen.one_round else lodecast.fit(first, **fit)
    suggestions = {
        f"suggestion-{index}": ({"schedule": f"suggestion-{index}"}, suggestion.schedule)
        for index, suggestion in enumerate(one_round.suggest(12), 1)
    }
    say(f"{one_round!r}; {len(suggestions)} schedules suggested")
    # Seeds that the first round has not seen: what suits those it has is what the suggestions were chosen for.
    sweep(trainer, chosen.out / "round-2", suggestions, range(chosen.sweep_seeds, chosen.sweep_seeds + 2))
    second = lodecast.Sweep.read(chosen.out / "round-2")
    best, accuracy, [best_suggested, *_] = second.best_configuration()
    say(f"{len(second)} runs; best of them: {best}, validation accuracy {accuracy:.4f}")

    both = lodecast.Sweep.join([first, second])
    models = {"one-round": one_round}
    if "two-rounds" in chosen.methods:
        models["two-rounds"] = lodecast.fit(both, **fit)
    if "latent-ode" in chosen.methods:
        models["latent-ode"] = lodecast.fit(both, "latent-ode", **fit)
    for name, model in models.items():
        model.save(chosen.out / f"{name}.lode")
    say("fitted")

    def best_of(family: str) -> str:
        def mean(name: str) -> float:
            return statistics.mean(run.final_validation() or 0.0 for run in first if configuration(run) == name)

        return max((name for name in grid if name.startswith(family)), key=mean)

    reference = f"best of the sweep: {configuration(best_run)}"
    methods: Methods = {reference: grid[configuration(best_run)][1]}
    names = {
        "two-rounds": "lodecast, two rounds",
        "latent-ode": "latent ODE, two rounds",
        "one-round": "lodecast, one round",
    }
    for method in chosen.methods:
        if method in names:
            methods[names[method]] = models[method]
        elif method == "suggestion":
            methods["best suggestion, as it is"] = suggestions[configuration(best_suggested)][1]
        else:
            rivals = [name for name in map(best_of, ("cosine", "constant")) if name != configuration(best_run)]
            methods |= {name: grid[name][1] for name in rivals}
    return reference, methods


def main() -> None:
    chosen = arguments()
    chosen.out.mkdir(parents=True)
    torch.backends.cudnn.benchmark = True
    # A replayed graph takes the optimizer's steps unseen.
    warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
    started = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - started:6.1f} s  {what}", flush=True)

    def time_is_up() -> bool:
        return time.perf_counter() - started > chosen.seconds

    task = Task(chosen.data, torch.device(chosen.device), chosen.part)
    trainer = Trainer(task, chosen)
    say(f"{len(task.train[0])} images train, {trainer.total_steps} steps a run")
    reference, methods = learned(trainer, chosen, say)
    results = compare(
        trainer, methods, range(chosen.first_seed, chosen.first_seed + chosen.seeds), chosen.out / "compare.jsonl", time_is_up
    )
    rows = summary(results, reference)
    (chosen.out / "summary.json").write_text(json.dumps(rows, indent=1))
    say("compared")
    for row in rows:
        p = "" if row["p"] is None else f"p {row['p']:.4f} Holm {row['p_holm']:.4f}"
        print(f"{row['method']:45} {100 * row['mean']:.3f} {100 * row['difference']:+.3f} {row['won_tied_lost']} {p}")


if __name__ == "__main__":
    main()
