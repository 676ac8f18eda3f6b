"""LodeLR beside torch's own conventions. Needs torch."""

import copy
import io
import logging
import math
import multiprocessing
import os
import pickle

import numpy as np
import pytest

import lodecast

torch = pytest.importorskip("torch")

from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, LinearLR, SequentialLR  # noqa: E402

from lodecast.live.decisions import expected  # noqa: E402
from lodecast.torch import LodeLR  # noqa: E402

TOTAL = 60
pytestmark = pytest.mark.integration


def parameter() -> "torch.nn.Parameter":
    return torch.nn.Parameter(torch.ones(3))


def rates(optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


class Training:
    """A real training, small: a network on a fixed task, scheduled by LodeLR."""

    def __init__(self, model):
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(256, 8, generator=generator)
        self.targets = (self.inputs[:, 0] * self.inputs[:, 1] > 0).long()
        torch.manual_seed(1)
        self.network = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.scheduler = LodeLR(self.optimizer, model, TOTAL, seed=0, replan_at=[0.0, 0.2, 0.4, 0.6, 0.8])
        self.rates = []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            at = self.scheduler.last_epoch
            self.rates.append(rates(self.optimizer)[0])
            batch = slice(at * 32 % 256, at * 32 % 256 + 32)
            loss = torch.nn.functional.cross_entropy(self.network(self.inputs[batch]), self.targets[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            accuracy = None
            if at % 5 == 0:
                with torch.no_grad():
                    accuracy = (self.network(self.inputs).argmax(1) == self.targets).float().mean()
            self.scheduler.observe(train_loss=loss, validation=accuracy)

    def save(self) -> bytes:
        buffer = io.BytesIO()
        parts = {"network": self.network, "optimizer": self.optimizer, "scheduler": self.scheduler}
        torch.save({name: part.state_dict() for name, part in parts.items()}, buffer)
        return buffer.getvalue()

    def load(self, checkpoint: bytes, order=("network", "optimizer", "scheduler")) -> None:
        state = torch.load(io.BytesIO(checkpoint), weights_only=True)
        for name in order:
            getattr(self, name).load_state_dict(state[name])


@pytest.mark.parametrize("stop", [0, 13, 37])
@pytest.mark.parametrize("order", [("network", "optimizer", "scheduler"), ("scheduler", "network", "optimizer")])
def test_a_resumed_training_has_the_same_rates_bit_for_bit(model, latent_model, stop, order):
    for one in (model, latent_model):
        whole = Training(one)
        whole.run(TOTAL)
        first = Training(one)
        first.run(stop)
        again = Training(one)
        again.load(first.save(), order)
        again.run(TOTAL - stop)
        assert first.rates + again.rates == whole.rates
        assert len(set(whole.rates)) > 10
        assert again.scheduler.state_dict() == whole.scheduler.state_dict()
        for a, b in zip(again.network.parameters(), whole.network.parameters(), strict=True):
            assert torch.equal(a, b)


def test_constructing_on_a_restored_optimizer_leaves_its_rate(model):
    first = Training(model)
    first.run(30)
    optimizer = torch.optim.SGD([parameter()], lr=0.1, momentum=0.9)
    state = copy.deepcopy(first.optimizer.state_dict())
    state["state"] = {}
    state["param_groups"][0]["params"] = [0]
    optimizer.load_state_dict(state)
    before = rates(optimizer)
    for last_epoch in (-1, 29):
        scheduler = LodeLR(optimizer, model, TOTAL, last_epoch=last_epoch)
        assert rates(optimizer) == before == scheduler.get_last_lr()
    scheduler.load_state_dict(first.scheduler.state_dict())
    assert rates(optimizer) == before
    optimizer.step()
    scheduler.step()
    assert rates(optimizer) == [first.scheduler.scheduler.learning_rate(31)]


def test_steps_are_counted_as_torch_does(model):
    ours, theirs = (torch.optim.SGD([parameter()], lr=0.1) for _ in range(2))
    mine, cosine = LodeLR(ours, model, TOTAL), CosineAnnealingLR(theirs, TOTAL)
    engine = lodecast.Scheduler(model, TOTAL)
    for step in range(TOTAL):
        assert (mine.last_epoch, mine._step_count) == (cosine.last_epoch, cosine._step_count) == (step, step + 1)
        assert mine.get_last_lr() == rates(ours) == [engine.learning_rate(step)]
        for part in (ours, theirs, mine, cosine):
            part.step()


def test_groups_keep_their_ratios_and_later_ones_join(model):
    optimizer = torch.optim.AdamW([{"params": [parameter()]}, {"params": [parameter()], "lr": 1e-4}], lr=1e-3)
    scheduler = LodeLR(optimizer, model, TOTAL)
    optimizer.step()
    scheduler.step()
    optimizer.add_param_group({"params": [parameter()], "lr": 5e-4})
    optimizer.add_param_group({"params": [parameter()]})
    optimizer.step()
    scheduler.step()
    first, *others = rates(optimizer)
    assert first == scheduler.scheduler.learning_rate(2)
    assert others == pytest.approx([0.1 * first, 0.5 * first, first])
    assert len(scheduler.base_lrs) == len(scheduler.get_last_lr()) == 4
    # The last group stays the reference when it is no longer the last.
    optimizer = torch.optim.AdamW([{"params": [parameter()]}, {"params": [parameter()], "lr": 2e-3}], lr=1e-3)
    scheduler = LodeLR(optimizer, model, TOTAL, reference_group=-1)
    optimizer.add_param_group({"params": [parameter()], "lr": 5e-4})
    optimizer.step()
    scheduler.step()
    reference = scheduler.scheduler.learning_rate(1)
    assert rates(optimizer) == pytest.approx([0.5 * reference, reference, 0.25 * reference])
    with pytest.raises(lodecast.SettingError, match="positive"):
        LodeLR(torch.optim.SGD([parameter()], lr=0.0), model, TOTAL)


def test_a_tensor_rate_is_filled_in_place(model):
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam([parameter()], lr=rate)
    scheduler = LodeLR(optimizer, model, TOTAL)
    held = optimizer.param_groups[0]["lr"]
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] is held
    assert float(held) == pytest.approx(scheduler.scheduler.learning_rate(5))
    state = scheduler.state_dict()
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    assert torch.load(buffer, weights_only=True) == state


def test_after_a_warm_up_in_a_chain(model):
    def chain():
        optimizer = torch.optim.SGD([parameter()], lr=0.1)
        warmup = LinearLR(optimizer, start_factor=0.1, total_iters=10)
        return optimizer, SequentialLR(optimizer, [warmup, LodeLR(optimizer, model, TOTAL)], milestones=[10])

    optimizer, scheduler = chain()
    seen, saved = [], None
    for step in range(40):
        seen.append(rates(optimizer)[0])
        if step == 25:
            saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
        optimizer.step()
        scheduler.step()
    engine = lodecast.Scheduler(model, TOTAL)
    assert seen[:10] == pytest.approx([0.1 * (0.1 + 0.09 * step) for step in range(10)])
    assert seen[10:] == [engine.learning_rate(step) for step in range(30)]
    optimizer, scheduler = chain()
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    again = []
    for _ in range(25, 40):
        again.append(rates(optimizer)[0])
        optimizer.step()
        scheduler.step()
    assert again == seen[25:]


def test_a_run_is_extended_and_observations_repeat_harmlessly(model):
    training = Training(model)
    training.run(30)
    state = training.scheduler.state_dict()
    point = training.scheduler.scheduler.observed[-1]
    again = training.scheduler.observe(train_loss=point["train_loss"], validation=point["validation"])
    assert again.kind == "nothing" and training.scheduler.state_dict() == state
    before = rates(training.optimizer)
    training.scheduler.extend(2 * TOTAL)
    assert rates(training.optimizer) == before and training.scheduler.total_steps == 2 * TOTAL
    training.run(60)
    with pytest.raises(lodecast.StateError, match="version"):
        training.scheduler.load_state_dict({"last_epoch": 3})


def scheduled(model, total_steps=TOTAL, lr=0.1, **options):
    optimizer = torch.optim.SGD([parameter()], lr=lr)
    return optimizer, LodeLR(optimizer, model, total_steps, **options)


def go_on(optimizer, scheduler, steps: int) -> list[float]:
    seen = []
    for _ in range(steps):
        seen.append(rates(optimizer)[0])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("loss_first", [True, False])
def test_a_step_is_decided_upon_when_its_metric_is_known(model, loss_first):
    optimizer, scheduler = scheduled(model, replan_at=[0.2])
    told = lodecast.Scheduler(model, TOTAL, replan_at=[0.2])
    for step in range(1, 13):
        go_on(optimizer, scheduler, 1)
        values = [{"train_loss": 2.0 / step}, {"validation": 0.05 * step}]
        for value in values if loss_first else reversed(values):
            assert scheduler.observe(**value).kind == "nothing"
        told.observe(step, train_loss=2.0 / step, validation=0.05 * step)
    assert scheduler.scheduler.replans == 0 and told.replans == 1
    go_on(optimizer, scheduler, 1)
    assert scheduler.scheduler.observed == told.observed
    assert scheduler.last_plan == told.last_plan and scheduler.scheduler.replans == 1
    (decision,) = scheduler.decisions
    assert (decision.step, decision.reason) == (12, told.last_plan.reason)
    assert rates(optimizer) == [told.learning_rate(13)]
    assert scheduler.observe(train_loss=0.1).reason == told.last_plan.reason, "the next call says what was decided"
    assert scheduler.observe(validation=0.1).kind == "nothing"


def test_decisions_are_told(model, caplog):
    shown = []
    with caplog.at_level(logging.INFO, "lodecast"):
        optimizer, scheduler = scheduled(model, replan_at=[0.1, 0.3], sinks=[shown.append])
        for step in range(1, 31):
            go_on(optimizer, scheduler, 1)
            scheduler.observe(train_loss=2.0 / step, validation=0.02 * step)
    assert [decision.step for decision in shown] == [6, 18] and shown == scheduler.decisions
    said = [record.getMessage() for record in caplog.records]
    for decision in shown:
        assert any(f"step {decision.step} of {TOTAL}" in line and decision.reason in line for line in said)
        assert decision.reason in scheduler.explain()
    assert "30 points observed" in scheduler.explain()
    numbers = shown[0].numbers()
    assert numbers["lodecast/predicted_low"] <= numbers["lodecast/predicted_final"] <= numbers["lodecast/predicted_high"]


def test_a_run_unlike_the_sweep_is_told_as_a_warning(model, caplog):
    """An accuracy in per cent, where the model has learned fractions."""
    shown = []
    with caplog.at_level(logging.WARNING, "lodecast"):
        optimizer, scheduler = scheduled(model, replan_at=[0.1, 0.3], sinks=[shown.append])
        for step in range(1, 31):
            go_on(optimizer, scheduler, 1)
            scheduler.observe(train_loss=2.0 / step, validation=90.0)
    assert [decision.at_a_loss for decision in shown] == [True, True]
    assert scheduler.schedule == lodecast.Scheduler(model, TOTAL, replan_at=[0.1, 0.3]).schedule
    said = [record.getMessage() for record in caplog.records if "deviations" in record.getMessage()]
    assert len(said) == 2 and all("on the same scale?" in line for line in said)
    assert "predicted_final" not in str(shown[0].numbers())


def test_what_is_expected_of_a_law_is_its_interval(law):
    _, scheduler = scheduled(law, total_steps=200, replan_at=[0.0, 0.5])
    interval = scheduler.last_plan.interval
    assert interval.high - interval.mean > 1.2 * (interval.mean - interval.low), "it is no even one"
    assert expected(scheduler.last_plan) == (interval.mean, interval.low, interval.high)
    assert f"({interval.low:.4g} to {interval.high:.4g})" in scheduler.explain()


def test_a_sink_that_fails_does_not_end_the_training(model, caplog):
    optimizer, scheduler = scheduled(model, replan_at=[0.1], sinks=[lambda decision: 1 / 0])
    for _ in range(10):
        go_on(optimizer, scheduler, 1)
        scheduler.observe(train_loss=1.0, validation=0.5)
    assert len(scheduler.decisions) == 1
    assert any("a sink of decisions failed" in record.getMessage() for record in caplog.records)


def test_what_is_not_finite_is_told_and_nothing_is_planned_from_it(model, caplog):
    optimizer, scheduler = scheduled(model, replan_at=[0.2])
    go_on(optimizer, scheduler, 12)
    kept = scheduler.observe(train_loss=math.nan)
    assert kept.kind == "kept" and "NaN" in kept.reason
    scheduler.observe(validation=0.4)
    go_on(optimizer, scheduler, 1)
    assert scheduler.scheduler.replans == 0
    assert any("NaN" in record.getMessage() for record in caplog.records)
    scheduler.observe(train_loss=0.5, validation=0.4)
    go_on(optimizer, scheduler, 1)
    assert scheduler.scheduler.replans == 1, "the occasion waits for a sound point"


@pytest.mark.skipif(not hasattr(lodecast.Scheduler, "_fail_once"), reason="only checked builds can be made to fail")
def test_a_defect_of_the_planner_does_not_end_the_training(model, caplog):
    optimizer, scheduler = scheduled(model, replan_at=[0.2, 0.5])
    go_on(optimizer, scheduler, 12)
    before = scheduler.schedule
    scheduler.observe(train_loss=0.5, validation=0.4)
    scheduler.scheduler._fail_once()
    go_on(optimizer, scheduler, 18)
    assert scheduler.schedule == before and "a defect in lodecast" in scheduler.decisions[0].reason
    assert any(record.levelname == "ERROR" for record in caplog.records)
    scheduler.observe(train_loss=0.3, validation=0.6)
    go_on(optimizer, scheduler, 1)
    assert scheduler.scheduler.replans == 1, "later plans are made"
    assert LodeLR.load_state_dict(scheduler, scheduler.state_dict()) is None
    direct = lodecast.Scheduler(model, TOTAL)
    direct._fail_once()
    assert direct.observe(20, train_loss=1.0).kind == "kept"


@pytest.mark.parametrize("at", [0, 30, TOTAL])
def test_a_longer_run_is_planned_anew(model, at):
    optimizer, scheduler = scheduled(model)
    for step in range(1, at + 1):
        go_on(optimizer, scheduler, 1)
        scheduler.observe(train_loss=2.0 / step, validation=0.9 - 0.5 / step)
    longer, again = scheduled(model, 2 * TOTAL)
    longer.load_state_dict(optimizer.state_dict())
    again.load_state_dict(scheduler.state_dict())
    assert again.total_steps == 2 * TOTAL and rates(longer) == rates(optimizer)
    extended = copy.deepcopy(scheduler)
    extended.extend(2 * TOTAL)
    for one in (again, extended):
        go_on(one.optimizer, one, 1)
        if at > 0:
            assert one.decisions[-1].total_steps == 2 * TOTAL and one.decisions[-1].step == at
    assert again.schedule == extended.schedule
    for step in range(at + 2, 2 * TOTAL + 1):
        go_on(longer, again, 1)
        again.observe(train_loss=2.0 / step, validation=0.9 - 0.5 / step)
    assert [decision.step for decision in again.decisions if decision.step > 61] == [step for step in (84,) if step > 61], (
        "at 70 % of the longer run"
    )
    _, shorter = scheduled(model, 30)
    with pytest.raises(lodecast.StateError, match="of a run of 60 steps, and this scheduler was made for 30"):
        shorter.load_state_dict(scheduler.state_dict())


def test_the_rate_is_restored_with_or_without_the_optimizer(model):
    first = Training(model)
    first.run(30)
    for lr in (0.1, torch.tensor(0.1)):
        optimizer = torch.optim.Adam([parameter()], lr=lr)
        scheduler = LodeLR(optimizer, model, TOTAL)
        scheduler.load_state_dict(first.scheduler.state_dict())
        assert rates(optimizer) == pytest.approx(rates(first.optimizer), rel=1e-6)
        assert not isinstance(lr, torch.Tensor) or optimizer.param_groups[0]["lr"] is lr
    # In a chain, while the warm-up has the rate, it stays.
    optimizer = torch.optim.SGD([parameter()], lr=0.1)

    def chain():
        parts = [LinearLR(optimizer, start_factor=0.1, total_iters=10), LodeLR(optimizer, model, TOTAL)]
        return SequentialLR(optimizer, parts, milestones=[10])

    chained = chain()
    go_on(optimizer, chained, 4)
    state, before = chained.state_dict(), rates(optimizer)
    chained.load_state_dict(state)
    assert rates(optimizer) == before


def test_a_second_training_starts_at_its_own_rate(model):
    optimizer, scheduler = scheduled(model)
    go_on(optimizer, scheduler, TOTAL)
    again = LodeLR(optimizer, model, TOTAL)
    assert rates(optimizer) == [again.scheduler.learning_rate(0)]
    go_on(optimizer, again, 20)
    again.observe(train_loss=1.0)
    again.restart()
    assert rates(optimizer) == [again.scheduler.learning_rate(0)]
    assert (again.last_epoch, again.scheduler.observed, again.decisions) == (0, [], [])


def test_a_group_with_a_larger_rate_than_the_first_is_told(model):
    def groups(small, large):
        return torch.optim.SGD([{"params": [parameter()], "lr": small}, {"params": [parameter()], "lr": large}], lr=large)

    with pytest.raises(lodecast.SettingError, match="group 1 would get 1e\\+03 times as much: .* reference_group=1"):
        LodeLR(groups(1e-4, 1e-1), model, TOTAL)
    with pytest.warns(lodecast.LodecastWarning, match="group 1 would get 2 times as much"):
        LodeLR(groups(1e-4, 2e-4), model, TOTAL)
    optimizer = groups(1e-4, 1e-1)
    scheduler = LodeLR(optimizer, model, TOTAL, reference_group=1)
    assert rates(optimizer) == pytest.approx(
        [1e-3 * scheduler.scheduler.learning_rate(0), scheduler.scheduler.learning_rate(0)]
    )
    optimizer = groups(1e-4, 1e-1)
    scheduler = LodeLR(optimizer, model, TOTAL, reference_group=0)
    assert rates(optimizer)[0] == scheduler.scheduler.learning_rate(0)
    with pytest.raises(lodecast.SettingError, match="has 2 parameter groups"):
        LodeLR(groups(1e-4, 1e-4), model, TOTAL, reference_group=2)


def test_warming_up(model):
    optimizer, scheduler = scheduled(model, warmup_steps=10)
    planned = lodecast.Scheduler(model, TOTAL)
    seen = go_on(optimizer, scheduler, 5)
    scheduler.observe(train_loss=2.0)
    assert scheduler.scheduler.observed[-1]["learning_rate"] == pytest.approx(0.6 * planned.learning_rate(5))
    seen += go_on(optimizer, scheduler, 15)
    factors = [min((step + 1) / 10, 1.0) for step in range(20)]
    assert seen == pytest.approx([factor * planned.learning_rate(step) for step, factor in enumerate(factors)])
    with pytest.raises(lodecast.SettingError, match="warmup_steps = -1"):
        scheduled(model, warmup_steps=-1)


def test_a_warm_up_by_another_scheduler(model):
    optimizer = torch.optim.SGD([parameter()], lr=1e-3)
    lode = LodeLR(optimizer, model, TOTAL)
    chained = SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=10), lode], milestones=[10])
    go_on(optimizer, chained, 9)
    early = lode.observe(train_loss=2.0, validation=0.1)
    assert early.kind == "ignored" and "has the rate" in early.reason and lode.scheduler.observed == []
    with pytest.warns(lodecast.LodecastWarning, match="ends at a rate of 0.00091, and 0.* is planned from here on: make the"):
        go_on(optimizer, chained, 1)
    lode.observe(train_loss=1.0)
    go_on(optimizer, chained, 1)
    lode.observe(train_loss=0.9)
    assert [(point["step"], point["train_loss"]) for point in lode.scheduler.observed] == [(0, 1.0), (1, 0.9)]


