"""The engine's classes, as they are exported by `lodecast`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, final, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import CapsuleType, Unpack, disjoint_base

from lodecast._settings import FitSettings, PlannerSettings

__version__: str

_Path = str | PathLike[str]
_Metrics = str | Sequence[str]
_Floats = NDArray[np.float64]
_SettingRange = tuple[float, float] | tuple[float, float, str] | list[str]

@final
class Sweep:
    """The runs a hyper-parameter search left behind, and the validation metrics they recorded.

    >>> import lodecast
    >>> sweep = lodecast.Sweep.from_numpy(
    ...     {
    ...         "run_id": ["a", "a", "b"],
    ...         "step": [10, 20, 10],
    ...         "train_loss": [2.0, 1.5, 1.8],
    ...         "learning_rate": [0.1, 0.1, 0.2],
    ...         "accuracy": [0.3, 0.5, 0.4],
    ...     },
    ...     metrics="accuracy:max",
    ... )
    >>> len(sweep), sweep.metrics, sweep["a"].validation["accuracy"]
    (2, ['accuracy:max'], array([0.3, 0.5]))
    """

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __new__(cls, runs: Sequence[Run]) -> Sweep: ...
    @staticmethod
    def read(
        path: _Path,
        *,
        metrics: _Metrics | None = None,
        run_id: str | None = None,
        step: str | None = None,
        train_loss: str | None = None,
        learning_rate: str | None = None,
    ) -> Sweep:
        """Reads a file (.parquet, .csv, .jsonl), or joins those of a folder or of a pattern such as `runs/*.jsonl`."""
    @staticmethod
    def from_arrow(
        table: Any,
        *,
        metrics: _Metrics | None = None,
        run_id: str | None = None,
        step: str | None = None,
        train_loss: str | None = None,
        learning_rate: str | None = None,
        nan_is_missing: bool = False,
    ) -> Sweep:
        """Takes anything with Arrow columns: a table of pyarrow, polars, pandas, duckdb, ... One metric point a row.

        A null was not measured; NaN was measured and means that the run diverged, unless `nan_is_missing`.
        """
    @staticmethod
    def from_polars(
        table: Any,
        *,
        metrics: _Metrics | None = None,
        run_id: str | None = None,
        step: str | None = None,
        train_loss: str | None = None,
        learning_rate: str | None = None,
        nan_is_missing: bool = False,
    ) -> Sweep:
        """Takes a polars data frame, one metric point a row. Nulls and NaN as in `from_arrow`."""
    @staticmethod
    def from_pandas(
        table: Any,
        *,
        metrics: _Metrics | None = None,
        run_id: str | None = None,
        step: str | None = None,
        train_loss: str | None = None,
        learning_rate: str | None = None,
        nan_is_missing: bool = True,
    ) -> Sweep:
        """Takes a pandas data frame, one metric point a row. pandas writes NaN for what was not measured, so that is what it
        means here unless `nan_is_missing` is false.
        """
    @staticmethod
    def from_numpy(
        table: Mapping[str, Any],
        *,
        metrics: _Metrics | None = None,
        run_id: str | None = None,
        step: str | None = None,
        train_loss: str | None = None,
        learning_rate: str | None = None,
        nan_is_missing: bool = True,
    ) -> Sweep:
        """Takes a mapping of names to arrays or lists of equal length, one metric point a row."""
    @staticmethod
    def join(sweeps: Sequence[Sweep]) -> Sweep:
        """One sweep of the runs of several, with all their metrics."""
    def write(self, path: _Path) -> None:
        """Writes the sweep (.parquet, .csv, .jsonl). The file is replaced whole or not at all."""
    @property
    def metrics(self) -> list[str]:
        """The validation metrics with their directions, as `name:max` or `name:min`."""
    @property
    def runs(self) -> list[Run]:
        """The runs."""
    @property
    def report(self) -> dict[str, Any]:
        """What reading did besides taking the values as they are: rows, joined rows, sorted runs, columns not used. Of imported
        runs: the columns chosen and why, what was read of each run, and what was left out.
        """
    def best_configuration(self, metric: str | None = None) -> tuple[str, float, list[Run]] | None:
        """The configuration with the best mean final value over its seeds: its name, that value, its runs. `None` if no run
        measured the metric. Runs that diverged count as the worst.
        """
    def __len__(self) -> int: ...
    def plot(self, *, metric: str | None = None, figure: Any = None) -> Any:
        """Draws its runs with matplotlib, metric and learning rate; the best configurations have colours and names."""
    @overload
    def __getitem__(self, key: int | str, /) -> Run: ...
    @overload
    def __getitem__(self, key: slice, /) -> Sweep: ...
    def __iter__(self) -> Iterator[Run]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def to_numpy(self) -> dict[str, NDArray[Any]]:
        """The columns as numpy arrays, one metric point a row; `from_numpy` takes them back. What was not measured is NaN."""
    def to_pandas(self) -> Any:
        """A pandas data frame, one metric point a row; `from_pandas` takes it back. What was not measured is NaN, as a value is that diverged:
        `to_polars` and Arrow tell the two apart.
        """
    def to_polars(self) -> Any:
        """A polars data frame, one metric point a row; `from_polars` takes it back. What was not measured is null."""
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType: ...
    def _columns(self) -> list[tuple[str, Any, NDArray[np.bool_] | None]]: ...
    def _repr_html_(self) -> str: ...

@final
class Run:
    """One training run: arrays over its metric points, in the order of steps. What was not measured at a point is NaN there.

    >>> import lodecast
    >>> run = lodecast.Run("mine", [10, 20], train_loss=[2.1, 1.7], learning_rate=[0.1, 0.1],
    ...                    validation={"accuracy:max": [None, 0.4]}, total_steps=100)
    >>> run.train_loss, run.final_validation(), run.total_steps
    (array([2.1, 1.7]), 0.4, 100)
    """

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __new__(
        cls,
        id: str,
        steps: Sequence[int],
        *,
        train_loss: Sequence[float | None] | None = None,
        learning_rate: Sequence[float | None] | None = None,
        validation: Mapping[str, Sequence[float | None]] | None = None,
        total_steps: int | None = None,
        schedule: str | None = None,
        peak_lr: float | None = None,
        seed: int | None = None,
        optimizer: str | None = None,
        attributes: Mapping[str, str] | None = None,
        nan_is_missing: bool = True,
    ) -> Run: ...
    @property
    def id(self) -> str:
        """Identity within the sweep."""
    @property
    def steps(self) -> NDArray[np.uint64]:
        """Optimizer step of each point."""
    @property
    def train_loss(self) -> _Floats:
        """Train loss at each point."""
    @property
    def learning_rate(self) -> _Floats:
        """Learning rate at each point."""
    @property
    def validation(self) -> dict[str, _Floats]:
        """The validation metrics by name."""
    @property
    def attributes(self) -> dict[str, Any]:
        """What else is known: schedule, `peak_lr`, seed, optimizer, `total_steps`, source, other."""
    @property
    def metrics(self) -> list[str]:
        """The metrics of its sweep, as `name:max` or `name:min`."""
    @property
    def total_steps(self) -> int:
        """Planned length in steps: the recorded one, or else the last step."""
    @property
    def configuration(self) -> str:
        """A short name of its configuration: its schedule and peak, or what its rates look like."""
    @property
    def schedule(self) -> Schedule | None:
        """The schedule it says it follows, or else its recorded rates; `None` if it has neither."""
    def final_validation(self, metric: str | None = None) -> float | None:
        """The last finite value of a metric, by default the first."""
    def diverged_at(self, metric: str | None = None) -> int | None:
        """Index of the first point whose loss or metric is NaN or infinite; `None` if the run did not diverge. NaN that was taken for what
        was not measured (`nan_is_missing`) is none.
        """
    def __len__(self) -> int: ...

@final
class Schedule:
    """A learning-rate schedule over the progress of a run, from 0 to 1.

    >>> import lodecast
    >>> schedule = lodecast.Schedule.cosine(0.1, warmup=0.5)
    >>> schedule.learning_rate(0.25), schedule.at_step(500, 1000)
    (0.05, 0.1)
    """

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def plot(self, *, ax: Any = None) -> Any:
        """Draws its learning rate over the progress of a run, with matplotlib."""
    @staticmethod
    def parametric(family: str, peak_lr: float, warmup: float = 0.0) -> Schedule:
        """A family by name: constant, cosine, one-cycle, staircase, linear or warmup-stable-decay, after a linear warm-up over
        a fraction of the run.
        """
    @staticmethod
    def constant(learning_rate: float, warmup: float = 0.0) -> Schedule:
        """The same rate throughout."""
    @staticmethod
    def cosine(peak_lr: float, warmup: float = 0.0) -> Schedule:
        """Half a cosine from the peak to zero."""
    @staticmethod
    def one_cycle(peak_lr: float, warmup: float = 0.0) -> Schedule:
        """Up to the peak over 30 % of the run, then down."""
    @staticmethod
    def staircase(peak_lr: float, warmup: float = 0.0) -> Schedule:
        """Halved at each tenth of the run."""
    @staticmethod
    def linear(peak_lr: float, warmup: float = 0.0) -> Schedule:
        """A straight line from the peak to zero."""
    @staticmethod
    def warmup_stable_decay(peak_lr: float, warmup: float = 0.0) -> Schedule:
        """The peak until 80 % of the run, then a straight line to zero."""
    @staticmethod
    def piecewise_linear(knots: Sequence[tuple[float, float]]) -> Schedule:
        """Straight lines between (progress, learning rate) knots."""
    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Schedule:
        """From what `to_dict` gave."""
    def to_dict(self) -> dict[str, Any]:
        """The schedule as plain types."""
    def learning_rate(self, progress: float) -> float:
        """Learning rate at a progress in [0, 1]."""
    def learning_rates(self, progress: Sequence[float] | _Floats) -> _Floats:
        """Learning rates at several progresses."""
    def at_step(self, step: int, total_steps: int) -> float:
        """Learning rate at an optimizer step of a run of so many steps."""

@final
class Spread:
    """A curve with its spread: arrays of the mean, and of one standard deviation to either side."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def mean(self) -> _Floats:
        """Mean."""
    @property
    def low(self) -> _Floats:
        """Lower end."""
    @property
    def high(self) -> _Floats:
        """Upper end."""
    @property
    def spread(self) -> _Floats:
        """Half the distance of the ends: about one standard deviation."""
    def __len__(self) -> int: ...

@final
class Interval:
    """A number with the range of one standard deviation around it."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def mean(self) -> float:
        """Mean."""
    @property
    def low(self) -> float:
        """Lower end."""
    @property
    def high(self) -> float:
        """Upper end."""
    @property
    def spread(self) -> float:
        """Half the distance of the ends: about one standard deviation."""

@final
class Forecast:
    """The future of a run as a model sees it."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def metric(self) -> str:
        """The metric that is forecast, as `name:max` or `name:min`."""
    @property
    def progress(self) -> _Floats:
        """Times, as fractions of the planned run."""
    @property
    def learning_rate(self) -> _Floats:
        """Learning rate: the schedule asked about, or what the paper's model expects to follow."""
    @property
    def train_loss(self) -> Spread:
        """Train loss."""
    @property
    def validation(self) -> Spread:
        """Validation metric."""
    @property
    def final_validation(self) -> Interval:
        """The final metric; its ends contain the error that held-out runs had."""
    @property
    def outside_experience(self) -> str | None:
        """Why the forecast is beyond what the model has seen, if it is: it then holds for the nearest that it has seen."""
    def to_dict(self) -> dict[str, Any]:
        """The forecast as plain types."""
    def plot(self, run: Run | None = None, *, figure: Any = None, interactive: bool = False) -> Any:
        """Draws it with matplotlib, or with plotly if `interactive`: loss, metric and learning rate. `run` is drawn beside it."""

@final
class Evaluation:
    """How good forecasts are, beside simple baselines."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def metric(self) -> str:
        """The metric that is forecast."""
    @property
    def held_out(self) -> bool:
        """Was no run forecast by a member that had seen its configuration?"""
    @property
    def stopped(self) -> list[str]:
        """Runs that are not forecast since they stopped before their end: what they would have come to is unknown."""
    @property
    def skills(self) -> list[dict[str, Any]]:
        """One dictionary an observed fraction and method: errors, rank correlation, coverage."""
    @property
    def forecasts(self) -> list[dict[str, Any]]:
        """One dictionary a forecast: run, observed fraction, prediction, what it became."""
    def plot(self, *, ax: Any = None) -> Any:
        """Draws the error of each way to forecast, by how much of a run was seen, with matplotlib."""
    def _repr_html_(self) -> str: ...

@final
class Prediction:
    """What is predicted for the end of a run."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def metric(self) -> float:
        """Validation metric."""
    @property
    def spread(self) -> float:
        """One standard deviation over the members of the ensemble."""

@final
class Suggestion:
    """A schedule worth a run in a next round."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule."""
    @property
    def member(self) -> int:
        """The member of the ensemble that thinks most of it."""
    @property
    def prediction(self) -> Prediction:
        """Final metric as the whole ensemble predicts it."""

@final
class Candidate:
    """A schedule that was weighed."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
    @property
    def schedule(self) -> Schedule | None:
        """The schedule from now on; `None` where it was not kept."""
    @property
    def prediction(self) -> Prediction | None:
        """What is predicted for it, unless it was rejected before."""
    @property
    def interval(self) -> Interval | None:
        """What a single run under a new seed will end at, two times out of three, where the model says so."""
    @property
    def probability_better_than_best(self) -> float | None:
        """Probability that it is better than the schedule of the best measured run, where the model says so."""

@final
class Plan:
    """What a planner decided, and everything it weighed."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule to follow from `now` on."""
    @property
    def changed(self) -> bool:
        """Is it another one than was in force?"""
    @property
    def reason(self) -> str:
        """Why."""
    @property
    def now(self) -> float:
        """Progress from which the schedule applies, in [0, 1)."""
    @property
    def replan(self) -> int:
        """Counts the plans of a run, from 0."""
    @property
    def metric(self) -> str:
        """The metric that is predicted, as `name:max` or `name:min`."""
    @property
    def prediction(self) -> Prediction | None:
        """What is predicted for the schedule to follow, if anything."""
    @property
    def interval(self) -> Interval | None:
        """What a single run under a new seed will end at under the schedule, two times out of three. `None` where the model does
        not say: a law does, before the run has started.
        """
    @property
    def probability_better_than_best(self) -> float | None:
        """Probability that the schedule is better than that of the best measured run. `None` where the model does not say: a law
        does, before the run has started.
        """
    @property
    def alternatives(self) -> list[Candidate]:
        """The best of what could have been chosen instead."""
    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Everything that was weighed, as dictionaries."""
    def to_dict(self) -> dict[str, Any]:
        """The plan as plain types."""
    def plot(self, *, ax: Any = None, interactive: bool = False) -> Any:
        """Draws the schedule and the best candidates with matplotlib, or with plotly if `interactive`."""
    def _repr_html_(self) -> str: ...

@final
class FinalForecast:
    """The final value of a run that has not been made, as a law sees it."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def expected(self) -> float:
        """Expected value: that of a run that trains and that of an untrained network, each with its probability. Choose by it."""
    @property
    def median(self) -> float:
        """Median: as likely to be passed as not, divergence counted. Forecast by it."""
    @property
    def interval_68(self) -> tuple[float, float]:
        """Ends of the interval that holds 68 %."""
    @property
    def interval_95(self) -> tuple[float, float]:
        """Ends of the interval that holds 95 %."""
    @property
    def probability_diverged(self) -> float:
        """Probability that the run diverges."""
    @property
    def deviation(self) -> float:
        """Deviation of the logarithm of the gap to the metric's ideal value: doubt and the scatter of runs together."""
    @property
    def seed_deviation(self) -> float:
        """The part of the deviation that another seed would change."""
    def to_dict(self) -> dict[str, Any]:
        """The forecast as plain types."""

