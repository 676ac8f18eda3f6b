"""Two processes that train one model apply the same rate at every step, resumed or not: DDP and Accelerate."""

from __future__ import annotations

import datetime
import json
import math
import socket
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import torch.distributed
import torch.multiprocessing
import toy
from torch.nn.parallel import DistributedDataParallel

import lodecast
from lodecast import distributed
from lodecast.live.points import mean
from lodecast.torch import LodeLR

STEPS = 40


def shard(rank: int) -> tuple[Any, Any, Any, Any]:
    inputs, targets, validation_inputs, validation_targets = map(torch.from_numpy, toy.data())
    return inputs[rank::2], targets[rank::2], validation_inputs[rank::2], validation_targets[rank::2]


def network() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))


def with_ddp(rank: int, port: int, model: str, folder: str, part: tuple[int, int]) -> None:
    start, stop = part
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    module = DistributedDataParallel(network())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    scheduler = LodeLR(optimizer, model, total_steps=STEPS)
    checkpoint = Path(folder) / "checkpoint.pt"
    if start > 0:
        saved = torch.load(checkpoint, weights_only=True)
        module.load_state_dict(saved["module"])
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
    inputs, targets, validation_inputs, validation_targets = shard(rank)
    rates = []
    for _ in range(start, stop):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(inputs), targets)
        loss.backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            validation = torch.nn.functional.mse_loss(module(validation_inputs), validation_targets)
        # Each process has its own numbers, and only the first has a metric at every step.
        metric = float(validation) if rank == 0 or scheduler.last_epoch % 2 == 0 else None
        distributed.observe(scheduler, train_loss=float(loss), validation=metric)
    if rank == 0:
        saved = {
            "module": module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        }
        torch.save(saved, checkpoint)
    torch.distributed.barrier()
    (Path(folder) / f"rates-{start}-{rank}.json").write_text(json.dumps(rates))
    torch.distributed.destroy_process_group()


def with_accelerate(rank: int, port: int, model: str, folder: str, part: tuple[int, int]) -> None:
    start, stop = part
    import os

    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in environment.items()})
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    module = network()
    module, optimizer = accelerator.prepare(module, torch.optim.SGD(module.parameters(), lr=0.05))
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, model, total_steps=STEPS)
    if start > 0:
        accelerator.load_state(str(Path(folder) / "state"))
    inputs, targets, validation_inputs, validation_targets = shard(rank)
    rates = []
    for _ in range(start, stop):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            validation = torch.nn.functional.mse_loss(module(validation_inputs), validation_targets)
        lodecast.accelerate.observe(scheduler, train_loss=float(loss), validation=float(validation))
    lode = distributed.find(scheduler)
    assert lode.last_epoch == 2 * stop
    assert lode.total_steps == 2 * STEPS
    accelerator.save_state(str(Path(folder) / "state"))
    (Path(folder) / f"rates-{start}-{rank}.json").write_text(json.dumps(rates))
    torch.distributed.destroy_process_group()


def run(worker: Any, model: Path, folder: Path, start: int, stop: int) -> list[float]:
    rates = run_whole(worker, model, folder, stop, start)
    assert len(rates) == stop - start
    return rates


