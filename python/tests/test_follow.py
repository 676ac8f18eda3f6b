import json
import logging
import os
from pathlib import Path

import pytest

import lodecast


def rates(path, revision=1, effective=0, before=0.1, after=0.1, **other):
    at = effective / 100
    knots = [(0.0, before), (at, before), (at, after), (1.0, after)]
    file = {
        "format": 1,
        "run": "run",
        "revision": revision,
        "effective_from_step": effective,
        "total_steps": 100,
        "knots": [{"progress": at, "learning_rate": rate} for at, rate in knots],
        "metric": "val_accuracy:max",
        "predicted": {"mean": 0.9, "low": 0.88, "high": 0.91},
        "reason": "because",
        "last_seen_step": None,
        "not_followed": None,
        "finished": False,
        **other,
    }
    replace(path, json.dumps(file))
    return path


def replace(path, text):
    new = Path(f"{path}.new")
    new.write_text(text)
    os.replace(new, path)


@pytest.fixture
def path(tmp_path):
    return rates(tmp_path / "rates.json")


def test_a_revision_is_taken_when_its_time_comes(path):
    follow = lodecast.Follow(path, poll=0)
    assert follow.learning_rate(60) == 0.1
    rates(path, revision=2, effective=50, after=0.2)
    assert [follow.learning_rate(step) for step in (49, 50, 99)] == [0.1, 0.2, 0.2]
    assert follow.learning_rate(10) == 0.1, "as after a restart from a checkpoint"
    rates(path, revision=4, effective=70, before=0.2, after=0.3)
    assert [follow.learning_rate(step) for step in (69, 70)] == [0.2, 0.3]
    assert (follow.total_steps, follow.predicted, follow.reason) == (100, (0.9, 0.88, 0.91), "because")
    assert "revision 4 from step 70" in repr(follow)


def test_a_clock_that_goes_back_hides_no_revision(path):
    follow = lodecast.Follow(path, poll=0)
    os.utime(rates(path, revision=2, effective=50, after=0.2), (0, 0))
    assert [follow.learning_rate(step) for step in (49, 50)] == [0.1, 0.2]


def test_rates_between_knots_lie_on_a_straight_line(path):
    knots = [{"progress": 0.25, "learning_rate": 1.0}, {"progress": 0.75, "learning_rate": 0.5}]
    follow = lodecast.Follow(rates(path, knots=knots))
    assert [follow.learning_rate(step) for step in (0, 25, 50, 75, 100, 200)] == [1.0, 1.0, 0.75, 0.5, 0.5, 0.5]
    # As the engine has them, to the last bit.
    schedule = lodecast.Schedule.piecewise_linear([(0.25, 1.0), (0.75, 0.5)])
    assert all(follow.learning_rate(step) == schedule.learning_rate(step / 100) for step in range(101))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": 2}', '{"format": 1}', '{"format": 1, "knots": []}', "\x00\xff"],
)
def test_a_damaged_file_keeps_the_last_good_one(path, text, caplog):
    follow = lodecast.Follow(path, poll=0)
    replace(path, text)
    with caplog.at_level(logging.WARNING, logger="lodecast"):
        assert [follow.learning_rate(step) for step in (1, 2, 3)] == [0.1, 0.1, 0.1]
    assert len(caplog.records) == 1 and "the last good schedule holds" in caplog.text
    assert follow.trouble
    rates(path, revision=2, effective=50, after=0.2)
    assert follow.learning_rate(60) == 0.2 and follow.trouble is None


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan"), float("inf")])
def test_impossible_rates_are_refused(path, rate):
    follow = lodecast.Follow(path, poll=0)
    rates(path, revision=2, effective=50, after=rate)
    assert follow.learning_rate(60) == 0.1


def test_a_file_that_is_gone_keeps_the_last_good_one(path):
    follow = lodecast.Follow(path, poll=0)
    path.unlink()
    assert follow.learning_rate(60) == 0.1
    assert "No such file" in follow.trouble


def test_the_file_is_looked_at_now_and_then(path):
    follow = lodecast.Follow(path, poll=3600)
    rates(path, revision=2, effective=50, after=0.2)
    assert follow.learning_rate(60) == 0.1
    assert follow.refresh() and not follow.refresh()
    assert follow.learning_rate(60) == 0.2


def test_what_is_not_there_is_said_with_what_to_do(tmp_path):
    with pytest.raises(lodecast.FileError, match="lodecast follow SOURCE"):
        lodecast.Follow(tmp_path / "rates.json", wait=0)
    with pytest.raises(lodecast.ArgumentError):
        lodecast.Follow(3)
    with pytest.raises(lodecast.SettingError, match="poll"):
        lodecast.Follow(tmp_path, poll=-1)


@pytest.mark.integration
def test_torch_groups_keep_their_ratio_and_a_state_goes_on(path):
    torch = pytest.importorskip("torch")
    from lodecast.torch import FollowLR

    def optimizer():
        weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
        return torch.optim.SGD([{"params": weights[:1], "lr": 0.5}, {"params": weights[1:], "lr": 0.05}])

    def rates_of(optimizer):
        return [group["lr"] for group in optimizer.param_groups]

    rates(path, revision=2, effective=3, before=0.1, after=0.2)
    first = optimizer()
    scheduler = FollowLR(first, path, poll=0)
    assert scheduler.total_steps == 100
    seen = [rates_of(first)]
    for _ in range(5):
        first.step()
        scheduler.step()
        seen.append(rates_of(first))
    expected = [[0.1, 0.1 * (0.05 / 0.5)]] * 3 + [[0.2, 0.2 * (0.05 / 0.5)]] * 3
    assert seen == expected
    assert scheduler.get_last_lr() == expected[-1]

    state = scheduler.state_dict()
    assert json.loads(json.dumps(state)) == state
    second = optimizer()
    second.load_state_dict(first.state_dict())
    resumed = FollowLR(second, path, poll=0)
    resumed.load_state_dict(state)
    assert rates_of(second) == rates_of(first) and resumed.last_epoch == 5
    rates(path, revision=3, effective=7, before=0.2, after=0.3)
    for _ in range(3):
        for each, schedule in ((first, scheduler), (second, resumed)):
            each.step()
            schedule.step()
        assert rates_of(second) == rates_of(first)
    assert rates_of(second)[0] == 0.3
    assert "revision 3 from step 7" in resumed.explain()
    for state in ({"version": 9}, torch.optim.lr_scheduler.ConstantLR(optimizer()).state_dict()):
        with pytest.raises(lodecast.StateError, match="make FollowLR with last_epoch = the steps done - 1"):
            resumed.load_state_dict(state)
    third = optimizer()
    third.load_state_dict(first.state_dict())
    assert FollowLR(third, path, poll=0, last_epoch=7).last_epoch == 8 and rates_of(third) == rates_of(first)
    with pytest.raises(lodecast.SettingError, match="reference_group"):
        FollowLR(optimizer(), path, reference_group=2)


@pytest.mark.integration
def test_torch_rates_in_tensors_are_set_in_place(path):
    torch = pytest.importorskip("torch")
    from lodecast.torch import FollowLR

    held = torch.tensor(0.5)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=held)
    scheduler = FollowLR(optimizer, path)
    optimizer.step()
    scheduler.step()
    assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.1)