@final
class Alternative:
    """A schedule that could be taken instead, with what is expected of it."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def name(self) -> str:
        """Whose choice it is."""
    @property
    def schedule(self) -> Schedule:
        """The schedule."""
    @property
    def run(self) -> str | None:
        """The measured run whose schedule it is; `None` for a shape that nobody has run."""
    @property
    def predicted(self) -> FinalForecast:
        """Its final value, law and plain process averaged."""
    @property
    def probability_better_than_best(self) -> float:
        """Probability that it is better than the schedule of the best measured run, law and plain process averaged."""

@final
class Narrowing:
    """A run that would tell much where next to nothing is known, and what would be forecast then."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule to run."""
    @property
    def tells(self) -> str:
        """What it would tell."""
    @property
    def predicted(self) -> FinalForecast:
        """The final value under the schedule in question, if this run and those before it end as is expected of them now."""

@final
class Pick:
    """The schedule to take for a run, and what else there was: what `lodecast.pick` and `LawModel.pick` return."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule to take."""
    @property
    def run(self) -> str | None:
        """The measured run whose schedule it is; `None` for a shape that nobody has run."""
    @property
    def predicted(self) -> FinalForecast:
        """Its final value, law and plain process averaged."""
    @property
    def probability_better_than_best(self) -> float:
        """Probability that it is better than the schedule of the best measured run, law and plain process averaged; 1/2 if there is none."""
    @property
    def alternatives(self) -> list[Alternative]:
        """Other choices: the law's own, the plain process's own, the schedule of the best measured run."""
    @property
    def metric(self) -> str:
        """The metric that is predicted, as `name:max` or `name:min`."""
    @property
    def total_steps(self) -> int:
        """Length of the run that it is for, in optimizer steps."""
    def to_dict(self) -> dict[str, Any]:
        """The pick as plain types."""
    def plot(self, *, figure: Any = None, interactive: bool = False) -> Any:
        """Draws the schedule and the others with matplotlib, or with plotly if `interactive`."""
    def _repr_html_(self) -> str: ...

_Report = float | Run | Iterable[Mapping[str, Any]]