def run_whole(worker: Any, model: Path, folder: Path, stop: int, start: int = 0) -> list[float]:
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(worker, (port, str(model), str(folder), (start, stop)), nprocs=2)
    first, second = (json.loads((folder / f"rates-{start}-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    return list(first)


@pytest.mark.parametrize("worker", [with_ddp, with_accelerate])
def test_every_process_applies_the_same_rate_resumed_or_not(worker: Any, tmp_path: Path, model: Path) -> None:
    if worker is with_accelerate:
        pytest.importorskip("accelerate")
    whole = run(worker, model, tmp_path / "whole", 0, STEPS)
    assert len(set(whole)) > 10
    parts = run(worker, model, tmp_path / "part", 0, 15) + run(worker, model, tmp_path / "part", 15, STEPS)
    assert parts == whole


def test_one_process_agrees_with_itself() -> None:
    assert distributed.agree(0.5, None) == (0.5, None)
    assert distributed.agree(torch.tensor(0.5), 2) == (0.5, 2.0)


def the_readmes_two_lines(rank: int, port: int, model: str, folder: str, part: tuple[int, int]) -> None:
    start, stop = part
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    module = DistributedDataParallel(network())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    scheduler = LodeLR(optimizer, model, total_steps=STEPS)
    inputs, targets, _, _ = shard(rank)
    rates, losses = [], []
    for step in range(start, stop):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(inputs), targets)
        loss.backward()
        optimizer.step()
        scheduler.step()
        # Only the first process has a metric, and none a loss that is not its own.
        scheduler.observe(train_loss=loss, validation=0.5 / (step + 1) if rank == 0 else None)
        losses.append(float(loss.detach()))
    (Path(folder) / f"rates-{start}-{rank}.json").write_text(json.dumps(rates))
    (Path(folder) / f"fed-{rank}.json").write_text(json.dumps([losses, scheduler.scheduler.observed]))
    # Both losses of a process at another step than the other's are no mean.
    with pytest.raises(lodecast.StateError, match="the processes are at different steps"):
        scheduler.observe(train_loss=1.0, step=STEPS + rank)
    torch.distributed.destroy_process_group()


def test_the_processes_agree_where_they_observe(tmp_path: Path, model: Path) -> None:
    assert len(set(run(the_readmes_two_lines, model, tmp_path, 0, STEPS))) > 10
    (first, observed), (second, same) = (json.loads((tmp_path / f"fed-{rank}.json").read_text()) for rank in (0, 1))
    assert observed == same
    means = [0.5 * a + 0.5 * b for a, b in zip(first, second, strict=True)]
    assert [point["train_loss"] for point in observed] == pytest.approx(means, rel=1e-12)
    assert [point["validation"] for point in observed] == [0.5 / (step + 1) for step in range(STEPS)]


def who_tells(rank: int, port: int, model: str, folder: str, _: Any) -> None:
    """What is told, by the logger and to a sink: of a training of both processes, and of two, one a process."""
    import logging
    import logging.handlers

    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    records = logging.handlers.BufferingHandler(1000)
    logging.getLogger("lodecast").addHandler(records)
    logging.getLogger("lodecast").setLevel(logging.INFO)
    for group in (None, "alone"):
        records.buffer.clear()
        shown: list[int] = []
        optimizer = torch.optim.SGD(network().parameters(), lr=0.05)
        sinks = [lambda decision, shown=shown: shown.append(decision.step)]
        scheduler = LodeLR(optimizer, model, total_steps=STEPS, replan_at=[0.6], group=group, sinks=sinks)
        for step in range(STEPS):
            optimizer.step()
            scheduler.step()
            # Nothing is observed in the first half: that is told, and so are the decision and a value that is none.
            if step + 1 in (24, 30):
                scheduler.observe(train_loss=0.5 if step + 1 == 24 else math.nan)
        told = [record.getMessage() for record in records.buffer]
        (Path(folder) / f"told-{group}-{rank}.json").write_text(json.dumps([told, shown]))
    (Path(folder) / f"rates-0-{rank}.json").write_text("[]")
    torch.distributed.destroy_process_group()


def test_the_first_of_those_that_train_together_tells_for_all(tmp_path: Path, model: Path) -> None:
    run_whole(who_tells, model, tmp_path, 0)
    together, silent, one, other = (
        json.loads((tmp_path / f"told-{group}-{rank}.json").read_text()) for group in (None, "alone") for rank in (0, 1)
    )
    for told, shown in (together, one, other):
        assert shown == [24]
        for said in ("unlike the runs learned from", "nothing was observed", "step 24 of 40", "nothing is planned from it"):
            assert sum(said in message for message in told) == 1, said
    assert silent == [[], []]


def with_accumulation(rank: int, port: int, model: str, folder: str, part: tuple[int, int]) -> None:
    """Accelerate, two batches to a step: what is fed and applied goes to a file."""
    import os

    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in environment.items()})
    from accelerate import Accelerator

    _, epochs = part
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    inputs, targets, _, _ = map(torch.from_numpy, toy.data())
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, targets), batch_size=8)
    module = network()
    module, optimizer, data = accelerator.prepare(module, torch.optim.SGD(module.parameters(), lr=0.05), data)
    assert len(data) == 8, "of sixteen batches each process has half"
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, model, data=data, epochs=epochs, replan_at=[0.5])
    lode = distributed.find(scheduler)
    rates, losses = [], []
    for epoch in range(epochs):
        own = []
        for batch, target in data:
            with accelerator.accumulate(module):
                rates.append(optimizer.param_groups[0]["lr"])
                loss = torch.nn.functional.mse_loss(module(batch), target)
                accelerator.backward(loss)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            own.append(float(loss.detach()))
        losses.append(sum(own) / len(own))
        lodecast.accelerate.observe(scheduler, train_loss=losses[-1], validation=0.5 / (epoch + 1))
    # Four steps an epoch, each counted once for either process.
    assert lode.last_epoch == lode.total_steps == 2 * 4 * epochs
    fed = [losses, lode.scheduler.observed, [decision.step for decision in lode.decisions], lode.schedule.to_dict()]
    (Path(folder) / f"fed-{rank}.json").write_text(json.dumps(fed))
    (Path(folder) / f"rates-0-{rank}.json").write_text(json.dumps(rates))
    torch.distributed.destroy_process_group()


