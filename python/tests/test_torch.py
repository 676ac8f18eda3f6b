"""LodeLR beside torch's own conventions. Needs torch."""

import copy
import io

import pytest

import lodecast

torch = pytest.importorskip("torch")

from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR  # noqa: E402

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
        self.scheduler = LodeLR(self.optimizer, model, TOTAL, seed=5, replan_at=[0.0, 0.2, 0.4, 0.6, 0.8])
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