def test_the_rate_that_was_applied_is_fed(model):
    optimizer, scheduler = scheduled(model)
    go_on(optimizer, scheduler, 3)
    optimizer.param_groups[0]["lr"] = 0.123
    scheduler.observe(train_loss=1.0)
    assert scheduler.scheduler.observed[-1]["learning_rate"] == 0.123


@pytest.mark.parametrize("order", [1, -1])
def test_another_scheduler_at_the_same_time_is_told(model, caplog, order):
    """A warm-up in a `ChainedScheduler`: of what comes before LodeLR nothing stays, what comes after multiplies."""
    optimizer = torch.optim.SGD([parameter()], lr=0.1)
    parts = [LinearLR(optimizer, 0.1, total_iters=10), LodeLR(optimizer, model, TOTAL)]
    chained = ChainedScheduler(parts[::order], optimizer=optimizer)
    go_on(optimizer, chained, 20)
    said = [record.getMessage() for record in caplog.records if "let no other scheduler have it" in record.getMessage()]
    assert len(said) == 1
    caplog.clear()
    optimizer, scheduler = scheduled(model)
    go_on(optimizer, scheduler, 5)
    again, resumed = scheduled(model)
    resumed.load_state_dict(scheduler.state_dict())
    go_on(again, resumed, 5)
    assert "let no other scheduler" not in caplog.text


