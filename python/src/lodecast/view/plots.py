"""Figures of sweeps, schedules, evaluations, forecasts, plans and picks, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lodecast import _engine
from lodecast.errors import Error, SweepError
from lodecast.view import interactive as moving
from lodecast.view.rates import DECADES, logarithmic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of a longer name of a run its end is shown.
_LONGEST_NAME = 36
#: Configurations of a sweep that have a colour of their own.
_NAMED = 5
#: Losses and metrics that are so many times apart are drawn on a logarithmic axis.
_FAR_APART = 1000.0


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        raise Error("plots need matplotlib: pip install 'lodecast[plot]'") from None
    return plt


def _shade(strength: float) -> tuple[float, ...]:
    """Give a colour between those of the style in use: 0 is that of its background, 1 that of its text."""
    import matplotlib
    from matplotlib.colors import to_rgb

    ends = (to_rgb(matplotlib.rcParams[name]) for name in ("axes.facecolor", "text.color"))
    return tuple(ground + strength * (text - ground) for ground, text in zip(*ends, strict=True))


def sweep(sweep: _engine.Sweep, *, metric: str | None = None, figure: Figure | None = None) -> Any:
    """Draw the metric and the learning rate of every run; the best configurations have colours and names."""
    if metric is None and not sweep.metrics:
        raise SweepError("no run of this sweep measured a metric: there is nothing to order its configurations by")
    plt = _pyplot()
    figure = figure or plt.figure(figsize=(7, 6), layout="constrained")
    chosen = metric or sweep.metrics[0]
    name = chosen.removesuffix(":max").removesuffix(":min")
    upper, lower = figure.subplots(2, 1, sharex=True)
    order = _best_first(sweep, name)
    rates = []
    # The best are drawn last, over the others.
    for place, runs in reversed(list(enumerate(order))):
        look: dict[str, Any] = (
            {"color": f"C{place}", "zorder": 3} if place < _NAMED else {"color": _shade(0.3), "linewidth": 0.8}
        )
        for number, run in enumerate(runs):
            times = run.steps / run.total_steps
            label = runs[0].configuration if place < _NAMED and number == 0 else "_"
            for ax, column in ((upper, run.validation.get(name, np.full(len(run), np.nan))), (lower, run.learning_rate)):
                measured = np.isfinite(column)
                ax.plot(times[measured], column[measured], label=_end_of(label), **look)
            rates.append(run.learning_rate[np.isfinite(run.learning_rate)])
    upper.set_ylabel(name)
    _spread_out(upper)
    _rates(lower, [curve for curve in rates if curve.size > 0])
    handles, labels = upper.get_legend_handles_labels()
    upper.legend(handles[::-1], labels[::-1], frameon=False, title="best on average")
    return figure


def _best_first(sweep: _engine.Sweep, metric: str) -> list[list[_engine.Run]]:
    """Give the runs of each configuration, the best on average first; what diverged is last."""
    left = sweep
    order: list[list[_engine.Run]] = []
    while len(left) > 0:
        best = left.best_configuration(metric)
        if best is None:
            return [*order, list(left)]
        order.append(best[2])
        taken = {run.id for run in best[2]}
        rest = [run for run in left if run.id not in taken]
        if not rest:
            return order
        left = _engine.Sweep(rest)
    return order


def schedule(schedule: _engine.Schedule, *, ax: Any = None) -> Any:
    """Draw a schedule's learning rate over the progress of a run."""
    plt = _pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 3), layout="constrained")
    times = np.linspace(0.0, 1.0, 401)
    rates = schedule.learning_rates(times)
    ax.plot(times, rates, color="C0")
    _rates(ax, [rates])
    return ax.figure


def evaluation(evaluation: _engine.Evaluation, *, ax: Any = None) -> Any:
    """Draw the error of each way to forecast, by how much of a run was seen."""
    plt = _pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    skills = evaluation.skills
    for number, method in enumerate(dict.fromkeys(skill["method"] for skill in skills)):
        known = sorted((skill["observed"], skill["mean_absolute_error"]) for skill in skills if skill["method"] == method)
        seen, errors = zip(*known, strict=True)
        ax.plot(seen, errors, "o-", markersize=4, color=f"C{number}", linewidth=2.5 if method == "model" else 1.0, label=method)
    ax.xaxis.set_major_formatter(lambda fraction, _: f"{fraction:.0%}")
    ax.set_xlabel("seen of the run")
    ax.set_ylabel("mean absolute error")
    ax.set_title(
        f"forecasts of the final {evaluation.metric.rpartition(':')[0]}{'' if evaluation.held_out else ', not held out'}"
    )
    _spread_out(ax)
    ax.legend(frameon=False)
    return ax.figure


def _spread_out(ax: Any) -> None:
    """Make an axis logarithmic where values are far apart: of a run that diverged nothing else would be seen."""
    drawn = [value for line in ax.lines for value in line.get_ydata()]
    if drawn and min(drawn) > 0.0 and max(drawn) > _FAR_APART * min(drawn):
        ax.set_yscale("log")


