"""Lightning with two optimizers under lodecast: a small GAN, each of whose networks has a `LodeLR` with a callback of its own.

    python lightning_two_optimizers.py            # a minute on a CPU
    python lightning_two_optimizers.py --short    # seconds

With manual optimization the module steps its schedulers itself, and logs each loss under a name that the callback is told.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

import lodecast
from lodecast.lightning import LodeCallback
from lodecast.torch import LodeLR

SHORT = "--short" in sys.argv
EPOCHS = 4 if SHORT else 20
BATCHES = 20
STEPS = EPOCHS * BATCHES
NAMES = ("generator_loss", "discriminator_loss")


def truth(rows: int, random: torch.Generator) -> torch.Tensor:
    """Draw points of a ring."""
    angle = 6.283 * torch.rand(rows, generator=random)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(rows, 2, generator=random)


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Energy distance of two samples."""
    return 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()


class Gan(pl.LightningModule):  # type: ignore[misc, unused-ignore]
    """A generator and a discriminator, trained in turn under a schedule or laws."""

    def __init__(self, schedule: lodecast.Schedule | None, laws: list[lodecast.LawModel]) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.schedule, self.laws = schedule, laws
        torch.manual_seed(0)

        def layers(inputs: int, outputs: int) -> torch.nn.Module:
            relu = torch.nn.LeakyReLU(0.2)
            return torch.nn.Sequential(
                torch.nn.Linear(inputs, 32), relu, torch.nn.Linear(32, 32), relu, torch.nn.Linear(32, outputs)
            )

        self.generator, self.discriminator = layers(4, 2), layers(2, 1)

    def training_step(self, batch: Any, index: int) -> None:
        """Do a step of either network."""
        (real,) = batch
        loss = torch.nn.functional.softplus
        for k, (name, optimizer, scheduler) in enumerate(zip(NAMES, self.optimizers(), self.lr_schedulers(), strict=True)):
            made = self.generator(torch.randn(len(real), 4))
            if k == 0:
                value = loss(-self.discriminator(made)).mean()
            else:
                value = loss(-self.discriminator(real)).mean() + loss(self.discriminator(made.detach())).mean()
            optimizer.zero_grad()
            self.manual_backward(value)
            optimizer.step()
            scheduler.step()
            self.log(name, value)

    def validation_step(self, batch: Any, index: int) -> None:
        """Measure how far what is generated is from the truth."""
        random = torch.Generator().manual_seed(0)
        made = self.generator(torch.randn(500, 4, generator=random))
        self.log("val_distance", distance(made, batch[0]))

    def configure_optimizers(self) -> Any:
        """Give each network an optimizer, and each optimizer a scheduler."""
        optimizers = [
            torch.optim.Adam(one.parameters(), lr=1.0, betas=(0.5, 0.9)) for one in (self.generator, self.discriminator)
        ]
        if self.laws:
            return optimizers, [LodeLR(one, law, total_steps=STEPS) for one, law in zip(optimizers, self.laws, strict=True)]
        shape = self.schedule
        assert shape is not None
        return optimizers, [
            torch.optim.lr_scheduler.LambdaLR(one, lambda step: shape.at_step(step, STEPS)) for one in optimizers
        ]


class Record(pl.Callback):  # type: ignore[misc, unused-ignore]
    """Write a run of the sweep, once with the loss of either network: each has a model of its own."""

    def __init__(self, recorders: list[lodecast.Recorder]) -> None:
        self.recorders = recorders

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Make a point of each epoch."""
        if trainer.sanity_checking:
            return
        logged, rate = trainer.callback_metrics, trainer.optimizers[0].param_groups[0]["lr"]
        for name, recorder in zip(NAMES, self.recorders, strict=True):
            # Lightning counts the steps of both optimizers.
            step = trainer.global_step // len(NAMES)
            recorder.log(step, train_loss=logged[name], learning_rate=rate, validation=logged["val_distance"])


def train(module: Gan, callbacks: list[pl.Callback]) -> tuple[float, Any]:
    """Train; return the final metric and the trainer."""
    random = torch.Generator().manual_seed(1)
    data = torch.utils.data.TensorDataset(truth(64 * BATCHES, random))
    validation = torch.utils.data.TensorDataset(truth(500, random))
    trainer = pl.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=callbacks,
    )  # fmt: skip
    loader = torch.utils.data.DataLoader
    trainer.fit(module, loader(data, batch_size=64, shuffle=True), loader(validation, batch_size=500))
    return float(trainer.callback_metrics["val_distance"]), trainer


def main() -> None:
    """Sweep, fit, train."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    folders = [Path(tempfile.mkdtemp()) for _ in NAMES]
    finals = {}
    for family in ("cosine", "constant"):
        for peak in (3e-4, 3e-3, 3e-2):
            about: dict[str, Any] = {"schedule": family, "peak_lr": peak, "seed": 0, "total_steps": STEPS}
            name = f"{family}-{peak}"
            recorders = [lodecast.record(folder, name, metrics="val_distance:min", **about) for folder in folders]
            finals[name], _ = train(Gan(lodecast.Schedule.parametric(family, peak), []), [Record(recorders)])
            for recorder in recorders:
                recorder.close()
    laws = [lodecast.fit(folder, "law", progress=False) for folder in folders]
    feeding = [LodeCallback(scheduler=k, train_loss=name, every_n_steps=10) for k, name in enumerate(NAMES)]
    final, trainer = train(Gan(None, laws), feeding)
    for name, config in zip(NAMES, trainer.lr_scheduler_configs, strict=True):
        print(f"{name}: {config.scheduler.explain()}")
    best = min(finals, key=finals.__getitem__)
    print(f"final val_distance {final:.4f}; best of the sweep, {best}: {finals[best]:.4f}")


if __name__ == "__main__":
    main()