@final
class Tuner:
    """Asks for runs, takes in what came out of them, and recommends a schedule.

    `metric` is what is sought, as `name:max` or `name:min`, and `total_steps` the length of the runs. Which rates to try has to
    be known: `peaks`, the lowest and the highest; or `learning_rate`, one that worked, about which peaks from a tenth to ten
    times are tried; or `runs` that recorded theirs, a `Sweep` or a path as `lodecast.plan` takes it. `warmup` and `end` fix the
    warm-up (a fraction of the run) and the last rate (a fraction of the peak), `families` leaves only those. `settings` are
    tuned beside the rate: `{"weight_decay": (1e-4, 1e-1, "log"), "batch_size": (16, 256), "optimizer": ["adam", "sgd"]}`.
    `budget` is how many training steps may be spent in all. `strategy` is how runs are chosen, `spread` by default; `start` and
    `ideal` are the metric of an untrained network and the value that no run can pass, where runs report final values only.

    With `path` the study lies in that file, which every call reads and replaces whole or not at all: it can be killed at any
    moment, and many processes may work on it. What a study that is there already was told may be left out; it is refused if it
    is of another task, metric, length or space.

    >>> import lodecast
    >>> tuner = lodecast.Tuner(metric="val_loss:min", total_steps=200, learning_rate=0.03, budget=800)
    >>> while trial := tuner.ask():
    ...     peak = max(trial.learning_rate(step) for step in range(trial.total_steps))
    ...     tuner.tell(trial, [{"step": 0, "val_loss": 2.0}, {"step": 200, "val_loss": 0.1 + (peak - 0.05) ** 2}])
    >>> [record.status for record in tuner.trials]
    ['finished', 'finished', 'finished', 'finished']
    >>> tuner.recommend().schedule.learning_rate(1.0) < 0.03
    True
    """
    def __new__(
        cls,
        *,
        metric: str | None = None,
        total_steps: int | None = None,
        path: _Path | None = None,
        runs: Sweep | _Path | None = None,
        peaks: tuple[float, float] | None = None,
        learning_rate: float | None = None,
        warmup: float | None = None,
        end: float | None = None,
        families: Sequence[str] | None = None,
        settings: Mapping[str, _SettingRange] | None = None,
        strategy: str | None = None,
        budget: int | None = None,
        seed: int | None = None,
        task: str | None = None,
        start: float | None = None,
        ideal: float | None = None,
    ) -> Tuner: ...
    def ask(self, worker: str | None = None) -> Trial | None:
        """The next run to make; `None` if the budget does not hold it. Trials under way count: as taken in a spread, as what the
        models expect of them where models choose. A `worker` with a name whose trial has not reported is given it again: what to
        go on with after a crash.
        """
    def try_schedule(self, schedule: Schedule, reason: str = "a schedule that was given") -> Trial | None:
        """A trial of a schedule of your own: of another search, or the `next_run` of a recommendation. `None` if the budget does not
        hold it. Other settings are those of the best run.
        """
    def tell(self, trial: Trial | str, report: _Report) -> None:
        """Takes the report of a trial, which is a `Trial` or its name: its final value (NaN if it diverged), its `Run`, or its
        points, each a dictionary with `step`, the metric by its name (or `validation`) and, where known, `train_loss` and
        `learning_rate`. Whole curves tell much more than final values. A report that ends before the planned length counts as
        stopped, one with a value that is not finite as diverged: results, both. The same report again changes nothing, another
        is refused.
        """
    def observe(self, trial: Trial | str, report: _Report) -> None:
        """Takes what a trial under way has reported so far. It may come again, longer."""
    def fail(self, trial: Trial | str, reason: str) -> None:
        """A trial could not be trained. What it reported before stays, and its schedule is not asked for again."""
    def abandon(self, trial: Trial | str) -> None:
        """Nobody waits for a trial any more. If it reports after all, that counts."""
    def abandon_overdue(self, reports: int) -> list[str]:
        """Abandons trials under way since which at least `reports` others have come in; gives their names."""
    def add(self, runs: Sweep | _Path, *, train_loss: str | None = None, learning_rate: str | None = None) -> dict[str, Any]:
        """Adds runs: a `Sweep`, or a path as `lodecast.plan` takes it. A run with the name of a trial, or whose attribute `trial`
        names one, is its report; any other is one that was not asked for. They may be added again, and may have gone on since.
        Says how many were `new`, `told` and `known`, and which were `refused` and why; it warns of those.
        """
    def recommend(self) -> Recommendation:
        """The schedule to take, from everything told so far: the pick over the law and a plain process, measured schedules
        included, within what may be tried. If nothing can be learned from the runs, it is the schedule of the best of them, and
        a note says why.
        """
    def change_space(
        self,
        *,
        peaks: tuple[float, float] | None = None,
        learning_rate: float | None = None,
        warmup: float | None = None,
        end: float | None = None,
        families: Sequence[str] | None = None,
        settings: Mapping[str, _SettingRange] | None = None,
    ) -> None:
        """Changes what may be tried from here on; what is left out stays as it is, and so does what was measured."""
    @property
    def trials(self) -> list[TrialRecord]:
        """Everything that was asked for, in order, with what became of it."""
    def sweep(self) -> Sweep:
        """The runs that were told and those that were added, as a sweep: to fit a model to, or to look at."""
    @property
    def committed(self) -> int:
        """Training steps that trials have cost, those under way in full."""
    @property
    def budget(self) -> int | None:
        """Training steps that may be spent in all; `None` if there is no end."""
    @property
    def metric(self) -> str:
        """The metric, as `name:max` or `name:min`."""
    @property
    def total_steps(self) -> int:
        """Length of the runs that a schedule is sought for, in optimizer steps."""
    @property
    def strategy(self) -> str:
        """How the next run is chosen."""
    @property
    def path(self) -> Path | None:
        """The file of the study, if it has one."""
    def state_dict(self) -> dict[str, Any]:
        """The study as plain types."""
    @staticmethod
    def from_state_dict(state: Mapping[str, Any]) -> Tuner:
        """A tuner in memory that goes on from what `state_dict` gave."""

