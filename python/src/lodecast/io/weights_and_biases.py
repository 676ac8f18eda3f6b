"""Runs of Weights & Biases' server, fetched by its own client into files that the importer reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lodecast.errors import FileError, SettingError

#: How an address of runs on the server begins: `wandb:ENTITY/PROJECT`, or `wandb:ENTITY/PROJECT/RUN`.
SCHEME = "wandb:"

#: What frameworks log as the count of optimizer steps, beside W&B's own count of calls.
_OPTIMIZER_STEPS = ("trainer/global_step", "train/global_step", "global_step", "step", "iteration")
#: W&B's own columns, which are no metrics.
_BOOKKEEPING = frozenset(("_step", "_runtime", "_timestamp"))


def fetch(address: str, folder: Path, progress: Callable[[int], object]) -> None:
    """Fetch the histories and settings of the runs at an address: a file of JSON lines each, called by the run's id.

    The client is `wandb.Api()`, with the key that `wandb login` or `WANDB_API_KEY` gives it. `progress` is called with the
    number of runs fetched so far.

    Raises:
        FileError: If wandb is not installed, or the server does not give the runs.
        SettingError: If it is no address.

    """
    parts = address.removeprefix(SCHEME).strip("/").split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise SettingError(f"{address}: give wandb:ENTITY/PROJECT, or wandb:ENTITY/PROJECT/RUN for a single run")
    try:
        import wandb
    except ImportError:
        raise FileError(f"{address}: the server is asked by its own client: pip install wandb") from None
    fetched = 0
    for fetched, _ in enumerate(_files(wandb, address, parts, folder), 1):
        progress(fetched)
    if not fetched:
        raise FileError(f"{address}: there are no runs")


def _files(wandb: Any, address: str, parts: list[str], folder: Path) -> Iterator[Path]:
    """Write the files one by one."""
    try:
        api = wandb.Api()
        path = "/".join(parts)
        for run in api.runs(path) if len(parts) == 2 else [api.run(path)]:
            yield _write(run, folder / f"{run.id}.jsonl")
    except Exception as error:
        # The client raises what its many parts raise; their texts say what is wrong.
        raise FileError(f"{address}: {error}") from error


def _write(run: Any, path: Path) -> Path:
    about = {"name": run.name, "state": run.state, **_plain(run.config)}
    with path.open("w", encoding="utf-8") as file:
        # What stands before the first step are settings.
        file.write(json.dumps(about) + "\n")
        for row in _rows(run.scan_history()):
            file.write(json.dumps(row) + "\n")
    return path


def _plain(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten settings, without W&B's own."""
    settings: dict[str, Any] = {}
    for name, value in config.items():
        if prefix or not name.startswith("_"):
            if isinstance(value, Mapping):
                settings |= _plain(value, f"{prefix}{name}.")
            elif isinstance(value, (bool, int, float, str)):
                settings[prefix + name] = value
    return settings


def _rows(history: Any) -> Iterator[dict[str, Any]]:
    """Give the rows of a history with their metrics, each at the optimizer's step, as far as the framework logged that."""
    counter: str | None = None
    reached: Any = None
    for row in history:
        counter = counter or next((name for name in _OPTIMIZER_STEPS if isinstance(row.get(name), (int, float))), None)
        if counter is not None:
            # Rows without it are of the step before.
            reached = reached if row.get(counter) is None else row[counter]
        step = row.get("_step") if counter is None else reached
        metrics = {
            name: value
            for name, value in row.items()
            if name not in _BOOKKEEPING and name != counter and isinstance(value, (int, float, str)) and name != "step"
        }
        if metrics and step is not None:
            yield {"step": step, **metrics}
