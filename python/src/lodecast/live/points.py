"""What is measured of a run under way: which of a host's metrics is the model's, and means of losses."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from lodecast.errors import SettingError
from lodecast.live.decisions import log

#: What hosts put before the name of a validation metric, some before one that has it already.
_PREFIX = re.compile(r"^((validation|valid|val|eval|test|dev)[_/. -]+)+", re.IGNORECASE)
_SMALL_IS_GOOD = re.compile(r"(?:^|[_/. -])(loss|nll|perplexity|ppl|error|err|mse|rmse|mae|wer|cer|bpb)$", re.IGNORECASE)
_LARGE_IS_GOOD = re.compile(
    r"(?:^|[_/. -])(accuracy|acc|acc1|acc5|top1|top5|f1|auc|auroc|bleu|map|miou|iou|dice|r2)$", re.IGNORECASE
)


def _stem(name: str) -> str:
    return _PREFIX.sub("", name).lower()


def find_metric(metric: str, names: Iterable[str]) -> str | None:
    """Find the model's metric, `name:max` or `name:min`, among a host's names: the same, or the same but for `val_`, `eval_`.

    >>> find_metric("val_accuracy:max", ["eval_loss", "eval_accuracy"])
    'eval_accuracy'
    >>> find_metric("val_accuracy:max", ["eval_accuracy", "eval_val_accuracy"])
    'eval_val_accuracy'
    >>> find_metric("val_accuracy:max", ["eval_loss"])
    """
    wanted = metric.rpartition(":")[0]
    known = [name for name in names if name != "train_loss"]
    if wanted in known:
        return wanted
    # A train metric of the same stem has no prefix; one that has is preferred.
    alike = [name for name in known if _stem(name) == _stem(wanted)]
    whole = re.compile(rf"(^|[_/. -]){re.escape(wanted)}$", re.IGNORECASE)
    alike.sort(key=lambda name: whole.search(name) is None)
    prefixed = [name for name in alike if _PREFIX.match(name)]
    if _PREFIX.match(wanted):
        return prefixed[0] if prefixed else None
    return next(iter(prefixed or alike), None)


def check_metric(name: str, metric: str) -> None:
    """Refuse to feed a metric of the other direction than the model's, as far as names tell.

    Raises:
        SettingError: If it is.

    """
    direction = metric.rpartition(":")[2]
    other = _LARGE_IS_GOOD if direction == "min" else _SMALL_IS_GOOD
    if other.search(name):
        raise SettingError(
            f"the model predicts {metric}, and '{name}' is another metric: feed the model's, or fit a model to this one"
        )
    if _stem(name) != _stem(metric.rpartition(":")[0]):
        log.info("'%s' is fed as the model's %s", name, metric)


def missing_metric(name: str | None, metric: str, names: Iterable[str]) -> SettingError:
    """Say that a metric is not among a host's names."""
    known = ", ".join(sorted(names)) or "nothing"
    wanted = f"'{name}'" if name else f"the model's metric {metric}"
    return SettingError(f"{wanted} was not measured; there is: {known}. Name the one to feed, in the sense of {metric}")


class Losses:
    """Losses since the last point. They are not turned into numbers before they are due: that would wait for the device."""

    def __init__(self, losses: Iterable[Any] = ()) -> None:
        self._losses = list(losses)

    def add(self, loss: Any) -> None:
        """Keep the loss of a batch."""
        self._losses.append(loss.detach() if hasattr(loss, "detach") else loss)

    def take(self) -> float | None:
        """Give the mean of those kept, and begin anew."""
        losses = self.values()
        self._losses.clear()
        return mean(losses) if losses else None

    def values(self) -> list[float]:
        """Give those kept."""
        return [float(loss) for loss in self._losses]


def mean(values: list[float]) -> float:
    """Average; not a number where one of them is not finite."""
    # fsum refuses infinities of both signs.
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan
