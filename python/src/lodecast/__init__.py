"""lodecast: learning rates chosen from the training runs you already have.

>>> import lodecast
>>> sweep = lodecast.Sweep.read("sweep.parquet")             # doctest: +SKIP
>>> model = lodecast.fit(sweep)                              # doctest: +SKIP
>>> model.save("model.lode")                                 # doctest: +SKIP
>>> scheduler = lodecast.Scheduler(model, total_steps=1000)  # doctest: +SKIP

Frameworks have modules of their own, imported only when asked for: `lodecast.torch`, ...
"""

from typing import TYPE_CHECKING, Any

from lodecast._engine import (
    ControlledLatentOde,
    Evaluation,
    Forecast,
    Interval,
    PaperLatentOde,
    Model,
    Observation,
    Plan,
    Prediction,
    Run,
    Schedule,
    Scheduler,
    Spread,
    Suggestion,
    Sweep,
    __version__,
    load,
)
from lodecast._example import example_model, example_sweep
from lodecast._fit import fit
from lodecast.errors import (
    ArgumentError,
    Error,
    FileError,
    InternalError,
    InterruptedFit,
    LodecastWarning,
    MissingError,
    ModelFileError,
    PositionError,
    ScheduleError,
    SettingError,
    StateError,
    SweepError,
    WindowError,
)
from lodecast.io.importing import import_runs
from lodecast.io.record import Recorder, record

__all__ = [
    "ArgumentError",
    "ControlledLatentOde",
    "Error",
    "Evaluation",
    "FileError",
    "Forecast",
    "InternalError",
    "InterruptedFit",
    "Interval",
    "LatentOde",
    "PaperLatentOde",
    "LodecastWarning",
    "MissingError",
    "Model",
    "ModelFileError",
    "Observation",
    "Plan",
    "PositionError",
    "Prediction",
    "Recorder",
    "Run",
    "Schedule",
    "ScheduleError",
    "Scheduler",
    "SettingError",
    "Spread",
    "StateError",
    "Suggestion",
    "Sweep",
    "SweepError",
    "WindowError",
    "__version__",
    "example_model",
    "example_sweep",
    "fit",
    "import_runs",
    "load",
    "record",
]

#: Modules of frameworks, which are imported when they are first asked for.
_FRAMEWORKS = frozenset(
    ("accelerate", "distributed", "huggingface", "keras", "lightning", "optax", "optuna", "ray", "torch"),
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _FRAMEWORKS:
            from importlib import import_module

            return import_module(f"lodecast.{name}")
        raise AttributeError(f"module 'lodecast' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FRAMEWORKS})
