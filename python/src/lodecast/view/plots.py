"""Figures of forecasts and plans, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lodecast import _engine
from lodecast.errors import Error

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        raise Error("plots need matplotlib: pip install 'lodecast[plot]'") from None
    return plt


def forecast(forecast: _engine.Forecast, run: _engine.Run | None = None, *, figure: Figure | None = None) -> Figure:
    """Draw loss, metric and learning rate of a forecast, and those of the run it is about."""
    plt = _pyplot()
    figure = figure or plt.figure(figsize=(7, 7), layout="constrained")
    name = forecast.metric.rpartition(":")[0]
    axes = figure.subplots(3, 1, sharex=True)
    times = forecast.progress
    for ax, curve, label in zip(axes, (forecast.train_loss, forecast.validation), ("train loss", name), strict=False):
        ax.fill_between(times, curve.low, curve.high, alpha=0.25, color="C0", linewidth=0)
        ax.plot(times, curve.mean, color="C0", label="forecast")
        ax.set_ylabel(label)
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
    axes[0].legend(frameon=False)
    return figure


def plan(plan: _engine.Plan, *, ax: Any = None) -> Figure:
    """Draw a plan's schedule over the best candidates it weighed."""
    plt = _pyplot()
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    times = np.linspace(plan.now, 1.0, 201)
    for candidate in plan.candidates:
        if candidate["schedule"] is not None:
            rates = _engine.Schedule.from_dict(candidate["schedule"]).learning_rates(times)
            in_force = candidate["origin"]["kind"] == "in-force"
            style = {"color": "0.2", "linestyle": "--", "label": "in force"} if in_force else {"color": "0.8"}
            ax.plot(times, rates, linewidth=1, **style)
    label = "new schedule" if plan.changed else "schedule kept"
    ax.plot(times, plan.schedule.learning_rates(times), color="C0", linewidth=2, label=label)
    ax.set_xlabel("progress of the run")
    ax.set_ylabel("learning rate")
    if plan.prediction is not None:
        ax.set_title(f"predicted final metric {plan.prediction.metric:.4g} ± {plan.prediction.spread:.2g}")
    ax.legend(frameon=False)
    return ax.figure  # type: ignore[no-any-return]
