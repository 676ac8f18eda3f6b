"""Figures show what was decided and measured, in light and in dark, whatever runs are called and however they end."""

from __future__ import annotations

import pytest

import lodecast
from lodecast.view import plots

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402


@pytest.fixture(params=["default", "dark_background"])
def background(request):
    """The colour of the background in a style."""
    with plt.style.context(request.param):
        yield to_rgb(matplotlib.rcParams["axes.facecolor"])
    plt.close("all")


def lightness(color: object) -> float:
    return sum(part * part_of for part, part_of in zip(to_rgb(color), (0.3, 0.6, 0.1), strict=True))


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_sweep_has_every_run_and_names_the_best(background):
    sweep = lodecast.example_sweep()
    upper, lower = sweep.plot().axes
    assert len(upper.lines) == len(lower.lines) == len(sweep)
    names = labels(upper)
    assert len(names) == 5 and names[0] == sweep.best_configuration()[2][0].configuration == "cosine 0.1"
    drawn = {tuple(line.get_ydata()) for line in upper.lines}
    assert all(tuple(run.validation["val_loss"]) in drawn for run in sweep)
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("val_loss", "learning rate") and lower.get_yscale() == "log"
    with pytest.raises(lodecast.SweepError, match="measured a metric"):
        plots.sweep(lodecast.Sweep([lodecast.Run("a", [1], train_loss=[1.0])]))


def test_a_schedule_is_its_rates():
    schedule = lodecast.Schedule.warmup_stable_decay(0.1, warmup=0.2)
    (line,) = schedule.plot().axes[0].lines
    assert list(line.get_ydata()) == [schedule.learning_rate(time) for time in line.get_xdata()]
    plt.close("all")


def test_an_evaluation_has_an_error_for_each_way_to_forecast(law, background):
    evaluation = law.evaluate(lodecast.example_sweep(), [0.0, 0.5])
    ax = evaluation.plot().axes[0]
    assert labels(ax) == list(dict.fromkeys(skill["method"] for skill in evaluation.skills))
    own = [skill["mean_absolute_error"] for skill in evaluation.skills if skill["method"] == "model"]
    assert list(ax.lines[0].get_ydata()) == own and list(ax.lines[0].get_xdata()) == [0.0, 0.5]


def test_a_forecast_has_loss_metric_and_rate(model, sweep, background):
    run = sweep["cosine-0.4-0"]
    figure = model.plot_forecast(run, observed=0.3)
    assert [ax.get_ylabel() for ax in figure.axes] == ["train loss", "accuracy", "learning rate"]
    assert labels(figure.axes[1]) == ["forecast", "run cosine-0.4-0"]
    measured = figure.axes[1].lines[-1]
    assert list(measured.get_ydata()) == list(run.validation["accuracy"])
    assert abs(lightness(measured.get_color()) - lightness(background)) > 0.5


def test_a_run_that_diverged_leaves_its_forecast_to_be_seen(law):
    steps = list(range(5, 201, 5))
    losses = [0.3 if step < 100 else 10.0**step for step in steps]
    run = lodecast.Run(
        "a-folder-with-a-rather-long-name/and-another-one/version_17",
        steps,
        train_loss=losses,
        learning_rate=[0.1] * len(steps),
        validation={"val_loss:min": losses},
        total_steps=200,
    )
    figure = law.forecast(run, observed=0.25).plot(run)
    assert [ax.get_yscale() for ax in figure.axes] == ["log", "log", "linear"]
    assert labels(figure.axes[1])[1] == f"run …{run.id[-35:]}"
    calm = law.forecast(lodecast.example_sweep()[0], observed=0.25)
    assert calm.plot().axes[1].get_yscale() == "linear"


def test_a_plan_is_drawn_over_what_was_weighed(model, sweep, background):
    kept = model.plan(settings={"required_gain": 1000.0})
    ax = kept.plot().axes[0]
    assert ax.get_ylabel() == "learning rate" and not kept.changed
    assert labels(ax) == ["weighed, too", "schedule kept"], "what is kept is drawn once"
    changed = model.plan(sweep["constant-0.1-0"], observed=0.3, in_force=lodecast.Schedule.constant(1.6))
    assert changed.changed
    lines = {line.get_label(): line for line in changed.plot().axes[0].lines}
    assert set(lines["in force before"].get_ydata()) == {1.6}
    for line in lines.values():
        assert abs(lightness(line.get_color()) - lightness(background)) > 0.2


def test_a_pick_shows_every_choice(law, background):
    picked = law.pick(200)
    left, right = picked.plot().axes
    assert len(left.lines) == 4 and left.get_ylabel() == "learning rate"
    assert labels(left) == ["picked", *(other.name for other in picked.alternatives)]
    assert right.get_yticklabels()[0].get_text() == "picked"
    assert right.get_xlabel().startswith("final val_loss\n")
    # The thick line of the pick is below the thin ones, so that one which is the same is seen.
    assert left.lines[0].get_linewidth() > 2 * left.lines[1].get_linewidth()
    assert "two of three runs" in law.plan(total_steps=200).plot().axes[0].get_title()


def test_figures_to_move_about_in(law, model, sweep):
    pytest.importorskip("plotly")
    run = lodecast.example_sweep()["cosine-0.03-1"]
    figure = law.forecast(run, observed=0.25).plot(run, interactive=True)
    assert figure.layout.yaxis2.title.text == "val_loss" and "run cosine-0.03-1" in [trace.name for trace in figure.data]
    figure = law.pick(200).plot(interactive=True)
    assert len(figure.data) == 4 and figure.data[0].name.startswith("picked: ")
    assert len({trace.line.color for trace in figure.data}) == 4
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis.range[1] < 0.0, "logarithms of rates below one"
    figure = model.plan(total_steps=150).plot(interactive=True)
    assert figure.data[-1].name in ("new schedule", "schedule kept") and len(figure.data) > 1
    assert max(map(len, figure.layout.title.text.split("<br>"))) <= 90
    changed = model.plan(sweep["constant-0.1-0"], observed=0.3, in_force=lodecast.Schedule.constant(1.6)).plot(interactive=True)
    before = [trace for trace in changed.data if trace.name.startswith("in force before")]
    assert [trace.line.dash for trace in before] == ["dash"] and before[0].y[0] == 1.6
