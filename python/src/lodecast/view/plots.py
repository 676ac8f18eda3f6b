"""Figures of forecasts, plans and picks, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lodecast import _engine
from lodecast.errors import Error
from lodecast.view import interactive as moving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Rates that are so many times apart are drawn on a logarithmic axis.
_DECADES = 30.0


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        raise Error("plots need matplotlib: pip install 'lodecast[plot]'") from None
    return plt


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
            ax.plot(at[measured], column[measured], color="0.3", linewidth=1, label=f"run {run.id}")
    axes[1].legend(frameon=False)
    return figure


def plan(plan: _engine.Plan, *, ax: Any = None, interactive: bool = False) -> Any:
    """Draw a plan's schedule over the best candidates it weighed."""
    if interactive:
        return moving.plan(plan)
    plt = _pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    times = np.linspace(plan.now, 1.0, 201)
    curves = [plan.schedule.learning_rates(times)]
    for candidate in plan.candidates:
        if candidate["schedule"] is not None:
            rates = _engine.Schedule.from_dict(candidate["schedule"]).learning_rates(times)
            in_force = candidate["origin"]["kind"] == "in-force"
            style = {"color": "0.2", "linestyle": "--", "label": "in force"} if in_force else {"color": "0.8"}
            ax.plot(times, rates, linewidth=1, **style)
            if in_force:
                curves.append(rates)
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
    # The pick lies on top, also where another is the same.
    for index in reversed(range(len(choices))):
        name, choice = choices[index]
        color = f"C{index}"
        left.plot(times, curves[index], color=color, linewidth=2.5 if index == 0 else 1.2, label=name, zorder=3 - 0.1 * index)
        (low, high), (lowest, highest) = choice.predicted.interval_68, choice.predicted.interval_95
        right.plot([lowest, highest], [places[index]] * 2, color=color, linewidth=1)
        right.plot([low, high], [places[index]] * 2, color=color, linewidth=4)
        right.plot([choice.predicted.median], [places[index]], "o", color="white", markeredgecolor=color)
    _rates(left, curves)
    right.set_yticks(places, [name for name, _ in choices])
    right.set_ylim(-0.6, len(choices) - 0.4)
    right.set_xlabel(f"final {pick.metric.rpartition(':')[0]}: median, 68 %, 95 %")
    handles, labels = left.get_legend_handles_labels()
    left.legend(handles[::-1], labels[::-1], frameon=False)
    return figure


def _rates(ax: Any, curves: list[Any]) -> None:
    """Label axes of rates over progress, logarithmic where the rates are far apart but for a last fall to zero."""
    ax.set_xlabel("progress of the run")
    ax.set_ylabel("learning rate")
    highest = max(float(curve.max()) for curve in curves)
    middling = min(float(np.quantile(curve[curve > 0.0], 0.1)) for curve in curves if (curve > 0.0).any())
    if highest > _DECADES * middling > 0.0:
        ax.set_yscale("log")
        ax.set_ylim(0.3 * middling, 1.3 * highest)
    else:
        ax.set_ylim(bottom=0.0)