def test_a_run_that_is_not_as_planned_is_told(model, caplog):
    optimizer, scheduler = scheduled(model)
    go_on(optimizer, scheduler, TOTAL + 3)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum("nothing was observed" in line for line in said) == 1
    assert sum("beyond its planned 60 steps" in line for line in said) == 1


@pytest.mark.parametrize("measured", [True, False])
def test_a_metric_that_is_never_observed_is_told(model, caplog, measured):
    optimizer, scheduler = scheduled(model)
    for step in range(1, TOTAL + 1):
        go_on(optimizer, scheduler, 1)
        scheduler.observe(train_loss=2.0 / step, validation=0.1 if measured and step == 20 else None)
    said = [record.getMessage() for record in caplog.records if "was not observed" in record.getMessage()]
    alone = "accuracy was not observed in the first 30 of 60 steps: the plans rest on the train loss alone"
    assert said == ([] if measured else [alone])


def test_a_step_after_every_epoch_is_told_at_the_first(model, caplog):
    optimizer, scheduler = scheduled(model)
    for epoch in range(3):
        for _ in range(20):
            optimizer.step()
        scheduler.step()
        said = [record.getMessage() for record in caplog.records if "updates" in record.getMessage()]
        assert len(said) == 1, epoch
    assert "has made 20 updates, and LodeLR 0 of its 60 steps: call step() after every optimizer.step()" in said[0]
    caplog.clear()
    # A warm-up by another, a copy, a second training and a resumed one are no such thing.
    optimizer, scheduler = scheduled(model)
    chained = SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=30), scheduler], milestones=[30])
    go_on(optimizer, chained, 50)
    copied = copy.deepcopy(scheduler)
    go_on(copied.optimizer, copied, 5)
    scheduler.restart()
    go_on(optimizer, scheduler, 50)
    _, again = scheduled(model)
    again.load_state_dict(scheduler.state_dict())
    go_on(again.optimizer, again, 5)

    class Wrapped(torch.optim.Optimizer):
        """An optimizer in name only, as Accelerate's."""

        def __init__(self, optimizer):
            self.optimizer, self.param_groups, self.step = optimizer, optimizer.param_groups, optimizer.step

    inner = torch.optim.SGD([parameter()], lr=0.1)
    wrapped = LodeLR(Wrapped(inner), model, TOTAL)
    go_on(inner, wrapped, 5)
    assert not [record for record in caplog.records if "updates" in record.getMessage()]
    for _ in range(20):
        inner.step()
    wrapped.step()
    assert "has made 25 updates, and LodeLR 5 of its 60 steps" in caplog.text


