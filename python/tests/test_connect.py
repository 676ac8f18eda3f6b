"""A training that is connected to the real server, which is killed, restarted, and gone."""

import math
import socket

import pytest
from serving import NEEDS_BINARY, Server, binary

import lodecast
from lodecast.live.spool import Spool

TOTAL = 120


pytestmark = pytest.mark.skipif(binary() is None, reason=NEEDS_BINARY)


@pytest.fixture
def server(tmp_path, model):
    server = Server(tmp_path, model)
    yield server.start()
    server.kill()


class Group(dict):
    pass


class Optimizer:
    """What torch's optimizers have."""

    def __init__(self, *rates):
        self.param_groups = [Group(lr=rate) for rate in rates]


def connect(server, tmp_path, run="run", **settings):
    settings = {"model": "toy", "total_steps": TOTAL, "spool": tmp_path / "spool", "wait": 5.0, **settings}
    return lodecast.connect(server.url, run, **settings)


def loss(step):
    return 0.2 + 1.0 / (1.0 + 0.1 * step)


def test_rates_are_those_of_a_scheduler_in_the_training_to_the_last_bit(server, tmp_path, model):
    inside = lodecast.Scheduler(model, TOTAL)
    optimizer = Optimizer(1.0, 0.1)
    with connect(server, tmp_path) as live:
        assert live.apply(optimizer) == inside.learning_rate(0)
        for step in range(TOTAL - 1):
            validation = 0.9 - loss(step) / 3 if step % 10 == 9 else None
            inside.observe(step, train_loss=loss(step), validation=validation)
            live.tell(step, train_loss=loss(step), validation=validation)
            assert live.flush(20)
            rate = live.apply(optimizer)
            assert rate == inside.learning_rate(step + 1), step
            assert [group["lr"] for group in optimizer.param_groups] == [rate, pytest.approx(0.1 * rate)]
        assert live.schedule.revision == server.get("/v1/runs/run")["revision"]
        assert inside.last_plan is not None and live.schedule.total_steps == TOTAL


def test_an_outage_keeps_the_last_schedule_and_loses_nothing(server, tmp_path, caplog):
    optimizer = Optimizer(1.0)
    with connect(server, tmp_path) as live:
        for step in range(40):
            live.apply(optimizer, step, train_loss=loss(step))
        assert live.flush(20)
        server.kill()
        held = live.schedule
        rates = [live.apply(optimizer, step, train_loss=loss(step)) for step in range(40, 90)]
        assert rates == [held.learning_rate(step + 1) for step in range(40, 90)]
        assert not live.flush(1.0) and live.trouble and live.waiting >= 50
        assert caplog.text.count("the last schedule holds") == 1
        server.start()
        assert live.flush(40) and live.trouble is None and live.waiting == 0
        assert server.get("/v1/runs/run")["last_step"] == 89
        assert live.schedule.revision > held.revision


def test_what_a_process_did_not_tell_the_next_one_does(server, tmp_path):
    live = connect(server, tmp_path)
    live.tell(0, train_loss=1.0)
    assert live.flush(20)
    server.kill()
    for step in range(1, 30):
        live.tell(step, train_loss=loss(step))
    assert not live.flush(1.5)
    live.close(0)
    kept = (tmp_path / "spool" / "run" / "points.jsonl").read_text()
    assert kept.count("\n") >= 29
    # Killed while it wrote.
    (tmp_path / "spool" / "run" / "points.jsonl").write_text(kept + '{"step": 30, "trai')
    server.start()
    with connect(server, tmp_path) as live:
        assert live.flush(20)
        live.tell(30, train_loss=math.nan)
        assert live.flush(20)
    run = server.get("/v1/runs/run")
    assert run["last_step"] == 30 and any("diverging" in alert for alert in run["alerts"])


def test_what_is_told_in_an_outage_is_on_disk_before_the_next_attempt(server, tmp_path, monkeypatch):
    monkeypatch.setattr("lodecast.live.connect._FIRST_WAIT", 60.0)
    file = tmp_path / "spool" / "run" / "points.jsonl"
    with connect(server, tmp_path) as live:
        server.kill()
        for step in range(10):
            live.tell(step, train_loss=loss(step))
            assert not live.flush(0.3) and file.read_text().count("train_loss") == step + 1
        # Told at the end of the process, when nothing waits for it any more.
        live.tell(10, train_loss=1.0)
        live.close(0)
    assert Spool(file).waiting[-1] == {"step": 10, "train_loss": 1.0}


