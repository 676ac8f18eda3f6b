"""Figures to move about in, with plotly: what `plot(interactive=True)` returns."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from lodecast import _engine
from lodecast.errors import FileError
from lodecast.view.rates import logarithmic

#: The colours of matplotlib's lines, so that both kinds of figures have the same.
_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")


def forecast(forecast: _engine.Forecast, run: _engine.Run | None = None) -> Any:
    """Draw loss, metric and learning rate of a forecast, and those of the run it is about."""
    objects, subplots = _plotly()
    name = forecast.metric.rpartition(":")[0]
    figure = subplots.make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.04)
    times = forecast.progress
    for row, curve in enumerate((forecast.train_loss, forecast.validation), 1):
        # A law says nothing of the train loss.
        if len(curve) > 0:
            there_and_back = np.concatenate([times, times[::-1]])
            ends = np.concatenate([curve.high, curve.low[::-1]])
            band = {"fill": "toself", "line": {"width": 0}, "opacity": 0.25, "hoverinfo": "skip", "showlegend": False}
            figure.add_trace(objects.Scatter(x=there_and_back, y=ends, fillcolor="#1f77b4", **band), row=row, col=1)
            line = {"line": {"color": "#1f77b4"}, "name": "forecast", "showlegend": row == 2}
            figure.add_trace(objects.Scatter(x=times, y=curve.mean, **line), row=row, col=1)
    final = forecast.final_validation
    bars = {"type": "data", "array": [final.high - final.mean], "arrayminus": [final.mean - final.low]}
    point = objects.Scatter(x=[1.0], y=[final.mean], error_y=bars, marker={"color": "#1f77b4"}, name="end", showlegend=False)
    figure.add_trace(point, row=2, col=1)
    figure.add_trace(
        objects.Scatter(x=times, y=forecast.learning_rate, line={"color": "#1f77b4"}, showlegend=False), row=3, col=1
    )
    if run is not None:
        at = run.steps / run.total_steps
        columns = (run.train_loss, run.validation.get(name, np.full(len(run), np.nan)), run.learning_rate)
        for row, column in enumerate(columns, 1):
            known = np.isfinite(column)
            line = {"line": {"color": "#555", "width": 1}, "name": f"run {run.id}", "showlegend": row == 2}
            figure.add_trace(objects.Scatter(x=at[known], y=column[known], **line), row=row, col=1)
    for row, label in enumerate(("train loss", name, "learning rate"), 1):
        figure.update_yaxes(title_text=label, row=row, col=1)
    figure.update_xaxes(title_text="progress of the run", row=3, col=1)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    return figure.update_layout(height=700, template="simple_white", legend=legend)


def plan(plan: _engine.Plan) -> Any:
    """Draw a plan's schedule over the best candidates it weighed, each with what is predicted for it."""
    objects, _ = _plotly()
    times = np.linspace(plan.now, 1.0, 201)
    figure = objects.Figure()
    for other in plan.alternatives:
        if other.schedule is not None:
            predicted = "" if other.prediction is None else f", ends at {other.prediction.metric:.4g}"
            line = {"line": {"color": "#bbb", "width": 1}, "name": f"{other.origin}{predicted}", "showlegend": False}
            if plan.changed and other.origin == "the schedule in force":
                line = {"line": {"color": "#555", "width": 1, "dash": "dash"}, "name": f"in force before{predicted}"}
            figure.add_trace(objects.Scatter(x=times, y=other.schedule.learning_rates(times), **line))
    label = "new schedule" if plan.changed else "schedule kept"
    rates = plan.schedule.learning_rates(times)
    figure.add_trace(objects.Scatter(x=times, y=rates, line={"color": "#1f77b4", "width": 3}, name=label))
    return _of_rates(figure, [rates], plan.reason)


def pick(pick: _engine.Pick) -> Any:
    """Draw the schedule that was picked and the others, each with what is expected of it."""
    objects, _ = _plotly()
    times = np.linspace(0.0, 1.0, 401)
    figure = objects.Figure()
    choices: list[tuple[str, _engine.Pick | _engine.Alternative]] = [("picked", pick)]
    choices += [(other.name, other) for other in pick.alternatives]
    curves = [choice.schedule.learning_rates(times) for _, choice in choices]
    for index, ((name, choice), curve) in enumerate(zip(choices, curves, strict=True)):
        # Thin lines lie on the thick one, so that one which is the same is seen.
        line = {"color": _COLORS[index % len(_COLORS)], "width": 1 if index else 4}
        figure.add_trace(objects.Scatter(x=times, y=curve, line=line, name=f"{name}: {choice.predicted}"))
    return _of_rates(figure, curves, f"final {pick.metric.rpartition(':')[0]}: {pick.predicted}")


def _of_rates(figure: Any, curves: list[Any], title: str) -> Any:
    figure.update_xaxes(title_text="progress of the run")
    figure.update_yaxes(title_text="learning rate")
    ends = logarithmic(curves)
    if ends is not None:
        # plotly takes the logarithms of the ends.
        figure.update_yaxes(type="log", range=list(np.log10(ends)))
    # Names are long: below, they leave the curves their width.
    legend = {"orientation": "h", "y": -0.25, "yanchor": "top"}
    wrapped = "<br>".join(textwrap.wrap(title, 90))
    title_of = {"text": wrapped, "font": {"size": 12}}
    return figure.update_layout(height=450, template="simple_white", title=title_of, legend=legend)


def _plotly() -> tuple[Any, Any]:
    try:
        from plotly import graph_objects, subplots
    except ImportError:
        raise FileError("plot(interactive=True) needs plotly: pip install plotly") from None
    return graph_objects, subplots
