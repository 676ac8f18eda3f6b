"""The scheduler in timm's loop, beside one of timm's own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("timm")

import torch
from timm.scheduler import CosineLRScheduler

import lodecast
from lodecast.timm import LodeScheduler


def test_it_stands_where_timms_does(model: Path) -> None:
    theirs = CosineLRScheduler(torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1), t_initial=60, t_in_epochs=False)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    ours = LodeScheduler(optimizer, model, 60, every_n_updates=5, replan_at=[0.5])
    told = lodecast.Scheduler(model, 60, replan_at=[0.5])
    updates, rates = 0, []
    for epoch in range(6):
        for _ in range(10):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            updates += 1
            for scheduler in (theirs, ours):
                scheduler.step_update(num_updates=updates, metric=2.0 / updates)
        for scheduler in (theirs, ours):
            scheduler.step(epoch + 1, 0.5 / (epoch + 1))
    observed = ours.scheduler.scheduler.observed
    assert [(point["step"], point["train_loss"]) for point in observed] == [(step, 2.0 / step) for step in range(5, 61, 5)]
    assert [point["validation"] for point in observed if point["validation"]] == [0.5 / epoch for epoch in range(1, 7)]
    for point in observed[:6]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert rates[31:] == [told.learning_rate(step) for step in range(31, 60)]
    again = LodeScheduler(torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1), model, 60)
    again.load_state_dict(ours.state_dict())
    assert again.state_dict() == ours.state_dict()
    assert again.get_last_lr() == ours.get_last_lr() == [told.learning_rate(60)]
