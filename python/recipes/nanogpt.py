"""A loop in nanoGPT's manner under lodecast: mixed precision, accumulated gradients, a warm-up, several processes, a checkpoint.

    python nanogpt.py                                # six runs of a sweep, a law of them, and a run under it: some minutes
    torchrun --nproc-per-node 2 nanogpt.py --short   # the same in seconds, to see how it goes

The text is that of Python's own help, so nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from pydoc_data import topics
from typing import Any

import torch
import torch.distributed
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

import lodecast
from lodecast.torch import LodeLR

SHORT = "--short" in sys.argv
STEPS = 40 if SHORT else 400
WARMUP = STEPS // 20
ACCUMULATED = 2
BATCH, BLOCK, WIDTH, HEADS, LAYERS = (4, 32, 32, 2, 1) if SHORT else (8, 64, 64, 4, 2)
EVERY = STEPS // 20
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

TEXT = torch.tensor(list("".join(topics.topics.values()).encode("ascii", "ignore")))
TRAINING, VALIDATION = TEXT[: int(0.9 * len(TEXT))], TEXT[int(0.9 * len(TEXT)) :]


class Block(nn.Module):
    """Attention and a network, each beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.projection = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.network = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Look back, then think."""
        heads = [part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.attention(self.first(x)).chunk(3, -1)]
        seen = functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.projection(seen.transpose(1, 2).flatten(2))
        return x + self.network(self.second(x))


class Gpt(nn.Module):
    """A GPT of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.places = nn.Embedding(128, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, 128, bias=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Give the loss of the bytes that follow."""
        hidden = self.blocks(self.bytes(x) + self.places.weight[: x.shape[1]])
        return functional.cross_entropy(self.head(hidden).flatten(0, 1), y.flatten())


def batch(text: torch.Tensor, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pieces of the text, and the same one byte on."""
    starts = torch.randint(len(text) - BLOCK, (BATCH,), generator=random)
    return tuple(torch.stack([text[at + k : at + k + BLOCK] for at in starts]).to(DEVICE) for k in (0, 1))  # type: ignore[return-value]


def train(
    seed: int,
    *,
    schedule: lodecast.Schedule | None = None,
    law: lodecast.LawModel | None = None,
    recorder: lodecast.Recorder | None = None,
    checkpoint: Path | None = None,
) -> tuple[float, Any]:
    """Train under a schedule, or as a law plans; return the final metric and the scheduler."""
    several = torch.distributed.is_initialized()
    rank = torch.distributed.get_rank() if several else 0
    torch.manual_seed(seed)
    network = Gpt().to(DEVICE)
    module = DistributedDataParallel(network) if several else network
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    scaler = torch.amp.GradScaler(DEVICE, enabled=DEVICE == "cuda")
    scheduler: Any
    if law is not None:
        scheduler = LodeLR(optimizer, law, total_steps=STEPS, warmup_steps=WARMUP)
    else:
        assert schedule is not None
        optimizer.param_groups[0]["lr"] = 1.0
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule.at_step(step, STEPS))
    random = torch.Generator().manual_seed(1000 * seed + rank)
    losses: list[torch.Tensor] = []
    metric = float("nan")
    step = 0
    while step < STEPS:
        for micro in range(ACCUMULATED):
            if several:
                # The gradients are exchanged once a step.
                module.require_backward_grad_sync = micro == ACCUMULATED - 1
            with torch.autocast(DEVICE, enabled=DEVICE == "cuda"):
                loss = module(*batch(TRAINING, random))
            losses.append(loss.detach())
            scaler.scale(loss / ACCUMULATED).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        rate = optimizer.param_groups[0]["lr"]
        before = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if scaler.get_scale() < before:
            # The scaler found an infinite gradient: there was no update, and so no step.
            continue
        scheduler.step()
        step += 1
        if step % EVERY == 0:
            train_loss = torch.stack(losses).mean()
            losses.clear()
            metric = validate(network)
            if recorder is not None and rank == 0:
                recorder.log(step, train_loss=train_loss, learning_rate=rate, validation=metric)
            if law is not None:
                # Every process gives its own loss; they agree on the mean.
                scheduler.observe(train_loss=train_loss, validation=metric)
        if checkpoint is not None and step == STEPS // 2:
            torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, checkpoint)
            saved = torch.load(checkpoint, weights_only=True)
            optimizer.load_state_dict(saved["optimizer"])
            scheduler.load_state_dict(saved["scheduler"])
    return metric, scheduler


@torch.no_grad()
def validate(network: Gpt) -> float:
    """Give the loss on the text that is not trained on."""
    random = torch.Generator().manual_seed(0)
    return sum(float(network(*batch(VALIDATION, random))) for _ in range(8)) / 8


def main() -> None:
    """Sweep, fit, train."""
    if "RANK" in os.environ:
        torch.distributed.init_process_group("nccl" if DEVICE == "cuda" else "gloo")
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    folder = [tempfile.mkdtemp()]
    if torch.distributed.is_initialized():
        torch.distributed.broadcast_object_list(folder)
    runs = Path(folder[0]) / "runs"
    finals = {}
    for family in ("cosine", "constant"):
        for peak in (3e-4, 3e-3, 2e-2):
            about = {"schedule": family, "peak_lr": peak, "seed": 1, "total_steps": STEPS}
            recorder = lodecast.record(runs, f"{family}-{peak}", metrics="val_loss:min", **about) if rank == 0 else None
            schedule = lodecast.Schedule.parametric(family, peak, warmup=0.05)
            finals[f"{family} {peak}"], _ = train(1, schedule=schedule, recorder=recorder)
            if recorder is not None:
                recorder.close()
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    law = lodecast.fit(runs, "law", progress=False)
    final, scheduler = train(2, law=law, checkpoint=Path(folder[0]) / f"checkpoint-{rank}.pt")
    if rank == 0:
        print(scheduler.explain())
        best = min(finals, key=finals.__getitem__)
        print(f"final val_loss {final:.3f}; best of the sweep, {best}: {finals[best]:.3f}")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