@pytest.mark.parametrize(
    ("steps", "said"), [(-1, "give a whole number"), (10.0, r"int\(10.0\)"), (math.inf, "max_epochs"), (0, "at least|number")]
)
def test_impossible_lengths_get_advice(model, steps, said):
    with pytest.raises(lodecast.SettingError, match=said):
        scheduled(model, steps)


def test_arguments_of_another_kind_get_advice(model):
    optimizer, scheduler = scheduled(model)
    for value in ("abc", torch.ones(2), [1.0]):
        with pytest.raises(lodecast.ArgumentError, match="give one number"):
            scheduler.observe(train_loss=value)
    with pytest.raises(lodecast.SettingError, match="-1: give a whole number"):
        scheduler.observe(step=-1, train_loss=1.0)
    with pytest.raises(lodecast.ArgumentError, match="or the path of its file, not NoneType"):
        LodeLR(optimizer, None, TOTAL)
    with pytest.raises(lodecast.ArgumentError, match="Optimizer is needed first, not str"):
        LodeLR("model.lode", optimizer, TOTAL)


def test_updates_that_a_scaler_skips_are_no_steps(model):
    """The loop of a scaler: a step only where there was an update."""
    weight = parameter()
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scheduler = LodeLR(optimizer, model, 10)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    engine, applied = lodecast.Scheduler(model, 10), []
    for update in range(12):
        before, rate = scaler.get_scale(), rates(optimizer)[0]
        scaler.scale((float("inf") if update in (0, 4) else 1.0) * weight.square().sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if scaler.get_scale() < before:
            continue
        applied.append(rate)
        scheduler.step()
    assert scheduler.last_epoch == 10 and applied == [engine.learning_rate(step) for step in range(10)]
    assert torch.isfinite(weight).all()


def test_accumulation_does_not_stop_it(model):
    """Accelerate counts accumulated batches in `_step_count`, and stops what has a `total_steps` that this has reached."""
    optimizer, scheduler = scheduled(model)
    scheduler._step_count += 100
    assert scheduler._step_count == 1 <= scheduler.total_steps
    go_on(optimizer, scheduler, 5)
    assert scheduler._step_count == 6


def _in_a_child(model) -> None:
    optimizer, scheduler = scheduled(model)
    for step in range(1, 40):
        go_on(optimizer, scheduler, 1)
        scheduler.observe(train_loss=2.0 / step, validation=0.5)
    model.plan(total_steps=150)
    model.forecast(schedule=lodecast.Schedule.cosine(0.4))
    model.suggest(2)
    # A child of a child has no threads of its parent either.
    process = multiprocessing.get_context("fork").Process(target=model.plan, kwargs={"total_steps": 150})
    process.start()
    process.join(60)
    os._exit(0 if process.exitcode == 0 and scheduler.scheduler.replans > 2 else 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works_on_threads_of_its_own(model):
    model.plan(total_steps=150)
    process = multiprocessing.get_context("fork").Process(target=_in_a_child, args=(model,))
    process.start()
    process.join(120)
    hangs = process.is_alive()
    if hangs:
        process.kill()
    assert not hangs and process.exitcode == 0


def test_what_else_is_counted_than_optimizer_steps_is_told(model, caplog):
    optimizer = torch.optim.SGD([parameter()], lr=0.1)
    scheduler = LodeLR(optimizer, model, TOTAL)
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    with pytest.raises(lodecast.SettingError, match=r"step = 640, and LodeLR has done 5 steps.*batches, samples"):
        scheduler.observe(step=640, train_loss=1.0)
    scheduler.observe(step=6, train_loss=1.0)
    for _ in range(25):
        optimizer.step()
        scheduler.step()
    with caplog.at_level(logging.WARNING, logger="lodecast"):
        scheduler.observe(step=7, train_loss=0.9)
        scheduler.observe(step=8, train_loss=0.9)
    assert [record.message for record in caplog.records if "not epochs" in record.message] == [
        "observed at step 7 while 30 steps are done: count optimizer steps, not epochs, or leave step out"
    ]


def test_a_training_of_another_length_is_spoken_of(sweep, caplog):
    net = lodecast.fit(sweep, "controlled", progress=False, members=1, iterations=20)
    longest = max(run.total_steps for run in sweep)
    with caplog.at_level(logging.WARNING, logger="lodecast"):
        scheduler = LodeLR(torch.optim.SGD([parameter()], lr=0.1), net, 100 * longest)
        scheduler.restart()
        assert caplog.text.count(f"the longest run of the sweep {longest}") == 1
        scheduler.restart(total_steps=200 * longest)
    assert caplog.text.count(f"the longest run of the sweep {longest}") == 2


def test_a_step_that_is_never_called_is_told_where_something_is_observed(model, caplog):
    optimizer, scheduler = scheduled(model)
    told = []
    for _ in range(12):
        optimizer.step()
        scheduler.observe(train_loss=1.0)
        told.append(sum("call step() after every optimizer.step()" in message for message in caplog.messages))
    assert told == [0] * 8 + [1] * 4


def test_a_warm_up_is_part_of_the_state(model):
    optimizer, scheduler = scheduled(model, warmup_steps=np.int64(10))
    go_on(optimizer, scheduler, 4)
    state = scheduler.state_dict()
    expected = go_on(optimizer, scheduler, 10)
    for options in ({}, {"warmup_steps": 10}):
        again, restored = scheduled(model, **options)
        restored.load_state_dict(state)
        assert go_on(again, restored, 10) == expected
    _, other = scheduled(model, warmup_steps=5)
    with pytest.raises(lodecast.StateError, match="warmup_steps = 5, and the state is of a run with 10: leave it out"):
        other.load_state_dict(state)
    # States of earlier releases do not know.
    old = {name: value for name, value in state.items() if name != "warmup_steps"}
    again, restored = scheduled(model, warmup_steps=10)
    restored.load_state_dict(old)
    assert go_on(again, restored, 10) == expected


def test_the_state_of_another_scheduler_gets_advice(model):
    optimizer, scheduler = scheduled(model)
    with pytest.raises(lodecast.StateError, match="of another scheduler.* plan what is left of the training: LodeLR"):
        scheduler.load_state_dict(CosineAnnealingLR(optimizer, TOTAL).state_dict())
    with pytest.raises(lodecast.StateError, match="its version is 2; go on with the release"):
        scheduler.load_state_dict({"version": 2})


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"seed": -1}, lodecast.SettingError, "seed = -1: give a whole number of at least 0"),
        ({"start": "cosine"}, lodecast.ArgumentError, r"give a schedule, as in start=lodecast\.Schedule\.cosine"),
        ({"replan_at": 0.5}, lodecast.ArgumentError, r"in a list, as in replan_at=\[0\.5\]"),
        ({"reference_group": "head"}, lodecast.ArgumentError, "give the position of the group"),
        ({"warmup_steps": "10"}, lodecast.ArgumentError, "give a whole number"),
        ({"warmup_steps": 2.5}, lodecast.SettingError, "no whole number"),
    ],
)
def test_options_of_another_kind_get_advice(model, options, kind, said):
    with pytest.raises(kind, match=said):
        scheduled(model, **options)


