"""What notebooks show of a sweep, a model, a plan, a pick, a law's explanation and an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from lodecast import _engine
from lodecast.view.text import chance

_ROWS = 12


def sweep(sweep: _engine.Sweep) -> str:
    """The configurations of a sweep, the best first."""
    runs = sweep.runs
    metric = sweep.metrics[0] if sweep.metrics else None
    groups: dict[str, list[_engine.Run]] = {}
    for run in runs:
        groups.setdefault(run.configuration, []).append(run)
    rows = []
    for name, members in groups.items():
        finals = [value for run in members if metric and (value := run.final_validation()) is not None]
        diverged = sum(run.diverged_at() is not None for run in members) if metric else 0
        mean = sum(finals) / len(finals) if finals else None
        rows.append((mean, [name, str(len(members)), str(sum(map(len, members))), _number(mean), str(diverged or "")]))
    sign = -1.0 if metric is None or metric.endswith(":max") else 1.0
    rows.sort(key=lambda row: float("inf") if row[0] is None else sign * row[0])
    title = f"{len(runs)} runs of {len(groups)} configurations"
    head = ["configuration", "runs", "points", f"mean final {metric or 'metric'}", "diverged"]
    return _table(title, head, [row for _, row in rows])


def model(model: _engine.Model) -> str:
    """What a model is and how it came about."""
    record = model.record
    low, high = model.learning_rates
    rows = [
        ["predicts", model.metric],
        ["members", str(model.members)],
        ["fitted on", f"{record['runs']} runs, {record['points']} points"],
        ["learning rates", f"{low:.3g} to {high:.3g}"],
        ["fingerprint", model.fingerprint],
    ]
    if record["held_out_loss"]:
        rows.insert(-1, ["held-out loss", ", ".join(f"{loss:.3g}" for loss in record["held_out_loss"])])
    return _table(f"{model.kind} model", [], rows)


def plan(plan: _engine.Plan) -> str:
    """A plan's decision, its prediction and its rates."""
    verb = "new schedule" if plan.changed else "schedule kept"
    times = [plan.now + part * (1.0 - plan.now) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    rates = plan.schedule.learning_rates(times)
    rows = [["why", plan.reason]]
    final = f"predicted final {plan.metric.rpartition(':')[0]}"
    if plan.interval is not None:
        within = f"{plan.interval.low:.5g} to {plan.interval.high:.5g} in two of three runs"
        rows.append([final, f"{plan.interval.mean:.5g} ({within})"])
        if plan.probability_better_than_best is not None:
            rows.append(["better than the best measured schedule", f"{chance(plan.probability_better_than_best)} probability"])
    elif plan.prediction is not None:
        rows.append([final, f"{plan.prediction.metric:.5g} ± {plan.prediction.spread:.2g}"])
    rows += [[f"rate at {time:.0%}", f"{rate:.3e}"] for time, rate in zip(times, rates, strict=True)]
    rows.append(["weighed", f"{len(plan.candidates)} candidates"])
    return _table(f"{verb} at {plan.now:.0%} of the run", [], rows)


def pick(pick: _engine.Pick) -> str:
    """The schedule that was picked beside the others: what they lead to, and their rates."""
    times = (0.0, 0.25, 0.5, 0.75, 1.0)

    def row(name: str, one: _engine.Pick | _engine.Alternative) -> list[str]:
        low, high = one.predicted.interval_68
        rates = [f"{rate:.3e}" for rate in one.schedule.learning_rates(times)]
        diverges = f"{one.predicted.probability_diverged:.0%}"
        better = chance(one.probability_better_than_best)
        return [name, f"{one.predicted.median:.5g}", f"{low:.5g} to {high:.5g}", better, diverges, *rates]

    head = ["", f"final {pick.metric.rpartition(':')[0]}", "68 %", "better than the best", "diverges"]
    rows = [row("picked", pick), *(row(other.name, other) for other in pick.alternatives)]
    return _table(f"schedule for {pick.total_steps} steps", [*head, *(f"rate at {time:.0%}" for time in times)], rows)


def explanation(explanation: _engine.Explanation) -> str:
    """What a law says of a search: quantities with their intervals, and notes."""
    rows = [
        [
            each["name"],
            f"{each['value']:.4g} {each['unit']}".strip(),
            f"{each['low']:.4g} to {each['high']:.4g}",
            each["meaning"],
        ]
        for each in explanation.quantities
    ]
    return _table(
        "what the runs say", ["", "value", "68 %", "meaning"], [*rows, *(["note", "", "", note] for note in explanation.notes)]
    )


def evaluation(evaluation: _engine.Evaluation) -> str:
    """Forecast errors by observed fraction and method."""
    skills = evaluation.skills
    fractions = sorted({skill["observed"] for skill in skills})
    methods = list(dict.fromkeys(skill["method"] for skill in skills))
    errors = {(skill["method"], skill["observed"]): skill["mean_absolute_error"] for skill in skills}
    rows = [[name, *(_number(errors.get((name, fraction))) for fraction in fractions)] for name in methods]
    title = f"mean absolute error of the forecast final {evaluation.metric}"
    return _table(title, ["method", *(f"{fraction:.0%} seen" for fraction in fractions)], rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    shown = [line("td", row) for row in rows[:_ROWS]]
    if len(rows) > _ROWS:
        shown.append(line("td", [f"… and {len(rows) - _ROWS} more"]))
    top = f"<thead>{line('th', head)}</thead>" if head else ""
    return f"<table><caption>{escape(title)}</caption>{top}<tbody>{''.join(shown)}</tbody></table>"
