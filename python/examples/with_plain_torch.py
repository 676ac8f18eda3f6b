"""A loop of one's own under lodecast, with all that such loops have.

A warm-up, accumulated gradients, a gradient scaler, a checkpoint, and several processes.

``python with_plain_torch.py``, or ``torchrun --nproc-per-node 2 with_plain_torch.py``.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
import torch.distributed
import toy
from torch.nn.parallel import DistributedDataParallel

import lodecast
from lodecast.torch import LodeLR

STEPS = 200
ACCUMULATED = 4
RESUMED_AT = 120


def main() -> None:
    several = "RANK" in os.environ
    if several:
        torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank() if several else 0
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    inputs, targets, *validation = (torch.from_numpy(values).to(device) for values in toy.data())
    network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).to(device)
    module = DistributedDataParallel(network) if several else network
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler(device, enabled=device == "cuda")
    scheduler = LodeLR(optimizer, lodecast.example_model(), total_steps=STEPS, warmup_steps=10)
    checkpoint = Path(tempfile.mkdtemp()) / "checkpoint.pt"
    batches = torch.Generator().manual_seed(1 + rank)

    losses: list[torch.Tensor] = []
    for step in range(1, STEPS + 1):
        for _ in range(ACCUMULATED):
            rows = torch.randint(len(inputs), (4,), generator=batches).to(device)
            with torch.autocast(device, enabled=device == "cuda"):
                loss = torch.nn.functional.mse_loss(module(inputs[rows]), targets[rows])
            scaler.scale(loss / ACCUMULATED).backward()
            losses.append(loss.detach())
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        scheduler.step()
        if step % 5 == 0:
            # The mean of what was not yet observed, not of the loss that was scaled; every process says its own.
            with torch.no_grad():
                metric = torch.nn.functional.mse_loss(network(validation[0]), validation[1])
            scheduler.observe(train_loss=torch.stack(losses).mean(), validation=metric)
            losses.clear()
        if step == RESUMED_AT:
            torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, checkpoint)
            saved = torch.load(checkpoint, weights_only=True)
            optimizer.load_state_dict(saved["optimizer"])
            scheduler.load_state_dict(saved["scheduler"])
        if step % 50 == 0 and rank == 0:
            print(f"step {step}: rate {scheduler.get_last_lr()[0]:.4f}, val_loss {float(metric):.4f}")
    if rank == 0:
        print(scheduler.explain())
    if several:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