@final
class Trial:
    """A run to make: what `Tuner.ask` returns."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def name(self) -> str:
        """Its name, by which it reports."""
    @property
    def schedule(self) -> Schedule:
        """The schedule to follow."""
    @property
    def total_steps(self) -> int:
        """Its length in optimizer steps."""
    @property
    def seed(self) -> int:
        """A seed of its own. Whoever trains all runs under one seed may ignore it."""
    @property
    def settings(self) -> dict[str, float | int | str]:
        """Other settings to train with, by name; empty if none are tuned."""
    @property
    def reason(self) -> str:
        """Why this run."""
    def learning_rate(self, step: int) -> float:
        """Its learning rate at an optimizer step."""
    def to_dict(self) -> dict[str, Any]:
        """The trial as plain types: what a job on another machine is given."""
    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Trial:
        """From what `to_dict` gave, or `lodecast tune ask --out` wrote of it."""

@final
class TrialRecord:
    """A trial with what became of it: what `Tuner.trials` lists."""
    @property
    def trial(self) -> Trial:
        """The trial."""
    @property
    def status(self) -> Literal["running", "finished", "diverged", "stopped", "failed", "abandoned"]:
        """What became of it: `running`, `finished`, `diverged`, `stopped`, `failed` or `abandoned`."""
    @property
    def failure(self) -> str | None:
        """Why it failed, if it did."""
    @property
    def worker(self) -> str | None:
        """Who trains it, if they said."""
    @property
    def last_value(self) -> float | None:
        """The last finite value of the metric that it reported."""
    @property
    def cost(self) -> int:
        """Training steps it has cost; of one that was never heard of again all of them, of one that failed those it reported."""
    @property
    def run(self) -> Run | None:
        """The run it made so far; `None` if it reported nothing."""

@final
class Recommendation:
    """The schedule to take, and how sure that is: what `Tuner.recommend` returns."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule to take."""
    @property
    def total_steps(self) -> int:
        """Length of the run that it is for, in optimizer steps."""
    @property
    def settings(self) -> dict[str, float | int | str]:
        """Other settings to take, by name: those of the best run. Empty if none are tuned."""
    @property
    def run(self) -> str | None:
        """The measured run whose schedule it is; `None` for a shape that nobody has run."""
    @property
    def predicted(self) -> FinalForecast | None:
        """The metric that it will reach; `None` if nothing could be learned from what was told."""
    @property
    def probability_better_than_best(self) -> float:
        """Probability that it beats the schedule of the best measured run, law and plain process averaged; 1/2 if it is that one."""
    @property
    def best_run(self) -> str:
        """Name of the best measured run."""
    @property
    def best_value(self) -> float:
        """Final value of the best measured run, luck included."""
    @property
    def choices(self) -> list[Alternative]:
        """What each of the models alone would take, and the schedule of the best run."""
    @property
    def alternatives(self) -> list[CouldBeBetter]:
        """Two or three schedules that could still be better."""
    @property
    def next_run(self) -> NextRun | None:
        """The next run that would tell most about this choice, if there is one."""
    @property
    def runs(self) -> int:
        """Number of runs it rests on."""
    @property
    def notes(self) -> list[str]:
        """What a reader has to know."""
    @property
    def metric(self) -> str:
        """The metric, as `name:max` or `name:min`."""
    @property
    def pick(self) -> Pick | None:
        """The pick that it rests on, as `lodecast.pick` returns it; `None` if nothing could be learned from what was told."""
    def to_dict(self) -> dict[str, Any]:
        """The recommendation as plain types."""

@final
class CouldBeBetter:
    """A schedule that could still be better than the recommended one."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """The schedule."""
    @property
    def run(self) -> str | None:
        """The measured run whose schedule it is; `None` for a shape that nobody has run."""
    @property
    def predicted(self) -> FinalForecast:
        """The metric that it will reach."""
    @property
    def probability(self) -> float:
        """Probability that it is better than the recommended one, law and plain process averaged."""

@final
class NextRun:
    """A run worth making."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def schedule(self) -> Schedule:
        """Its schedule."""
    @property
    def total_steps(self) -> int:
        """Its length in optimizer steps."""
    @property
    def reason(self) -> str:
        """Why it would tell."""

@final
class Explanation:
    """What a law says about a search."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def quantities(self) -> list[dict[str, Any]]:
        """One dictionary a quantity, the most useful first: name, value, low and high (68 %), unit, and what it means."""
    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the fit."""
    def _repr_html_(self) -> str: ...

@disjoint_base
class Model:
    """A fitted model of any kind."""

    def save(self, path: _Path) -> None:
        """Writes the model file, whole or not at all."""
    def to_bytes(self) -> bytes:
        """The model file as bytes."""
    @staticmethod
    def from_bytes(data: bytes) -> Model:
        """A model from the bytes of its file."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    @property
    def kind(self) -> Literal["controlled", "law", "paper"]:
        """Which form of model: `controlled`, `law` or `paper`."""
    @property
    def metric(self) -> str:
        """The validation metric it predicts, as `name:max` or `name:min`."""
    @property
    def members(self) -> int:
        """Number of models in the ensemble."""
    @property
    def fingerprint(self) -> str:
        """Tells this model from others."""
    @property
    def learning_rates(self) -> tuple[float, float]:
        """Smallest and largest learning rate of its sweep."""
    @property
    def best_schedule(self) -> Schedule:
        """The schedule of its sweep's best configuration."""
    @property
    def record(self) -> dict[str, Any]:
        """How it was fitted, as plain types."""
    @property
    def fit_summary(self) -> dict[str, Any] | None:
        """What the fit was made of, as plain types; `None` for a model from a file."""
    def unknown(self, schedule: Schedule, total_steps: int) -> str | None:
        """What the sweep does not show of a run of so many steps under `schedule`: rates beyond all that were borne, a fall that no run
        had, or its length. `None` if there is nothing.
        """
    def forecast(
        self,
        run: Run | None = None,
        *,
        schedule: Schedule | None = None,
        total_steps: int | None = None,
        observed: float | None = None,
    ) -> Forecast:
        """How a run will go on under `schedule`, by default its own. `observed` is the fraction of the run to look at. A schedule
        with rates that the sweep has not shown draws a warning: they count as the nearest that it has.
        """
    def plan(
        self,
        run: Run | None = None,
        *,
        total_steps: int | None = None,
        observed: float | None = None,
        in_force: Schedule | None = None,
        seed: int = 0,
        settings: PlannerSettings | None = None,
    ) -> Plan:
        """The schedule from here on. `in_force` is the one to change, by default the run's own or the sweep's best; `settings`
        are the planner's, by name.
        """
    def evaluate(self, sweep: Sweep, observed: Sequence[float] = ...) -> Evaluation:
        """Error of the forecast final metric after each fraction of the runs, on configurations not seen, beside baselines."""
    def plot_forecast(
        self,
        run: Run,
        *,
        schedule: Schedule | None = None,
        total_steps: int | None = None,
        observed: float | None = None,
        figure: Any = None,
        interactive: bool = False,
    ) -> Any:
        """Draws the forecast of a run with matplotlib, or with plotly if `interactive`, beside the run itself."""
    def _repr_html_(self) -> str: ...