def test_accumulated_batches_of_two_processes_are_one_step(tmp_path: Path, model: Path) -> None:
    pytest.importorskip("accelerate")
    epochs = 6
    rates = run_whole(with_accumulation, model, tmp_path, epochs)
    assert len(rates) == 8 * epochs and rates[0::2] == rates[1::2], "the rate stays within a step"
    (first, observed, decided, schedule), (second, *same) = (
        json.loads((tmp_path / f"fed-{rank}.json").read_text()) for rank in (0, 1)
    )
    assert [observed, decided, schedule] == same
    assert [point["step"] for point in observed] == [8 * (epoch + 1) for epoch in range(epochs)]
    means = [0.5 * a + 0.5 * b for a, b in zip(first, second, strict=True)]
    assert [point["train_loss"] for point in observed] == pytest.approx(means, rel=1e-12)
    assert decided == [24]
    told = lodecast.Scheduler(model, 8 * epochs, replan_at=[0.5])
    for point in observed[:3]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert told.schedule.to_dict() == schedule
    assert rates[-1] == told.learning_rate(8 * epochs - 2)


def sharded(rank: int, port: int, model: str, folder: str, part: tuple[int, int]) -> None:
    """FSDP: parameters are parts of tensors, the optimizer is made of them, and `LodeLR` of the optimizer."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    start, stop = part
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    module = network()
    fully_shard(module, mesh=init_device_mesh("cpu", (2,)))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    scheduler = LodeLR(optimizer, model, total_steps=STEPS)
    inputs, targets, _, _ = shard(rank)
    rates = []
    for step in range(start, stop):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(inputs), targets)
        loss.backward()
        optimizer.step()
        scheduler.step()
        scheduler.observe(train_loss=loss, validation=0.5 / (step + 1) if rank == 1 else None)
    fed = [scheduler.scheduler.observed, scheduler.scheduler.replans]
    (Path(folder) / f"fed-{rank}.json").write_text(json.dumps(fed))
    (Path(folder) / f"rates-{start}-{rank}.json").write_text(json.dumps(rates))
    torch.distributed.destroy_process_group()


def test_sharded_parameters_have_one_rate(tmp_path: Path, model: Path) -> None:
    rates = run_whole(sharded, model, tmp_path, STEPS)
    (observed, replans), same = (json.loads((tmp_path / f"fed-{rank}.json").read_text()) for rank in (0, 1))
    assert [observed, replans] == same and replans > 1
    assert [point["step"] for point in observed] == list(range(1, STEPS + 1))
    assert [point["validation"] for point in observed] == [0.5 / (step + 1) for step in range(STEPS)]
    assert len(set(rates)) > 10


def test_a_mean_of_what_is_not_finite_is_not_a_number() -> None:
    assert mean([1.0, 2.0]) == 1.5
    assert math.isnan(mean([1.0, math.inf]))
    assert math.isnan(mean([math.inf, -math.inf]))


def test_the_scheduler_is_found_in_what_wraps_it(model: Path) -> None:
    optimizer = torch.optim.SGD(network().parameters(), lr=0.05)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=5)
    scheduler = LodeLR(optimizer, model, total_steps=STEPS)
    chained = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, scheduler], milestones=[5])
    assert distributed.find([chained]) is scheduler
    with pytest.raises(TypeError, match=r"\(SequentialLR, LinearLR\): make one with"):
        distributed.find(torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup], milestones=[]))
    with pytest.raises(TypeError, match=r"\(none at all\)"):
        distributed.find([])


def alone(rank: int, port: int, model: str, folder: str) -> None:
    """Only the first process observes, in a group that is to wait for three seconds; the second goes on training."""
    timeout = datetime.timedelta(seconds=3)
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", timeout, world_size=2, rank=rank)
    scheduler = LodeLR(torch.optim.SGD(network().parameters(), lr=0.05), model, total_steps=STEPS)
    begun = time.monotonic()
    if rank == 0:
        try:
            scheduler.observe(train_loss=1.0)
        except lodecast.StateError as error:
            (Path(folder) / "said.json").write_text(json.dumps([str(error), time.monotonic() - begun]))
    else:
        while not (Path(folder) / "said.json").exists() and time.monotonic() < begun + 60.0:
            time.sleep(0.1)


def test_a_process_that_observes_alone_waits_no_longer_than_the_group(tmp_path: Path, model: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(alone, (port, str(model), str(tmp_path)), nprocs=2)
    said, waited = json.loads((tmp_path / "said.json").read_text())
    assert "every process has to call observe(), with None for what it did not measure" in said
    assert waited < 45.0


def connected(rank: int, port: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    optimizer = torch.optim.SGD(network().parameters(), lr=1.0)
    # Nobody is there: what the first process was told once holds for both.
    spool = Path(folder) / str(rank)
    live = lodecast.connect("http://127.0.0.1:9", "run", model="toy", total_steps=STEPS, wait=0.0, spool=spool)
    live.apply(optimizer)
    rates = []
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        live.apply(optimizer, step, train_loss=torch.tensor(1.0 + rank))
    (Path(folder) / f"connected-{rank}.json").write_text(json.dumps([rates, live.waiting]))
    live.close(0)
    torch.distributed.destroy_process_group()


def test_the_first_process_talks_and_all_apply_what_it_says(tmp_path: Path) -> None:
    schedule = lodecast.Schedule.cosine(0.1)
    told = {
        "revision": 1,
        "effective_from_step": 0,
        "total_steps": STEPS,
        "predicted": None,
        "reason": "because",
        "segments": [{"from_step": 0, "total_steps": STEPS, "schedule": schedule.to_dict()}],
        "lowest": 1e-3,
        "highest": 1.0,
    }
    (tmp_path / "0" / "run").mkdir(parents=True)
    (tmp_path / "0" / "run" / "schedule.json").write_text(json.dumps(told))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(connected, (port, str(tmp_path)), nprocs=2)
    (first, waits), (second, idle) = (json.loads((tmp_path / f"connected-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second == [max(schedule.at_step(step, STEPS), 1e-3) for step in range(STEPS)]
    assert (waits, idle) == (STEPS, 0)
