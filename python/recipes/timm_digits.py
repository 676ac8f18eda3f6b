"""timm's training loop under lodecast: `step_update` after every update, `step` after every epoch.

    python timm_digits.py            # minutes on a CPU
    python timm_digits.py --short    # seconds

The loop is that of timm's `train.py`: what stands there as `create_scheduler_v2` is lodecast's `LodeScheduler` here.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import timm
import torch
from digits import digits
from timm.optim import create_optimizer_v2
from timm.utils import AverageMeter

import lodecast
from lodecast.timm import LodeScheduler

SHORT = "--short" in sys.argv
ROWS, EPOCHS = (300, 3) if SHORT else (1000, 12)
BATCH = 50
UPDATES = ROWS // BATCH
EVERY = UPDATES // 2


def train(schedule: lodecast.Schedule | None, law: lodecast.LawModel | None, recorder: lodecast.Recorder | None) -> Any:
    """Train under a schedule, or as a law plans; return the final metric and the scheduler."""
    torch.manual_seed(0)
    inputs, targets, validation_inputs, validation_targets = (torch.from_numpy(part)[:ROWS] for part in digits())
    network = timm.create_model("test_resnet.r160_in1k", num_classes=10, in_chans=1)
    optimizer = create_optimizer_v2(network, opt="sgd", lr=0.05, weight_decay=1e-4, momentum=0.9)
    total = EPOCHS * UPDATES
    # Groups with and without weight decay have the same rate here, so the first may stand for both.
    scheduler = None if law is None else LodeScheduler(optimizer, law, total, every_n_updates=EVERY)
    num_updates, accuracy = 0, 0.0
    for epoch in range(EPOCHS):
        network.train()
        losses_m = AverageMeter()
        for rows in torch.randperm(len(inputs)).split(BATCH):
            if schedule is not None:
                for group in optimizer.param_groups:
                    group["lr"] = schedule.at_step(num_updates, total)
            images = torch.nn.functional.interpolate(inputs[rows], scale_factor=4)
            loss = torch.nn.functional.cross_entropy(network(images), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            num_updates += 1
            losses_m.update(loss.item(), len(rows))
            if recorder is not None and num_updates % EVERY == 0:
                recorder.log(num_updates, train_loss=losses_m.avg, learning_rate=optimizer.param_groups[0]["lr"])
            if scheduler is not None:
                scheduler.step_update(num_updates=num_updates, metric=losses_m.avg)
        network.eval()
        with torch.no_grad():
            images = torch.nn.functional.interpolate(validation_inputs, scale_factor=4)
            accuracy = float((network(images).argmax(1) == validation_targets).float().mean())
        if recorder is not None:
            recorder.log(num_updates, validation=accuracy)
        if scheduler is not None:
            # timm's `top1` is in per cent; the metric has to be on the scale of the sweep's.
            scheduler.step(epoch + 1, accuracy)
    return accuracy, scheduler


def main() -> None:
    """Sweep, fit, train."""
    runs = Path(tempfile.mkdtemp())
    finals = {}
    for family in ("cosine", "constant"):
        for peak in (0.003, 0.03, 0.3):
            about = {"schedule": family, "peak_lr": peak, "seed": 0, "total_steps": EPOCHS * UPDATES}
            with lodecast.record(runs, f"{family}-{peak}", metrics="val_accuracy:max", **about) as recorder:
                finals[f"{family} {peak}"], _ = train(lodecast.Schedule.parametric(family, peak), None, recorder)
    law = lodecast.fit(runs, "law", progress=False)
    final, scheduler = train(None, law, None)
    print(scheduler.scheduler.explain())
    best = max(finals, key=finals.__getitem__)
    print(f"final val_accuracy {final:.3f}; best of the sweep, {best}: {finals[best]:.3f}")


if __name__ == "__main__":
    main()
