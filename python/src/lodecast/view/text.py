"""What is said of a scheduler, an evaluation, a pick and a law, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lodecast.live.decisions import expected

if TYPE_CHECKING:
    from lodecast import _engine
    from lodecast.live.decisions import Decision


def chance(probability: float) -> str:
    """Say a probability: the draws that it is counted in are too few for certainty."""
    if probability > 0.99:
        return "more than 99%"
    return "less than 1%" if probability < 0.01 else f"{probability:.0%}"


def scheduler(scheduler: _engine.Scheduler, *, step: int | None = None, decisions: Sequence[Decision] | None = None) -> str:
    """What is in force and why."""
    total = scheduler.total_steps
    observed = scheduler.observed
    if step is None:
        step = min(observed[-1]["step"], total) if observed else 0
    name = scheduler.model.metric.rpartition(":")[0]
    lines = [f"Step {step} of {total} ({step / total:.0%}): learning rate {scheduler.learning_rate(step):.3e}."]
    ahead = sorted({step + round(part * (total - step)) for part in (0.25, 0.5, 0.75, 1.0)})
    if step < total:
        lines.append("To come: " + ", ".join(f"{scheduler.learning_rate(at):.3e} at {at}" for at in ahead) + ".")
    if observed:
        measured = sum(point.get("validation") is not None for point in observed)
        lines.append(f"{len(observed)} points observed, {measured} of them with {name}.")
    else:
        lines.append("Nothing was observed yet.")
    plan = scheduler.last_plan
    if decisions:
        lines += [f"* {decision}" for decision in decisions]
    elif plan is None:
        lines.append("Nothing was planned anew yet: the schedule is the one that it started with.")
    else:
        verb = "a new schedule" if plan.changed else "the schedule was kept"
        known = expected(plan)
        final = "" if known is None else " Final {} expected: {:.4g} ({:.4g} to {:.4g}).".format(name, *known)
        lines.append(f"Last plan, at {plan.now:.0%}: {verb}; {plan.reason}.{final}")
    return "\n".join(lines)


def evaluation(evaluation: _engine.Evaluation) -> str:
    """Forecast errors by observed fraction and method, as a table."""
    skills = evaluation.skills
    fractions = sorted({skill["observed"] for skill in skills})
    errors = {(skill["method"], skill["observed"]): skill["mean_absolute_error"] for skill in skills}
    methods = list(dict.fromkeys(skill["method"] for skill in skills))
    width = max([len(method) for method in methods] + [6])
    seen = "on configurations not seen" if evaluation.held_out else "not held out: the members have seen the configurations"
    lines = [f"Mean absolute error of the forecast final {evaluation.metric}, {seen}."]
    lines.append(" " * width + "".join(f"{fraction:>10.0%}" for fraction in fractions))
    for method in methods:
        values = (errors.get((method, fraction)) for fraction in fractions)
        lines.append(method.ljust(width) + "".join(f"{'' if value is None else format(value, '.4g'):>10}" for value in values))
    return "\n".join(lines)


def pick(pick: _engine.Pick) -> str:
    """The schedule that was picked, what is expected of it, and the others."""
    name = pick.metric.rpartition(":")[0]
    steps = [round(part * pick.total_steps) for part in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)]
    rates = ", ".join(f"{pick.schedule.at_step(step, pick.total_steps):.3e} at {step}" for step in steps)
    known = f" It is that of run '{pick.run}'." if pick.run is not None else ""
    better = chance(pick.probability_better_than_best)
    lines = [
        f"Learning rate for {pick.total_steps} steps: {rates}.{known}",
        f"Final {name}: {pick.predicted}. Better than the best measured schedule with {better} probability.",
    ]
    lines += [f"* {other.name}: {other.predicted}" for other in pick.alternatives]
    return "\n".join(lines)


def recommendation(recommendation: _engine.Recommendation) -> str:
    """The schedule to take, what is expected of it, what could still be better, and the run that would tell."""
    name = recommendation.metric.rpartition(":")[0]
    total = recommendation.total_steps
    times = [round(part * total) for part in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)]
    rates = ", ".join(f"{recommendation.schedule.at_step(step, total):.3e} at {step}" for step in times)
    known = f" It is that of '{recommendation.run}'." if recommendation.run is not None else ""
    lines = [f"Learning rate for {total} steps: {rates}.{known}"]
    if recommendation.settings:
        lines.append("Other settings: " + ", ".join(f"{key}={value}" for key, value in recommendation.settings.items()) + ".")
    if recommendation.predicted is not None:
        better = chance(recommendation.probability_better_than_best)
        lines.append(
            f"Final {name}: {recommendation.predicted}. Better than the best measured schedule with {better} probability."
        )
    lines.append(f"Best of {recommendation.runs} runs: {recommendation.best_value:.4g}, '{recommendation.best_run}'.")
    for other in recommendation.alternatives:
        peak = max(other.schedule.at_step(step, total) for step in range(0, total + 1, max(1, total // 100)))
        lines.append(f"* could be better with {other.probability:.0%} probability: peak {peak:.3e}, {name} {other.predicted}")
    if recommendation.next_run is not None:
        lines.append(f"Next run: {recommendation.next_run.reason}.")
    lines += [f"* {note}" for note in recommendation.notes]
    return "\n".join(lines)


def explanation(explanation: _engine.Explanation) -> str:
    """What a law says of a search: quantities with their intervals, and notes."""
    lines = []
    for quantity in explanation.quantities:
        value, low, high = (f"{quantity[part]:.4g}" for part in ("value", "low", "high"))
        unit = f" {quantity['unit']}" if quantity["unit"] else ""
        lines.append(f"{quantity['name']}: {value}{unit} ({low} to {high}); {quantity['meaning']}")
    lines += [f"* {note}" for note in explanation.notes]
    return "\n".join(lines)