@final
class PaperLatentOde(Model):
    """The paper's model: it imagines whole runs, their learning rate included."""

    @staticmethod
    def load(path: _Path) -> PaperLatentOde:
        """Reads a model file of this kind."""

@final
class ControlledLatentOde(Model):
    """The model that the learning rate drives: it answers "what if I set this rate?"."""

    @staticmethod
    def load(path: _Path) -> ControlledLatentOde:
        """Reads a model file of this kind."""
    def suggest(self, count: int | None = None, *, seed: int = 0) -> list[Suggestion]:
        """Schedules for a next round of runs: what each member of the ensemble in turn thinks best, away from what is known.
        Train them under a seed or two that the sweep has not seen, and fit the old sweep and the new one joined.
        """

@final
class LawModel(Model):
    """The law: a curve with a handful of parameters, for few runs. It is fitted in a fraction of a second, and picks the schedule
    of a whole run.

    >>> import lodecast
    >>> law = lodecast.fit(lodecast.example_sweep(), "law", progress=False)
    >>> picked = law.pick(200)
    >>> picked.predicted.median < law.start
    True
    """
    @staticmethod
    def load(path: _Path) -> LawModel:
        """Reads a model file of this kind."""
    @staticmethod
    def before_any_run(
        metric: str,
        *,
        learning_rate: float,
        total_steps: int,
        start: float,
        expected: float | None = None,
        ideal: float | None = None,
    ) -> LawModel:
        """The law of a search that nobody has made yet: the prior alone, with intervals to match. `learning_rate` worked for runs of
        `total_steps`, and `start` is the metric of an untrained network: `math.log(classes)` of a cross entropy, `1 / classes` of an
        accuracy. It plans and schedules runs as any other model does; `narrowing` says which runs would tell it most.

        >>> import lodecast, math
        >>> law = lodecast.LawModel.before_any_run("val_loss:min", learning_rate=3e-4, total_steps=10_000, start=math.log(10))
        >>> picked = law.pick(10_000)
        >>> [f"{one.schedule.learning_rate(0.0):.0e}, to see {one.tells}" for one in law.narrowing(lodecast.Schedule.cosine(3e-4), 10_000)]
        ['3e-04, to see the level of the curve', '9e-04, to see where rates begin to be too high', '1e-04, to see how much a lower rate loses']
        """
    def narrowing(self, schedule: Schedule, total_steps: int) -> list[Narrowing]:
        """How much the forecast of a run of `total_steps` under `schedule` would narrow with each of a few more runs, if they are as the
        law expects. From three runs on the list is empty: they say by themselves how wide intervals are.
        """
    def pick(self, total_steps: int, *, candidates: int | None = None, draws: int | None = None, seed: int = 0) -> Pick:
        """Picks the schedule of a run of `total_steps`: that with the least expected gap to the ideal among `candidates` shapes
        and the measured schedules, on the average of the law and a plain Gaussian process. `draws` of the posterior tell the
        probabilities.
        """
    def final_values(self, schedules: Sequence[Schedule], total_steps: int) -> list[FinalForecast]:
        """Final values of runs of `total_steps` under schedules, with the settings of the best run."""
    def explain(self) -> Explanation:
        """What it says about the search, in words and numbers: where the edge of the rate is, how fast noise relaxes, what a
        longer run would bring, each with its interval.
        """
    def suggest(self, count: int | None = None, *, seed: int = 0) -> list[Suggestion]:
        """Schedules for a next round of runs: what each of some draws of the posterior in turn thinks best, away from what is
        known.
        """
    @property
    def notes(self) -> list[str]:
        """What a reader has to know about the fit: assumptions, and why intervals are wide."""
    @property
    def start(self) -> float:
        """The metric of an untrained network."""
    @property
    def best(self) -> float:
        """The best final value among the runs."""
    @property
    def ideal(self) -> float:
        """The value of the metric that no run passes."""
    @property
    def best_at(self) -> tuple[float, float, float] | None:
        """Progress at which runs reached their best value: median, and the ends of the range of 68 %. `None` if no run reached its
        end. Before the end of a run, it is worth keeping a checkpoint.
        """
    @property
    def diverged(self) -> list[str]:
        """Runs that diverged."""
    @property
    def scatter(self) -> float:
        """Scatter of curves about the law, as a deviation of the logarithm of the gap to the ideal."""
    @property
    def log_evidence(self) -> float:
        """Logarithm of the evidence of the curves, up to a constant of the runs: laws of the same runs compare by it."""

