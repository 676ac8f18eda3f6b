"""A Trainer of Hugging Face under the scheduler: resumed from its own checkpoint it is the run that was not stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

import torch
import toy
from transformers import Trainer, TrainerCallback, TrainingArguments

import lodecast
from lodecast import huggingface
from lodecast.torch import LodeLR

STEPS = 60


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs = self.layers(inputs)
        return {"loss": torch.nn.functional.mse_loss(outputs, labels), "outputs": outputs}


class Rates(TrainerCallback):  # type: ignore[misc, unused-ignore]
    def __init__(self, stop: int) -> None:
        self.stop = stop
        self.rates: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.rates.append(kwargs["optimizer"].param_groups[0]["lr"])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.global_step >= self.stop


def trainer(folder: Path, stop: int = STEPS, **arguments: Any) -> tuple[Trainer, Rates]:
    inputs, targets, validation_inputs, validation_targets = map(torch.from_numpy, toy.data())
    rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, targets, strict=True)]
    validation = [{"inputs": x, "labels": y} for x, y in zip(validation_inputs, validation_targets, strict=True)]
    settings: dict[str, Any] = {
        "max_steps": STEPS, "per_device_train_batch_size": 16, "learning_rate": 0.05, "logging_steps": 5, "seed": 3,
        "eval_strategy": "steps", "eval_steps": 10, "save_steps": 10, "report_to": [], "use_cpu": True,
        "disable_tqdm": True, "optim": "sgd", "max_grad_norm": 0.0, **arguments,
    }  # fmt: skip
    rates = Rates(stop)
    made = Trainer(
        Network(), TrainingArguments(str(folder), **settings), train_dataset=rows, eval_dataset=validation,
        callbacks=[rates],
    )  # fmt: skip
    return made, rates


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_resumed_run_is_the_one_that_was_not_stopped(tmp_path: Path, model: Path, by_hand: bool) -> None:
    def scheduled(folder: Path, stop: int = STEPS) -> tuple[Trainer, Rates]:
        made, rates = trainer(folder, stop)
        if by_hand:
            optimizer = torch.optim.SGD(made.model.parameters(), lr=0.05)
            made.optimizer, made.lr_scheduler = optimizer, LodeLR(optimizer, model, total_steps=STEPS)
            made.add_callback(huggingface.LodeCallback("eval_loss"))
        else:
            huggingface.schedule(made, model, metric="eval_loss")
        return made, rates

    whole, expected = scheduled(tmp_path / "whole")
    whole.train()
    assert len(expected.rates) == STEPS
    assert len(set(expected.rates)) > 10
    # The Trainer logs the rate by itself.
    logged = [row["learning_rate"] for row in whole.state.log_history if "learning_rate" in row]
    assert logged == expected.rates[4::5]

    part, before = scheduled(tmp_path / "part", stop=30)
    part.train()
    rest, after = scheduled(tmp_path / "part")
    rest.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-30"))
    assert before.rates + after.rates == expected.rates
    for ours, theirs in zip(rest.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_callback_is_made_anew_from_a_checkpoint(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path, stop=10)
    huggingface.schedule(made, model, metric="eval_loss")
    made.train()
    saved = json.loads((tmp_path / "checkpoint-10" / "trainer_state.json").read_text())["stateful_callbacks"]
    assert huggingface.LodeCallback.from_state(saved["LodeCallback"]).metric == "eval_loss"


@pytest.mark.parametrize(("arguments", "expected"), [({}, 60), ({"max_steps": -1, "num_train_epochs": 3}, 24),
    ({"max_steps": -1, "num_train_epochs": 2, "gradient_accumulation_steps": 3}, 6)])  # fmt: skip
def test_the_planned_length_is_that_of_the_trainer(
    tmp_path: Path, model: Path, arguments: dict[str, Any], expected: int
) -> None:
    made, rates = trainer(tmp_path, **arguments)
    assert huggingface.schedule(made, model, metric="eval_loss").total_steps == expected
    made.train()
    assert made.state.global_step == len(rates.rates) == expected


def test_a_metric_that_is_not_evaluated_is_named(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path, stop=10)
    huggingface.schedule(made, model, metric="accuracy")
    with pytest.warns(UserWarning, match="'accuracy' was not evaluated; there is: .*eval_loss"):
        made.train()


def test_a_recorded_run_can_be_read(tmp_path: Path) -> None:
    made, _ = trainer(tmp_path)
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="eval_loss:min", total_steps=STEPS)
    made.add_callback(huggingface.RecordCallback(recorder))
    made.train()
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(5, STEPS + 1, 5))
    assert [point["step"] for point in points if point["validation"] is not None] == list(range(10, STEPS + 1, 10))
    assert points[-1]["learning_rate"] == pytest.approx(0.05 / STEPS, abs=0.05 / STEPS)
