"""skorch under lodecast: `LodeLR` as the policy of skorch's own `LRScheduler`, and a callback of a few lines that feeds it.

    python skorch_digits.py            # a minute on a CPU
    python skorch_digits.py --short    # seconds

The sweep is imported from the `history.json` that skorch writes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from digits import digits
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, LRScheduler
from skorch.dataset import Dataset
from skorch.helper import predefined_split

import lodecast
from lodecast.distributed import find
from lodecast.torch import LodeLR

SHORT = "--short" in sys.argv
EPOCHS = 5 if SHORT else 30
BATCH = 50
TOTAL = EPOCHS * 1000 // BATCH


class Feed(Callback):  # type: ignore[misc, unused-ignore]
    """Give the `LodeLR` of a training what skorch has measured in an epoch."""

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Feed the mean train loss and the metric."""
        scheduler = find(dict(net.callbacks_)["LRScheduler"].lr_scheduler_)
        scheduler.observe(train_loss=net.history[-1, "train_loss"], validation=net.history[-1, "valid_acc"])


class Record(Callback):  # type: ignore[misc, unused-ignore]
    """Write a run of the sweep."""

    def __init__(self, recorder: lodecast.Recorder) -> None:
        self.recorder = recorder

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the mean train loss and the metric."""
        last, rate = net.history[-1], net.optimizer_.param_groups[0]["lr"]
        step = last["epoch"] * TOTAL // EPOCHS
        self.recorder.log(step, train_loss=last["train_loss"], learning_rate=rate, validation=last["valid_acc"])


def net(callbacks: list[Any], lr: float = 0.05) -> Any:
    """Make a network."""
    torch.manual_seed(0)
    inputs, targets, validation_inputs, validation_targets = digits()
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(128, 10),
    )
    made = NeuralNetClassifier(
        network, criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.SGD, optimizer__momentum=0.9, lr=lr,
        max_epochs=EPOCHS, batch_size=BATCH, iterator_train__shuffle=True, callbacks=callbacks, verbose=0,
        train_split=predefined_split(Dataset(validation_inputs, validation_targets)),
    )  # fmt: skip
    return made.fit(inputs, targets)


def main() -> None:
    """Sweep, fit, train."""
    runs = Path(tempfile.mkdtemp())
    finals = {}
    for family in ("cosine", "constant"):
        for peak in (0.003, 0.03, 0.3):
            schedule = lodecast.Schedule.parametric(family, peak)
            about = {"schedule": family, "peak_lr": peak, "seed": 0, "total_steps": TOTAL}
            with lodecast.record(runs, f"{family}-{peak}", metrics="valid_acc:max", **about) as recorder:
                # A rate of 1, of which LambdaLR makes the schedule's.
                shape = LRScheduler("LambdaLR", lr_lambda=lambda step, s=schedule: s.at_step(step, TOTAL), step_every="batch")
                made = net([shape, Record(recorder)], lr=1.0)
            finals[f"{family} {peak}"] = made.history[-1, "valid_acc"]
    law = lodecast.fit(runs, "law", progress=False)
    made = net([LRScheduler(LodeLR, model=law, total_steps=TOTAL, step_every="batch"), Feed()])
    scheduler = find(dict(made.callbacks_)["LRScheduler"].lr_scheduler_)
    print(scheduler.explain())
    best = max(finals, key=finals.__getitem__)
    print(f"final valid_acc {made.history[-1, 'valid_acc']:.3f}; best of the sweep, {best}: {finals[best]:.3f}")


if __name__ == "__main__":
    main()
