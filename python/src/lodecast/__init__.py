"""lodecast: learning rates chosen from the training runs you already have.

>>> import lodecast
>>> sweep = lodecast.Sweep.read("sweep.parquet")             # doctest: +SKIP
>>> model = lodecast.fit(sweep)                              # doctest: +SKIP
>>> model.save("model.lode")                                 # doctest: +SKIP
>>> scheduler = lodecast.Scheduler(model, total_steps=1000)  # doctest: +SKIP

Frameworks have modules of their own, imported only when asked for: `lodecast.torch`, ...
"""

from lodecast._engine import (
    ControlledLatentOde,
    Evaluation,
    Forecast,
    Interval,
    LatentOde,
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
from lodecast._fit import fit
from lodecast.io.importing import import_runs
from lodecast.io.record import Recorder, record
from lodecast.errors import (
    Error,
    FileError,
    InternalError,
    InterruptedFit,
    LodecastWarning,
    ModelFileError,
    ScheduleError,
    SettingError,
    StateError,
    SweepError,
    WindowError,
)

__all__ = [
    "ControlledLatentOde",
    "Error",
    "Evaluation",
    "FileError",
    "Forecast",
    "InternalError",
    "InterruptedFit",
    "Interval",
    "LatentOde",
    "LodecastWarning",
    "Model",
    "ModelFileError",
    "Observation",
    "Plan",
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
    "fit",
    "import_runs",
    "load",
    "record",
]