@pytest.mark.parametrize("metric", [0.37, torch.tensor(0.37)])
def test_a_metric_given_to_step_is_told_where_it_belongs(model, metric):
    optimizer, scheduler = scheduled(model)
    optimizer.step()
    with pytest.raises(lodecast.ArgumentError, match=r"takes no metric, .* give it to observe\(validation=\.\.\.\)"):
        scheduler.step(metric)


class Writer:
    """As a SummaryWriter, which holds threads and locks."""

    def __init__(self):
        self.scalars = []

    def add_scalar(self, *scalar):
        self.scalars.append(scalar)

    def add_text(self, *_):
        pass

    def __reduce__(self):
        raise TypeError("cannot pickle a writer")


def test_a_scheduler_that_shows_its_decisions_is_pickled(model, caplog):
    writer = Writer()
    _, scheduler = scheduled(model, replan_at=[0.1], sinks=[lodecast.live.sinks.tensorboard(writer), print])
    again = pickle.loads(pickle.dumps(scheduler))
    assert again.sinks == [print] and "1 of 2 sinks cannot be pickled and are left out" in caplog.text
    assert again.state_dict() == scheduler.state_dict()
    copied = copy.deepcopy(scheduler)
    for _ in range(8):
        go_on(copied.optimizer, copied, 1)
        copied.observe(train_loss=1.0, validation=0.5)
    assert writer.scalars, "a copy in this process shows where the first does"
