"""A Hugging Face Trainer under lodecast, with one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import toy
from transformers import Trainer, TrainingArguments

import lodecast.huggingface


class Sine(torch.nn.Module):
    """A network of one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return outputs and mean square error."""
        outputs = self.network(inputs)
        return {"loss": torch.nn.functional.mse_loss(outputs, labels), "outputs": outputs}


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    inputs, targets, *validation = map(torch.from_numpy, toy.data())
    arguments = TrainingArguments(
        str(folder),
        num_train_epochs=25,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        logging_steps=5,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        optim="sgd",
        optim_args="momentum=0.9",
        disable_tqdm=True,
    )
    trainer = Trainer(
        Sine(),
        arguments,
        train_dataset=[{"inputs": x, "labels": y} for x, y in zip(inputs, targets, strict=True)],
        eval_dataset=[{"inputs": x, "labels": y} for x, y in zip(*validation, strict=True)],
    )
    scheduler = lodecast.huggingface.schedule(trainer, toy.model(folder / "toy.lode"))
    trainer.train()
    print(scheduler.explain())
    print(f"eval_loss {trainer.evaluate()['eval_loss']:.4f}")


if __name__ == "__main__":
    main()
