"""Learn from a small sweep of torch trainings, then let the model schedule a fresh one.

The task is made here, after MNIST-1D (Greydanus & Kobak 2020): ten templates on 40 points, shifted, scaled and noisy. Every
training is recorded by `lodecast.record`; nothing is downloaded, and it all takes less than a minute on two cores.
"""

import tempfile
import time

import torch
from torch import nn

import lodecast
from lodecast.torch import LodeLR

STEPS = 300
CLASSES = 10


def data(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    templates = torch.randn(CLASSES, 12, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    shapes = nn.functional.interpolate(templates[labels].unsqueeze(1), size=24, mode="linear").squeeze(1)
    shifts = torch.randint(16, (count, 1), generator=generator)
    signals = 0.25 * torch.randn(count, 40, generator=generator)
    places = shifts + torch.arange(24)
    scales = 1 + 0.3 * torch.randn(count, 1, generator=generator)
    return signals.scatter_add(1, places, shapes * scales), labels


TRAIN = data(4000, 1)
VALIDATION = data(1000, 2)


def train(seed, scheduler_for, on_point) -> float:
    """Train a small network and give its final validation accuracy."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Unflatten(1, (1, 40)),
        nn.Conv1d(1, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv1d(16, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(160, CLASSES),
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    scheduler = scheduler_for(optimizer)
    accuracy, losses = 0.0, []
    for step in range(1, STEPS + 1):
        batch = torch.randint(len(TRAIN[0]), (64,))
        loss = nn.functional.cross_entropy(network(TRAIN[0][batch]), TRAIN[1][batch])
        optimizer.zero_grad()
        loss.backward()
        rate = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 10 == 0:
            with torch.no_grad():
                accuracy = (network(VALIDATION[0]).argmax(1) == VALIDATION[1]).float().mean().item()
            on_point(scheduler, step, sum(losses) / len(losses), rate, accuracy)
            losses = []
    return accuracy


def recorded(folder: str, family: str, peak_lr: float, seed: int) -> float:
    """One run of the sweep."""
    schedule = lodecast.Schedule.parametric(family, peak_lr)
    about = {"total_steps": STEPS, "schedule": family, "peak_lr": peak_lr, "seed": seed, "optimizer": "sgd"}
    with lodecast.record(folder, f"{family}-{peak_lr}-{seed}", metrics="val_accuracy:max", **about) as recorder:

        def scheduler_for(optimizer):
            return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule.at_step(step, STEPS) / 0.1)

        def on_point(_, step, loss, rate, accuracy):
            recorder.log(step, train_loss=loss, learning_rate=rate, validation=accuracy)

        return train(seed, scheduler_for, on_point)


def main() -> None:
    torch.set_num_threads(1)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for family in ("constant", "cosine", "one-cycle"):
            for peak_lr in (0.01, 0.03, 0.1, 0.3):
                for seed in (0, 1):
                    recorded(folder, family, peak_lr, seed)
        sweep = lodecast.Sweep.read(folder)
    name, mean, _ = sweep.best_configuration()
    print(f"{sweep!r}\nbest of the sweep: {name}, mean accuracy {mean:.4f}  ({time.perf_counter() - started:.0f} s)")

    model = lodecast.fit(sweep, iterations=1500, members=3, progress=False)
    print(f"{model!r}  ({time.perf_counter() - started:.0f} s)")

    def observe(scheduler, step, loss, rate, accuracy):
        observation = scheduler.observe(train_loss=loss, validation=accuracy)
        if observation.kind != "nothing":
            print(f"  step {step}: {observation.kind}: {observation.reason}")

    accuracies = [train(seed, lambda optimizer: LodeLR(optimizer, model, STEPS), observe) for seed in (100, 101)]
    print(f"scheduled by lodecast: {', '.join(f'{accuracy:.4f}' for accuracy in accuracies)}")
    print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
