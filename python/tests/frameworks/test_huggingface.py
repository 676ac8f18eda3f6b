"""A Trainer of Hugging Face under the scheduler: resumed from its own checkpoint it is the run that was not stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
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


def test_a_metric_that_is_not_evaluated_is_named(tmp_path: Path, model: Path, accuracy_model: Path) -> None:
    made, _ = trainer(tmp_path)
    huggingface.schedule(made, model, metric="eval_wer")
    with pytest.raises(lodecast.SettingError, match="'eval_wer' was not measured; there is: .*eval_loss"):
        made.train()
    assert made.state.global_step == 10, "at the first evaluation"
    # Without a name it is the model's, and a loss is not an accuracy.
    made, _ = trainer(tmp_path)
    huggingface.schedule(made, accuracy_model)
    with pytest.raises(lodecast.SettingError, match="the model's metric val_accuracy:max was not measured"):
        made.train()
    made, _ = trainer(tmp_path)
    with pytest.raises(lodecast.SettingError, match="'eval_loss' is another metric"):
        huggingface.schedule(made, accuracy_model, metric="eval_loss")
    made, _ = trainer(tmp_path, eval_strategy="no")
    with pytest.raises(lodecast.SettingError, match="nothing is evaluated"):
        huggingface.schedule(made, model, metric="eval_loss")


def test_a_metric_that_compute_metrics_calls_as_the_model_does_is_found(tmp_path: Path, accuracy_model: Path) -> None:
    """The Trainer puts `eval_` before every name, also before one that begins with `val_`."""
    made, _ = trainer(tmp_path)
    made.compute_metrics = lambda predictions: {"accuracy": 0.1, "val_accuracy": 0.6}
    scheduler = huggingface.schedule(made, accuracy_model)
    made.train()
    fed = {point["step"]: point["validation"] for point in scheduler.scheduler.observed if point["validation"] is not None}
    assert fed == dict.fromkeys(range(10, 61, 10), 0.6)


def test_several_data_sets_are_evaluated_and_one_is_fed(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    made.eval_dataset = {"first": made.eval_dataset, "second": made.eval_dataset}
    scheduler = huggingface.schedule(made, model, metric="eval_second_loss")
    made.train()
    assert [point["step"] for point in scheduler.scheduler.observed if point["validation"] is not None] == [*range(10, 61, 10)]
    made, _ = trainer(tmp_path)
    made.eval_dataset = {"first": made.eval_dataset, "second": made.eval_dataset}
    huggingface.schedule(made, model, metric="eval_third_loss")
    with pytest.raises(lodecast.SettingError, match="'eval_third_loss' was not measured; there is: .*eval_first_loss"):
        made.train()


@pytest.mark.parametrize("accumulation", [1, 4])
def test_what_is_fed_and_decided(tmp_path: Path, model: Path, accumulation: int) -> None:
    made, rates = trainer(
        tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=accumulation, learning_rate=0.05
    )  # fmt: skip
    losses: list[float] = []
    compute = made.compute_loss

    def spied(*arguments: Any, **named: Any) -> Any:
        given = compute(*arguments, **named)
        if made.model.training:
            losses.append(float(given.detach()))
        return given

    made.compute_loss = spied
    scheduler = huggingface.schedule(made, model, replan_at=[0.5])
    made.train()
    observed = scheduler.scheduler.observed
    assert [point["step"] for point in observed] == list(range(5, STEPS + 1, 5))
    batches = 5 * accumulation
    means = [sum(losses[k : k + batches]) / batches for k in range(0, len(losses), batches)]
    assert [point["train_loss"] for point in observed] == pytest.approx(means, rel=1e-3)
    evaluated = {row["step"]: row["eval_loss"] for row in made.state.log_history if "eval_loss" in row}
    assert {point["step"]: point["validation"] for point in observed if point["validation"] is not None} == evaluated
    # At step 30 the Trainer logs and then evaluates; the plan knows both.
    (decision,) = scheduler.decisions
    assert decision.step == 30
    told = lodecast.Scheduler(model, STEPS, replan_at=[0.5])
    for point in observed[:6]:
        told.observe(point["step"], train_loss=point["train_loss"], validation=point["validation"])
    assert scheduler.schedule == told.schedule
    assert decision.reason == told.last_plan.reason  # type: ignore[union-attr]
    logged = [row for row in made.state.log_history if "lodecast/learning_rate" in row]
    assert [(row["step"], row["lodecast/reason"]) for row in logged] == [(decision.step, decision.reason)]
    assert "lodecast/predicted_final" in logged[0]
    before = lodecast.Scheduler(model, STEPS, replan_at=[0.5])
    assert rates.rates[:31] == [before.learning_rate(step) for step in range(31)]
    assert rates.rates[31:] == [told.learning_rate(step) for step in range(31, STEPS)]


def test_every_training_of_a_trainer_begins_anew(tmp_path: Path, model: Path) -> None:
    made, rates = trainer(tmp_path)
    scheduler = huggingface.schedule(made, model)
    for _ in range(2):
        rates.rates.clear()
        made.train()
        assert (scheduler.last_epoch, scheduler.total_steps, len(scheduler.scheduler.observed)) == (STEPS, STEPS, 12)
        assert rates.rates[0] == lodecast.Scheduler(model, STEPS).learning_rate(0)
    # `model_init` makes a network and an optimizer for every training.
    settings = made.args
    made = Trainer(
        model_init=Network, args=settings, train_dataset=made.train_dataset, eval_dataset=made.eval_dataset,
    )  # fmt: skip
    scheduler = huggingface.schedule(made, model)
    made.train()
    assert scheduler.last_epoch == STEPS
    assert scheduler.optimizer.param_groups[0]["params"][0] is next(made.model.parameters())


def test_a_batch_size_that_is_too_large(tmp_path: Path, model: Path) -> None:
    class TooLarge(Network):
        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            if self.training and len(inputs) == 16 and made.state.global_step == 3:
                raise RuntimeError("CUDA out of memory.")
            return super().forward(inputs, labels)

    made, rates = trainer(tmp_path, max_steps=-1, num_train_epochs=2, auto_find_batch_size=True)
    made.model = made.model_wrapped = TooLarge()
    scheduler = huggingface.schedule(made, model)
    assert scheduler.total_steps == 16
    made.train()
    assert scheduler.last_epoch == scheduler.total_steps == made.state.max_steps == len(rates.rates) - 4 > 16
    assert rates.rates[4] == lodecast.Scheduler(model, scheduler.total_steps).learning_rate(0)


def test_a_longer_run_is_planned_anew(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    huggingface.schedule(made, model)
    made.train()
    longer, rates = trainer(tmp_path, stop=2 * STEPS, max_steps=2 * STEPS)
    scheduler = huggingface.schedule(longer, model)
    longer.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{STEPS}"))
    assert scheduler.last_epoch == scheduler.total_steps == 2 * STEPS
    assert scheduler.decisions[-1].total_steps == 2 * STEPS
    assert len(set(rates.rates)) > 10


def test_the_trainers_scheduler_of_deepspeed_is_told(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    huggingface.schedule(made, model)
    made.lr_scheduler = torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD(made.model.parameters(), lr=0.1))
    with pytest.raises(lodecast.ArgumentError, match="no LodeLR among the learning-rate schedulers"):
        made.train()


def test_deepspeed_makes_an_optimizer_of_its_configuration(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Trainer then asks a copy of itself, while it has Accelerate's placeholder, for the scheduler of that optimizer."""
    import accelerate.utils
    from accelerate.utils.deepspeed import DeepSpeedSchedulerWrapper, DummyOptim, DummyScheduler
    from transformers.integrations.deepspeed import deepspeed_optim_sched

    # They are there only where DeepSpeed is installed.
    for placeholder in (DummyOptim, DummyScheduler):
        monkeypatch.setattr(accelerate.utils, placeholder.__name__, placeholder, raising=False)
    made, _ = trainer(tmp_path)
    scheduler = huggingface.schedule(made, model)
    configuration = SimpleNamespace(config={"optimizer": {"type": "AdamW"}})
    _, made.lr_scheduler = deepspeed_optim_sched(made, configuration, made.args, STEPS, list(made.model.parameters()))
    optimizer = torch.optim.AdamW(made.model.parameters(), lr=1e-3)
    assert made.lr_scheduler.lr_scheduler_callable(optimizer) is scheduler
    assert scheduler.optimizer is optimizer
    made.lr_scheduler = DeepSpeedSchedulerWrapper(scheduler, optimizer)
    assert made.create_scheduler(STEPS) is made.lr_scheduler


