"""A training with Accelerate under lodecast.

``python with_accelerate.py``, or ``accelerate launch --cpu --num_processes 2 with_accelerate.py``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import toy
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

import lodecast.accelerate

EPOCHS = 25


def main() -> None:
    accelerator = Accelerator(cpu=True)
    names = [tempfile.mkdtemp() if accelerator.is_main_process else None]
    model_file = Path(broadcast_object_list(names)[0]) / "toy.lode"
    if accelerator.is_main_process:
        toy.model(model_file)
    accelerator.wait_for_everyone()

    inputs, targets, validation_inputs, validation_targets = map(torch.from_numpy, toy.data())
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, targets), batch_size=16, shuffle=True)
    network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network, optimizer, data = accelerator.prepare(network, optimizer, data)
    scheduler = lodecast.accelerate.schedule(accelerator, optimizer, model_file, data=data, epochs=EPOCHS)

    for epoch in range(EPOCHS):
        losses = []
        for batch_inputs, batch_targets in data:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(network(batch_inputs), batch_targets)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            losses.append(float(loss.detach()))
        with torch.no_grad():
            validation = float(torch.nn.functional.mse_loss(network(validation_inputs), validation_targets))
        lodecast.accelerate.observe(scheduler, train_loss=sum(losses) / len(losses), validation=validation)
        if epoch % 5 == 4:
            accelerator.print(f"epoch {epoch + 1}: rate {scheduler.get_last_lr()[0]:.4f}, val_loss {validation:.4f}")
    accelerator.end_training()


if __name__ == "__main__":
    main()
