"""Where decisions are shown: TensorBoard, MLflow, Weights & Biases, or any function of a `Decision`.

>>> from torch.utils.tensorboard import SummaryWriter                                            # doctest: +SKIP
>>> scheduler = LodeLR(..., sinks=[lodecast.live.sinks.tensorboard(SummaryWriter("runs/a"))])  # doctest: +SKIP
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

from lodecast.live.decisions import Decision, log

#: Shows a decision.
Sink = Callable[[Decision], object]


class Sinks(list[Sink]):
    """Sinks of a scheduler. Those that cannot be pickled, as writers cannot, stay behind in their process, and it is told."""

    def __reduce__(self) -> tuple[Any, ...]:
        kept = [sink for sink in self if _can_be_pickled(sink)]
        if len(kept) < len(self):
            log.warning(
                "%s of %s sinks cannot be pickled and are left out: give what is unpickled some anew, as in "
                "scheduler.sinks.append(...)",
                len(self) - len(kept),
                len(self),
            )
        return Sinks, (kept,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Sinks:
        # A copy in this process shows its decisions at the same place.
        return Sinks(self)


def _can_be_pickled(sink: Sink) -> bool:
    try:
        pickle.dumps(sink)
    except Exception:
        return False
    return True


def tensorboard(writer: Any) -> Sink:
    """Show decisions in TensorBoard, by a `SummaryWriter`: numbers as curves, the reason as text."""

    def show(decision: Decision) -> None:
        for name, value in decision.numbers().items():
            writer.add_scalar(name, value, decision.step)
        writer.add_text("lodecast/reason", decision.reason, decision.step)

    return show


def mlflow(client: Any = None, run_id: str | None = None) -> Sink:
    """Show decisions in MLflow: in the active run, or by an `MlflowClient` in the run named."""

    def show(decision: Decision) -> None:
        if client is None:
            import mlflow as active

            active.log_metrics(decision.numbers(), step=decision.step)
            active.set_tag(f"lodecast.reason.{decision.step}", decision.reason)
            return
        for name, value in decision.numbers().items():
            client.log_metric(run_id, name, value, step=decision.step)
        client.set_tag(run_id, f"lodecast.reason.{decision.step}", decision.reason)

    return show


def wandb(run: Any) -> Sink:
    """Show decisions in Weights & Biases, by what `wandb.init` returned, beside a column of their own for the step."""

    def show(decision: Decision) -> None:
        # W&B's own step may be ahead, and it drops what comes late.
        run.log({**decision.numbers(), "lodecast/step": decision.step, "lodecast/reason": decision.reason})

    return show


def show(decision: Decision, sinks: Iterable[Sink]) -> None:
    """Show a decision. A sink that fails is told and does not end the training."""
    for sink in sinks:
        try:
            sink(decision)
        except Exception:
            log.exception("a sink of decisions failed")