def test_a_refused_point_takes_no_other_along(server, tmp_path, caplog):
    with connect(server, tmp_path) as live:
        live.tell(0, train_loss=1.0)
        assert live.flush(20)
        server.kill()
        for step in range(1, 80):
            live.tell(step, train_loss=loss(step))
        # Beyond the planned end, and within what waits.
        live.tell(TOTAL + 5, train_loss=1.0)
        live.tell(TOTAL + 6, train_loss=1.0)
        for step in range(80, 100):
            live.tell(step, train_loss=loss(step))
        server.start()
        assert live.flush(40)
        assert server.get("/v1/runs/run")["last_step"] == 99
        assert caplog.text.count("a point was refused and is left out") == 2


def test_a_run_is_made_longer_among_what_is_told(server, tmp_path, model, caplog):
    inside = lodecast.Scheduler(model, TOTAL)
    with connect(server, tmp_path) as live:
        for step in range(90):
            inside.observe(step, train_loss=loss(step))
            live.tell(step, train_loss=loss(step))
        inside.extend(2 * TOTAL)
        live.extend(2 * TOTAL)
        for step in range(90, 150):
            inside.observe(step, train_loss=loss(step))
            live.tell(step, train_loss=loss(step))
        live.extend(TOTAL)
        assert live.flush(40) and live.schedule.total_steps == 2 * TOTAL
        assert [live.learning_rate(step) for step in range(150, 2 * TOTAL)] == [
            inside.learning_rate(step) for step in range(150, 2 * TOTAL)
        ]
    assert "extend 120 was refused" in caplog.text
    # A process that goes on asks for the run by its new length.
    with connect(server, tmp_path, total_steps=2 * TOTAL) as live:
        assert live.schedule.total_steps == 2 * TOTAL


def test_a_line_that_was_cut_off_takes_none_of_the_next_process_along(tmp_path):
    file = tmp_path / "points.jsonl"
    file.write_text('{"step": 1}\n{"step": 2, "tra')
    Spool(file).add([{"step": 3}])
    again = Spool(file)
    assert again.waiting == [{"step": 1}, {"step": 3}]
    again.told(2)
    assert file.read_text() == ""


def test_what_a_killed_process_left_beyond_the_checkpoint_counts_no_longer(server, tmp_path, model):
    inside = lodecast.Scheduler(model, TOTAL)
    with connect(server, tmp_path) as live:
        for step in range(20):
            live.tell(step, train_loss=loss(step))
        assert live.flush(20)
        server.kill()
        for step in range(20, 60):
            live.tell(step, train_loss=loss(step))
        live.close(0.5)
    for step in range(30):
        inside.observe(step, train_loss=loss(step))
    # The server is not there yet when the training goes on.
    with connect(server, tmp_path, wait=0.0) as live:
        optimizer = Optimizer(1.0)
        assert live.apply(optimizer, first_step=30) == live.learning_rate(30) == optimizer.param_groups[0]["lr"]
        for step in range(30, 50):
            inside.observe(step, train_loss=loss(step) + 0.01)
            live.tell(step, train_loss=loss(step) + 0.01)
        server.start()
        assert live.flush(40)
        assert server.get("/v1/runs/run")["last_step"] == 49
        rates = [live.learning_rate(step) for step in range(50, TOTAL)]
    assert rates == [inside.learning_rate(step) for step in range(50, TOTAL)]


def test_a_training_that_comes_from_a_checkpoint_goes_on_there(server, tmp_path, model):
    inside = lodecast.Scheduler(model, TOTAL)
    with connect(server, tmp_path) as live:
        for step in range(60):
            live.tell(step, train_loss=loss(step))
        assert live.flush(20)
    for step in range(30):
        inside.observe(step, train_loss=loss(step))
    with connect(server, tmp_path) as live:
        for step in range(30, 50):
            inside.observe(step, train_loss=loss(step) + 0.01)
            live.tell(step, train_loss=loss(step) + 0.01)
        assert live.flush(20)
        assert [live.learning_rate(step) for step in range(50, TOTAL)] == [
            inside.learning_rate(step) for step in range(50, TOTAL)
        ]
        # And within one process.
        live.tell(40, train_loss=loss(40) + 0.02)
        assert live.flush(20)
    assert server.get("/v1/runs/run")["last_step"] == 40