def forecast(
    forecast: _engine.Forecast, run: _engine.Run | None = None, *, figure: Figure | None = None, interactive: bool = False
) -> Any:
    """Draw loss, metric and learning rate of a forecast, and those of the run it is about."""
    if interactive:
        return moving.forecast(forecast, run)
    plt = _pyplot()
    figure = figure or plt.figure(figsize=(7, 7), layout="constrained")
    name = forecast.metric.rpartition(":")[0]
    axes = figure.subplots(3, 1, sharex=True)
    times = forecast.progress
    for ax, curve, label in zip(axes, (forecast.train_loss, forecast.validation), ("train loss", name), strict=False):
        ax.set_ylabel(label)
        # A law says nothing of the train loss.
        if len(curve) > 0:
            ax.fill_between(times, curve.low, curve.high, alpha=0.25, color="C0", linewidth=0)
            ax.plot(times, curve.mean, color="C0", label="forecast")
    axes[2].plot(times, forecast.learning_rate, color="C0")
    axes[2].set_ylabel("learning rate")
    axes[2].set_xlabel("progress of the run")
    final = forecast.final_validation
    bars = [[final.mean - final.low], [final.high - final.mean]]
    axes[1].errorbar([1.0], [final.mean], yerr=bars, color="C0", capsize=4, fmt="o", markersize=4)
    if run is not None:
        at = run.steps / run.total_steps
        columns = (run.train_loss, run.validation.get(name, np.full(len(run), np.nan)), run.learning_rate)
        for ax, column in zip(axes, columns, strict=True):
            measured = np.isfinite(column)
            ax.plot(at[measured], column[measured], color=_shade(0.7), linewidth=1, label=f"run {_end_of(run.id)}")
    for ax in axes[:2]:
        _spread_out(ax)
    axes[1].legend(frameon=False)
    return figure


def _end_of(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def plan(plan: _engine.Plan, *, ax: Any = None, interactive: bool = False) -> Any:
    """Draw a plan's schedule over the best candidates it weighed."""
    if interactive:
        return moving.plan(plan)
    plt = _pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    times = np.linspace(plan.now, 1.0, 201)
    curves = [plan.schedule.learning_rates(times)]
    others = "weighed, too"
    for candidate in plan.candidates:
        in_force = candidate["origin"]["kind"] == "in-force"
        # What is kept is drawn as the plan's.
        if candidate["schedule"] is None or (in_force and not plan.changed):
            continue
        rates = _engine.Schedule.from_dict(candidate["schedule"]).learning_rates(times)
        if in_force:
            ax.plot(times, rates, linewidth=1, color=_shade(0.8), linestyle="--", label="in force before")
            curves.append(rates)
        else:
            ax.plot(times, rates, linewidth=1, color=_shade(0.35), label=others)
            others = "_"
    ax.plot(times, curves[0], color="C0", linewidth=2, label="new schedule" if plan.changed else "schedule kept")
    _rates(ax, curves)
    name = plan.metric.rpartition(":")[0]
    if plan.interval is not None:
        low, high = plan.interval.low, plan.interval.high
        ax.set_title(f"final {name} {plan.interval.mean:.4g}, two of three runs from {low:.4g} to {high:.4g}")
    elif plan.prediction is not None:
        ax.set_title(f"final {name} {plan.prediction.metric:.4g} ± {plan.prediction.spread:.2g}{_best_known(plan)}")
    ax.legend(frameon=False)
    return ax.figure


def _best_known(plan: _engine.Plan) -> str:
    """What the best configuration of the sweep is predicted to give from here on."""
    known = [
        candidate["prediction"]["metric"]
        for candidate in plan.candidates
        if candidate["origin"]["kind"] == "sweep" and candidate["prediction"] is not None
    ]
    if not known:
        return ""
    best = max(known) if plan.metric.endswith(":max") else min(known)
    return f", best of the sweep {best:.4g}"


def pick(pick: _engine.Pick, *, figure: Figure | None = None, interactive: bool = False) -> Any:
    """Draw the schedule that was picked and the others, and beside them the final values that are expected."""
    if interactive:
        return moving.pick(pick)
    plt = _pyplot()
    figure = figure or plt.figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    times = np.linspace(0.0, 1.0, 401)
    choices: list[tuple[str, _engine.Pick | _engine.Alternative]] = [
        ("picked", pick),
        *((other.name, other) for other in pick.alternatives),
    ]
    places = np.arange(len(choices))[::-1]
    curves = [choice.schedule.learning_rates(times) for _, choice in choices]
    for index, (name, choice) in enumerate(choices):
        color = f"C{index}"
        # Thin lines lie on the thick one, and where two are the same, the later is dashed: so all are seen.
        again = sum(np.allclose(curves[index], curve) for curve in curves[1:index])
        style: dict[str, Any] = (
            {"linewidth": 3.0} if index == 0 else {"linewidth": 1.2, "dashes": (4, 4)} if again else {"linewidth": 1.2}
        )
        left.plot(times, curves[index], color=color, label=name, **style)
        (low, high), (lowest, highest) = choice.predicted.interval_68, choice.predicted.interval_95
        right.plot([lowest, highest], [places[index]] * 2, color=color, linewidth=1)
        right.plot([low, high], [places[index]] * 2, color=color, linewidth=4)
        right.plot([choice.predicted.median], [places[index]], "o", color=_shade(0.0), markeredgecolor=color)
    _rates(left, curves)
    ends = [end for _, choice in choices for end in choice.predicted.interval_95]
    # A run that diverges may end anywhere.
    if min(ends) > 0.0 and max(ends) > DECADES * min(ends):
        right.set_xscale("log")
    right.set_yticks(places, [name for name, _ in choices])
    right.set_ylim(-0.6, len(choices) - 0.4)
    right.set_xlabel(f"final {pick.metric.rpartition(':')[0]}\n(median, 68 %, 95 %)")
    left.legend(frameon=False)
    return figure


def _rates(ax: Any, curves: list[Any]) -> None:
    """Label axes of rates over progress."""
    ax.set_xlabel("progress of the run")
    ax.set_ylabel("learning rate")
    ends = logarithmic(curves)
    if ends is None:
        ax.set_ylim(bottom=0.0)
    else:
        ax.set_yscale("log")
        ax.set_ylim(*ends)