@final
class Observation:
    """What a scheduler made of a point."""

    __hash__ = None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    @property
    def kind(self) -> Literal["nothing", "replanned", "kept", "ignored"]:
        """`nothing`, `replanned`, `kept` or `ignored`."""
    @property
    def reason(self) -> str | None:
        """Why, if there is something to say."""
    @property
    def plan(self) -> Plan | None:
        """The plan, if the schedule changed."""
    @property
    def replanned(self) -> bool:
        """Did the schedule change?"""

@final
class Scheduler:
    """Chooses the learning rates of one run as it goes: `learning_rate(step)` gives the rate, `observe(step, ...)` takes in what
    was measured, and at a few fractions of the run the rest is planned anew.

    `model` is a model or its file. `start` is the schedule to follow until the first of these fractions; without it the rest of
    the run is planned before the first step. `replan_at` are fractions of the run; `replan_every` plans after each such fraction
    instead. `range_factor` is how far the rate may leave the range of the sweep. `settings` are the planner's, by name.
    """

    def __new__(
        cls,
        model: Model | _Path,
        total_steps: int,
        *,
        start: Schedule | None = None,
        seed: int = 0,
        replan_at: Sequence[float] | None = None,
        replan_every: float | None = None,
        range_factor: float = 1.0,
        settings: PlannerSettings | None = None,
    ) -> Scheduler: ...
    def learning_rate(self, step: int) -> float:
        """Learning rate for an optimizer step."""
    def observe(
        self,
        step: int,
        *,
        train_loss: float | None = None,
        validation: float | None = None,
        learning_rate: float | None = None,
    ) -> Observation:
        """Takes in what was measured at a step, and plans if it is time to; `None` was not measured. The same step again adds or
        corrects, and never plans twice. The learning rate may be left out: it is the one this scheduler gave.
        """
    def note(
        self,
        step: int,
        *,
        train_loss: float | None = None,
        validation: float | None = None,
        learning_rate: float | None = None,
    ) -> Observation:
        """Takes in what was measured as `observe` does, but never plans: that is left to `decide`, so that a metric which comes
        after the loss of its step is known by then.
        """
    def decide(self) -> Observation:
        """Plans the rest of the run from what was noted, if it is time to."""
    def explain(self) -> str:
        """What is in force and why, in words."""
    def extend(self, total_steps: int) -> None:
        """Makes the run longer. Rates so far stay as they were, the rest is stretched, and planned anew at the next occasion. Where
        the run was at its end, the rest is that of the schedule over the longer run.
        """
    @property
    def total_steps(self) -> int:
        """Planned length of the run in optimizer steps."""
    @property
    def schedule(self) -> Schedule:
        """The schedule in force. Rates given out are bounded by the range of the sweep besides."""
    @property
    def last_plan(self) -> Plan | None:
        """The last plan, whether it changed anything or not."""
    @property
    def replans(self) -> int:
        """Plans made so far."""
    @property
    def model(self) -> Model:
        """Its model."""
    @property
    def observed(self) -> list[dict[str, Any]]:
        """The points remembered, as dictionaries."""
    def state_dict(self) -> dict[str, Any]:
        """Everything its future decisions depend on besides the model, as plain types."""
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a saved state exactly as if it had never stopped. The model has to be the same. A scheduler that was made for
        a longer run than the state's plans the longer one.
        """

def fit(
    sweep: Sweep,
    kind: str | None = None,
    progress: Callable[[int, int, float, float | None], object] | None = None,
    checkpoint: _Path | None = None,
    resume: bool = False,
    start_from: Model | _Path | None = None,
    **settings: Unpack[FitSettings],
) -> Model:
    """Fits a model, without `kind` the form whose forecasts of runs that it has not seen are best. `progress` is called with
    iteration, iterations, loss and held-out loss some twenty times a second; what it raises ends the fit, like Ctrl-C. `start_from`
    is the model of an earlier state of the same search, or its file: its networks learn what is new in a third of the steps.
    """

def load(path: _Path) -> Model:
    """Reads a model file of any kind."""

def _import_runs(
    sources: Sequence[_Path],
    choices: Mapping[str, Any],
    dry_run: bool,
    progress: Callable[[int, int], object] | None,
    names: Sequence[tuple[str, str]],
) -> Sweep:
    """Reads every run of the sources. With `dry_run` the sweep stays empty, and its report says what would be in it. `progress`
    is called with the numbers of runs and points so far. `names` are pairs of a place and what it is called in all that is said.
    """

def _restore(kind: str, state: object) -> Any:
    """An object that was pickled or copied."""

def _restore_tuner(state: Mapping[str, Any] | None, path: _Path | None) -> Tuner:
    """A tuner that was pickled: one with a file goes on with the file."""

def _sweep_from_bytes(bytes: bytes) -> Sweep:
    """A sweep that was pickled."""

def _restore_scheduler(model: Model | _Path, state: Mapping[str, Any]) -> Scheduler:
    """A scheduler that was pickled."""