def test_a_training_that_begins_again_is_told_anew(server, tmp_path, model, caplog):
    with connect(server, tmp_path) as live:
        for step in range(40):
            live.tell(step, train_loss=loss(step))
        assert live.flush(20)
    inside = lodecast.Scheduler(model, TOTAL)
    with connect(server, tmp_path) as live:
        # Killed before its first checkpoint, with another seed.
        for step in range(30):
            inside.observe(step, train_loss=loss(step) + 0.03)
            live.tell(step, train_loss=loss(step) + 0.03)
        assert live.flush(20)
        rates = [live.learning_rate(step) for step in range(30, TOTAL)]
    assert rates == [inside.learning_rate(step) for step in range(30, TOTAL)]
    assert server.get("/v1/runs/run")["last_step"] == 29
    assert not [record for record in caplog.records if "told" in record.getMessage()]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_a_unix_socket_will_do_and_one_that_was_killed_is_replaced(tmp_path, model, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server = Server(tmp_path, model, str(tmp_path / "lode.sock")).start()
    try:
        with connect(server, tmp_path) as live:
            rate = live.apply(Optimizer(1.0), 0, train_loss=1.0)
            assert live.flush(20) and rate > 0.0
            assert (tmp_path / "lode.sock").stat().st_mode & 0o777 == 0o600
            server.kill()
            assert (tmp_path / "lode.sock").exists()
            live.tell(1, train_loss=0.9)
            assert not live.flush(1.0) and live.trouble
            server.start()
            assert live.flush(40) and live.trouble is None
            assert repr(live).count(server.url) == 1
    finally:
        server.kill()


def test_without_a_server_the_training_goes_on(server, tmp_path):
    with connect(server, tmp_path) as live:
        first = live.apply(Optimizer(1.0))
    server.kill()
    optimizer = Optimizer(0.5)
    with connect(server, tmp_path, run="unknown", wait=0.0) as live:
        assert math.isnan(live.apply(optimizer, 0, train_loss=1.0))
        assert optimizer.param_groups[0]["lr"] == 0.5, "nothing is known: it stays as it is"
        live.close(0)
    with connect(server, tmp_path, wait=0.0) as live:
        assert live.apply(optimizer) == first, "as it was told last"
        live.close(0)


def test_nothing_raises_in_the_loop(server, tmp_path, caplog):
    class Broken:
        @property
        def param_groups(self):
            raise RuntimeError("broken")

    with connect(server, tmp_path) as live:
        assert math.isnan(live.apply(Broken(), 0, train_loss=1.0))
        live.apply(Optimizer(0.0), 1, train_loss="much")
        live.apply(lambda rate: 1 / 0, 2)
        live.tell("later", train_loss=1.0)
        live.apply(Optimizer(1.0), 10**6, train_loss=1.0)
        assert live.flush(20)
        assert "beyond the planned end" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [({"total_steps": 7}, "total_steps"), ({"model": "none"}, "there are: toy"), ({"lead": 0}, "lead"), ({"wat": 1}, "wat")],
)
def test_what_the_server_refuses_is_said_before_the_loop(server, tmp_path, change, words):
    connect(server, tmp_path).close()
    run = "run" if "total_steps" in change else "other"
    with pytest.raises(lodecast.SettingError, match=words):
        connect(server, tmp_path, run=run, **change)
    with pytest.raises(lodecast.ArgumentError):
        lodecast.connect("127.0.0.1:7979", "run", model="toy", total_steps=7)
    with pytest.raises(lodecast.ArgumentError):
        lodecast.connect("unix:", "run", model="toy", total_steps=7)
    with pytest.raises(lodecast.ArgumentError):
        lodecast.connect(server.url, "../run", model="toy", total_steps=7)