def test_a_scheduler_in_deepspeeds_configuration_is_refused(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    made.accelerator = SimpleNamespace(deepspeed_plugin=SimpleNamespace(deepspeed_config={"scheduler": {"type": "WarmupLR"}}))
    with pytest.raises(lodecast.SettingError, match="leave 'scheduler' out of it"):
        huggingface.schedule(made, model)
    made.accelerator.deepspeed_plugin.deepspeed_config = {"optimizer": {"type": "AdamW"}}
    huggingface.schedule(made, model)


def test_a_recorded_run_can_be_read(tmp_path: Path) -> None:
    made, _ = trainer(tmp_path)
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="eval_loss:min", total_steps=STEPS)
    made.add_callback(huggingface.RecordCallback(recorder))
    made.train()
    points = toy.points(tmp_path / "sweep")
    assert [point["step"] for point in points] == list(range(5, STEPS + 1, 5))
    assert [point["step"] for point in points if point["validation"] is not None] == list(range(10, STEPS + 1, 10))
    # The rate of a point is the one that its step was taken with; the Trainer logs the next.
    applied = [0.05 * (1.0 - (point["step"] - 1) / STEPS) for point in points]
    assert [point["learning_rate"] for point in points] == pytest.approx(applied)


class Diverging(Network):
    """Its losses are NaN from the 21st batch on."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        given = super().forward(inputs, labels)
        self.batches += self.training
        return {**given, "loss": given["loss"] * math.nan} if self.training and self.batches > 20 else given


@pytest.mark.parametrize("filtered", [True, False])
def test_losses_that_the_trainer_has_made_zeros_are_not_fed(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture, filtered: bool
) -> None:
    made, _ = trainer(tmp_path, max_steps=40, logging_nan_inf_filter=filtered, eval_strategy="no")
    made.model = made.model_wrapped = Diverging()
    scheduler = huggingface.schedule(made, model)
    recorder = lodecast.record(tmp_path / "sweep", "first", metrics="eval_loss:min")
    made.add_callback(huggingface.RecordCallback(recorder))
    made.train()
    logged = {row["step"]: row["loss"] for row in made.state.log_history if "loss" in row}
    assert (0.0 in logged.values()) == filtered, "the Trainer does so"
    fed = [point for point in scheduler.scheduler.observed if point["train_loss"] is not None]
    assert all(point["train_loss"] > 0.0 for point in fed if point["step"] <= 20)
    assert all(point["train_loss"] != 0.0 for point in fed)
    assert all(point["train_loss"] != 0.0 for point in toy.points(tmp_path / "sweep"))
    told = [message for message in caplog.messages if "TrainingArguments(logging_nan_inf_filter=False)" in message]
    assert len(told) == (2 if filtered else 0), "once by each callback"


def test_an_evaluation_after_the_training_is_not_of_the_run(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    scheduler = huggingface.schedule(made, model)
    made.add_callback(huggingface.RecordCallback(lodecast.record(tmp_path / "sweep", "first", metrics="eval_loss:min")))
    made.train()
    before = scheduler.scheduler.observed
    made.evaluate([{"inputs": row["inputs"], "labels": row["labels"] + 9.0} for row in made.eval_dataset])
    assert scheduler.scheduler.observed == before
    assert toy.points(tmp_path / "sweep")[-1]["validation"] == before[-1]["validation"]


def test_a_warm_up_by_another_scheduler_is_part_of_the_length(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, _ = trainer(tmp_path)
    optimizer = torch.optim.SGD(made.model.parameters(), lr=0.05)
    parts = [
        torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10),
        LodeLR(optimizer, model, total_steps=STEPS - 10),
    ]
    made.optimizer, made.lr_scheduler = optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[10])
    made.add_callback(huggingface.LodeCallback("eval_loss"))
    made.train()
    assert parts[1].last_epoch == STEPS - 10
    assert "planned for" not in caplog.text and "skipped" not in caplog.text


def test_a_warm_up_in_the_arguments_is_told_where_it_belongs(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = "schedule(..., warmup_steps=6)"
    for warmup in (6, 0.1):
        caplog.clear()
        huggingface.schedule(trainer(tmp_path, warmup_steps=warmup)[0], model)
        assert told in caplog.text, warmup
    caplog.clear()
    made, rates = trainer(tmp_path, warmup_steps=6)
    scheduler = huggingface.schedule(made, model, warmup_steps=6)
    made.train()
    assert told not in caplog.text
    planned = lodecast.Scheduler(model, scheduler.total_steps)
    assert rates.rates[:5] == pytest.approx([planned.learning_rate(step) * (step + 1) / 6 for step in range(5)])


@pytest.mark.parametrize(("strategy", "said"), [("epoch", "fed once an epoch"), ("no", "no train loss is fed")])
def test_a_loss_that_is_logged_too_seldom_is_told(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture, strategy: str, said: str
) -> None:
    made, _ = trainer(tmp_path, logging_strategy=strategy, eval_strategy="no")
    made.train_dataset = made.train_dataset * 9
    huggingface.schedule(made, model)
    made.train()
    assert f"logging_strategy='{strategy}': " in caplog.text and said in caplog.text
    assert "lodecast's callback is there, and feeds what is logged: give logging_strategy='steps'" in caplog.text
    assert "or give the framework" not in caplog.text


def test_a_checkpoint_of_another_scheduler_gets_advice(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path, stop=10)
    made.train()
    again, _ = trainer(tmp_path)
    huggingface.schedule(again, model)
    with pytest.raises(lodecast.StateError, match="of another scheduler, .* begin a training from the saved network"):
        again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-10"))


def test_arguments_in_another_order_get_advice(tmp_path: Path, model: Path) -> None:
    made, _ = trainer(tmp_path)
    with pytest.raises(lodecast.ArgumentError, match=r"a Trainer is needed first, not .*Path: schedule\(trainer, model\)"):
        huggingface.schedule(model, made)
