"""A Lightning training under lodecast: the scheduler in ``configure_optimizers``, a callback that feeds it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import toy
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

from lodecast.lightning import LodeCallback
from lodecast.torch import LodeLR


class Sine(pl.LightningModule):
    """A network of one hidden layer."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.model = model

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        """Return the mean square error of a batch."""
        inputs, targets = batch
        return torch.nn.functional.mse_loss(self.network(inputs), targets)

    def validation_step(self, batch: Any, index: int) -> None:
        """Log the error of the validation rows."""
        inputs, targets = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.network(inputs), targets), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Make the optimizer, and the scheduler that lodecast drives."""
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        scheduler = LodeLR(optimizer, self.model, total_steps=self.trainer.estimated_stepping_batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    inputs, targets, *validation = map(torch.from_numpy, toy.data())
    dataset = torch.utils.data.TensorDataset
    trainer = pl.Trainer(
        max_epochs=25,
        accelerator="cpu",
        logger=CSVLogger(folder),
        log_every_n_steps=5,
        enable_progress_bar=False,
        callbacks=[LodeCallback(every_n_steps=5), LearningRateMonitor("step")],
    )
    trainer.fit(
        Sine(toy.model(folder / "toy.lode")),
        torch.utils.data.DataLoader(dataset(inputs, targets), batch_size=16, shuffle=True),
        torch.utils.data.DataLoader(dataset(*validation), batch_size=64),
    )
    scheduler = trainer.lr_scheduler_configs[0].scheduler
    print(scheduler.explain())
    print(f"val_loss {trainer.callback_metrics['val_loss']:.4f}, learning rates in {folder}")


if __name__ == "__main__":
    main()
