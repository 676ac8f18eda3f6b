"""`lodecast.import_runs`: a sweep from the runs that trackers and frameworks recorded."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from lodecast import _engine
from lodecast.errors import SettingError
from lodecast.io import places, weights_and_biases
from lodecast.io.left_out import warn_of_left_out
from lodecast.view.progress import Bar

#: Called with the numbers of runs and points read so far.
Progress = Callable[[int, int], object]

_log = logging.getLogger("lodecast")


def import_runs(
    *sources: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002
    metrics: str | Sequence[str] | None = None,
    train_loss: str | None = None,
    learning_rate: str | None = None,
    lr_schedule: str | None = None,
    run_id: str | None = None,
    step: str | None = None,
    epoch: str | None = None,
    steps_per_epoch: int | None = None,
    collection: str | None = None,
    restarts: Literal["last", "split"] = "last",
    seed_from: str | None = None,
    total_steps_from: str | None = None,
    peak_from: str | None = None,
    optimizer_from: str | None = None,
    schedule_from: str | None = None,
    dry_run: bool = False,
    progress: bool | Progress = True,
) -> _engine.Sweep:
    """Make a sweep of the runs that TensorBoard, MLflow, W&B, Optuna, Ray, Lightning, the Trainer, Keras, ... recorded.

    `sources` are files, folders, patterns such as `runs/*.csv`, and addresses (`sqlite:///...`, `postgresql://...`,
    `http://...`). `wandb:ENTITY/PROJECT` are the runs of a project on W&B's server, which its own client is asked for. Their
    `format` is recognised if it is not named. The keywords are the options of the command `lodecast import`; without them the
    usual names are looked for.

    `train_loss`, `learning_rate`, `step`, `run_id` and `epoch` name series or columns, `metrics` those of the validation as
    `name:max` or `name:min`. Where no rate was recorded, `lr_schedule` rebuilds it from the settings of each run:
    `cosine,peak-from=learning_rate,warmup-from=warmup_factor`. Series that count epochs are put among the steps by `epoch` or
    `steps_per_epoch`. `collection` is the experiment, study or project, where a store holds several. Of a restarted run the
    last attempt counts, or with `restarts="split"` each is a run. The keywords ending in `_from` name settings of the runs.

    The `report` of the sweep says what was recognised and chosen, what was read of each run, and what was left out and why. A
    run that is left out draws a `LodecastWarning`, what was chosen goes to the logger `lodecast`. With `dry_run` everything
    is read and reported, but no run is kept. `progress` shows a bar if tqdm is installed; give a function of (runs, points)
    for your own. Ctrl-C ends the import within a second.

    >>> sweep = lodecast.import_runs("lightning_logs/", metrics="val_accuracy:max")  # doctest: +SKIP
    >>> sweep.report["chosen"]                                                        # doctest: +SKIP
    """
    if not sources:
        raise SettingError("nothing to import; give files, folders or addresses")
    choices = {
        "format": format,
        "metrics": metrics,
        "train_loss": train_loss,
        "learning_rate": learning_rate,
        "lr_schedule": lr_schedule,
        "run_id": run_id,
        "step": step,
        "epoch": epoch,
        "steps_per_epoch": steps_per_epoch,
        "collection": collection,
        "restarts": restarts,
        "seed_from": seed_from,
        "total_steps_from": total_steps_from,
        "peak_from": peak_from,
        "optimizer_from": optimizer_from,
        "schedule_from": schedule_from,
    }
    with Bar("lodecast import", " runs") as bar, contextlib.ExitStack() as fetched:

        def show(runs: int, points: int) -> None:
            bar.at(runs, None, points=str(points))

        shown = show if progress is True else progress or None
        found, names = [], []
        for source in (place for given in sources for place in places.expand(given)):
            place = source
            if source.startswith(weights_and_biases.SCHEME):
                place = fetched.enter_context(tempfile.TemporaryDirectory(prefix="lodecast-wandb-"))
                names.append((place, source))
                weights_and_biases.fetch(source, Path(place), lambda runs: shown and shown(runs, 0))
            found.append(place)
        sweep = _engine._import_runs(found, choices, dry_run, shown, names)
    report = sweep.report
    for source in report["sources"]:
        also = f" (it could also be read as {', '.join(source['also'])})" if source["also"] else ""
        _log.info("%s: %s%s", source["source"], source["format"], also)
    for chosen in report["chosen"]:
        _log.info("%s", chosen)
    warn_of_left_out(report["skipped"], "sweep.report")
    return sweep
