"""lodecast: learning rates chosen from the training runs you already have.

>>> import lodecast
>>> plan = lodecast.plan("runs/", total_steps=1000)          # doctest: +SKIP
>>> plan.schedule, plan.interval                             # doctest: +SKIP

or with runs still to be made, the fewest that tell:

>>> tuner = lodecast.Tuner(metric="val_loss:min", total_steps=1000, learning_rate=0.003)
>>> trial = tuner.ask()                                      # then tuner.tell(trial, points), tuner.recommend()

or with a model that goes on learning while a run trains:

>>> sweep = lodecast.Sweep.read("sweep.parquet")             # doctest: +SKIP
>>> model = lodecast.fit(sweep)                              # doctest: +SKIP
>>> model.save("model.lode")                                 # doctest: +SKIP
>>> scheduler = lodecast.Scheduler(model, total_steps=1000)  # doctest: +SKIP

Frameworks have modules of their own, imported only when asked for: `lodecast.torch`, ...
"""

from typing import TYPE_CHECKING, Any

from lodecast._engine import (
    Alternative,
    Candidate,
    ControlledLatentOde,
    CouldBeBetter,
    Evaluation,
    Explanation,
    FinalForecast,
    Forecast,
    Interval,
    LawModel,
    Model,
    Narrowing,
    NextRun,
    Observation,
    PaperLatentOde,
    Pick,
    Plan,
    Prediction,
    Recommendation,
    Run,
    Schedule,
    Scheduler,
    Spread,
    Suggestion,
    Sweep,
    Trial,
    TrialRecord,
    Tuner,
    __version__,
    load,
)
from lodecast._example import example_model, example_sweep
from lodecast._fit import fit
from lodecast._from_runs import evaluate, forecast, pick, plan
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
from lodecast.live.connect import Connection, connect
from lodecast.live.follow import Follow

__all__ = [
    "Alternative",
    "ArgumentError",
    "Candidate",
    "Connection",
    "ControlledLatentOde",
    "CouldBeBetter",
    "Error",
    "Evaluation",
    "Explanation",
    "FileError",
    "FinalForecast",
    "Follow",
    "Forecast",
    "InternalError",
    "InterruptedFit",
    "Interval",
    "LatentOde",
    "LawModel",
    "LodecastWarning",
    "MissingError",
    "Model",
    "ModelFileError",
    "Narrowing",
    "NextRun",
    "Observation",
    "PaperLatentOde",
    "Pick",
    "Plan",
    "PositionError",
    "Prediction",
    "Recommendation",
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
    "Trial",
    "TrialRecord",
    "Tuner",
    "WindowError",
    "__version__",
    "connect",
    "evaluate",
    "example_model",
    "example_sweep",
    "fit",
    "forecast",
    "import_runs",
    "load",
    "pick",
    "plan",
    "record",
]

#: The name of the paper's model before there were several forms.
LatentOde = PaperLatentOde

#: Modules of frameworks, and where decisions are shown: imported when they are first asked for.
_WHEN_ASKED_FOR = frozenset(
    ("accelerate", "distributed", "huggingface", "keras", "lightning", "live", "optax", "optuna", "ray", "timm", "torch"),
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _WHEN_ASKED_FOR:
            from importlib import import_module

            return import_module(f"lodecast.{name}")
        raise AttributeError(f"module 'lodecast' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHEN_ASKED_FOR})
