"""The law, and answers from runs to which it is fitted on the spot."""

import logging

import numpy as np
import pytest

import lodecast


@pytest.fixture(scope="module")
def toy() -> lodecast.Sweep:
    return lodecast.example_sweep()


def test_a_law_is_a_model_of_its_own_class(law, model, toy, tmp_path):
    assert type(law) is lodecast.LawModel and (law.kind, law.metric, law.members) == ("law", "val_loss:min", 1)
    law.save(tmp_path / "law.lode")
    for again in (lodecast.load(tmp_path / "law.lode"), lodecast.LawModel.load(tmp_path / "law.lode")):
        assert type(again) is lodecast.LawModel and again.fingerprint == law.fingerprint
    model.save(tmp_path / "controlled.lode")
    with pytest.raises(lodecast.ModelFileError, match="holds a controlled model, not a law one"):
        lodecast.LawModel.load(tmp_path / "controlled.lode")
    finals = [run.final_validation() for run in toy]
    assert law.best == pytest.approx(min(finals)) and law.ideal == 0.0
    assert law.start > max(final for final in finals if np.isfinite(final)) / 2
    assert all(toy[run].attributes["peak_lr"] == 0.3 for run in law.diverged), "the largest rate of the sweep"


def test_a_law_forecasts_what_it_was_fitted_to(law, toy):
    families = ("cosine", "constant")
    schedules = [lodecast.Schedule.parametric(family, peak) for family in families for peak in (0.003, 0.03, 0.1)]
    values = law.final_values(schedules, 200)
    # The mean of the two seeds, in the logarithm in which the law counts.
    for value, (family, peak) in zip(values, [(f, p) for f in families for p in (0.003, 0.03, 0.1)], strict=True):
        finals = [toy[f"{family}-{peak}-{seed}"].final_validation() for seed in (0, 1)]
        low, high = value.interval_95
        assert low < np.exp(np.mean(np.log(finals))) < high, (family, peak, str(value))
        assert value.interval_95[0] <= value.interval_68[0] <= value.median <= value.interval_68[1] <= value.interval_95[1]
    run = toy["cosine-0.1-0"]
    half = law.forecast(run, observed=0.5).final_validation
    assert half.low < half.mean < half.high and half.spread <= law.forecast(run, observed=0.0).final_validation.spread
    assert law.evaluate(toy, [0.0]).held_out


def test_a_pick_says_what_it_expects_and_what_else_there_was(law):
    picked = law.pick(200)
    assert picked == law.pick(200) and picked.total_steps == 200 and picked.metric == "val_loss:min"
    assert [other.name for other in picked.alternatives] == ["law alone", "plain process alone", "schedule of the best run"]
    best = picked.alternatives[-1]
    assert best.run is not None and best.probability_better_than_best == 0.5
    assert picked.predicted.median <= best.predicted.median * 1.05
    assert law.final_values([best.schedule], 200)[0].interval_95[0] < law.best
    assert f"for {picked.total_steps} steps" in str(picked) and best.name in picked._repr_html_()
    assert picked != law.pick(200, seed=3, candidates=50)
    with pytest.raises(lodecast.SettingError):
        law.pick(0)


def test_a_law_explains_itself(law):
    explanation = law.explain()
    assert explanation.quantities[0]["name"] == "edge of the learning rate"
    for quantity in explanation.quantities:
        assert quantity["low"] <= quantity["value"] <= quantity["high"]
        assert quantity["meaning"] in str(explanation) and quantity["name"] in explanation._repr_html_()
    assert explanation.notes == law.notes


def test_a_law_sets_the_rates_of_a_run(law):
    scheduler = lodecast.Scheduler(law, 200)
    assert scheduler.learning_rate(100) == pytest.approx(law.plan(total_steps=200).schedule.at_step(100, 200))
    for step in range(10, 200, 10):
        scheduler.observe(step, train_loss=1.0 / step, validation=2.0 / step)
    again = lodecast.Scheduler(law, 200)
    again.load_state_dict(scheduler.state_dict())
    assert again.learning_rate(150) == scheduler.learning_rate(150)


def test_few_runs_are_fitted_by_the_law(toy, law):
    model = lodecast.fit(toy, progress=False)
    assert isinstance(model, lodecast.LawModel) and model.fingerprint == law.fingerprint
    choice = model.fit_summary["choice"]
    assert choice["kind"] == "law" and "too few for a network" in choice["reason"]
    assert lodecast.fit(toy, objective="best", progress=False).kind == "law", "a setting of the law asks for it"


def written(folder, sweep):
    """The runs as Keras' CSVLogger would have written them."""
    for run in sweep:
        rows = zip(run.steps, run.learning_rate, run.train_loss, run.validation["val_loss"], strict=True)
        lines = [f"{step},{rate!r},{loss!r},{metric!r}" for step, rate, loss, metric in (map(float, row) for row in rows)]
        (folder / f"{run.id}.csv").write_text("\n".join(["step,lr,loss,val_loss", *lines]) + "\n")


def test_answers_from_runs_wherever_they_are(toy, law, tmp_path):
    toy.write(tmp_path / "sweep.parquet")
    law.save(tmp_path / "law.lode")
    (tmp_path / "runs").mkdir()
    written(tmp_path / "runs", toy)
    expected = law.plan(total_steps=200)
    for source in (toy, law, tmp_path / "law.lode", str(tmp_path / "sweep.parquet")):
        assert lodecast.plan(source, total_steps=200) == expected
    imported = lodecast.plan(tmp_path / "runs", total_steps=200)
    assert imported.interval.mean == pytest.approx(expected.interval.mean, rel=0.1)
    assert expected.interval.low < expected.interval.mean < expected.interval.high
    assert 0.0 < expected.probability_better_than_best <= 1.0
    assert f"{100 * expected.probability_better_than_best:.0f} %" in expected.reason
    (law_alone, process_alone, best) = expected.alternatives
    assert law_alone.interval is not None and best.probability_better_than_best == 0.5
    assert process_alone.schedule is not None
    run = toy["cosine-0.03-1"]
    assert lodecast.forecast(toy, run, observed=0.25) == law.forecast(run, observed=0.25)
    assert lodecast.pick(tmp_path / "sweep.parquet", total_steps=200) == law.pick(200)
    assert lodecast.evaluate(toy, observed=[0.25]) == law.evaluate(toy, [0.25])
    assert lodecast.evaluate(law, tmp_path / "sweep.parquet", [0.25]) == law.evaluate(toy, [0.25])
    assert lodecast.fit(tmp_path / "sweep.parquet", "law", progress=False).fingerprint == law.fingerprint
    named = lodecast.fit(tmp_path / "sweep.parquet", "law", metric="val_loss:min", progress=False)
    assert named.fingerprint == law.fingerprint


def test_what_cannot_be_answered_is_told(model, law, tmp_path):
    with pytest.raises(lodecast.SettingError, match="a controlled model picks no schedule"):
        lodecast.pick(model, total_steps=100)
    with pytest.raises(lodecast.ArgumentError, match="give the sweep to evaluate it on"):
        lodecast.evaluate(law)
    with pytest.raises(lodecast.SettingError, match="name columns of runs, and a model was given"):
        lodecast.plan(law, total_steps=100, metric="val_loss:min")
    with pytest.raises(lodecast.FileError, match="nowhere"):
        lodecast.plan(tmp_path / "nowhere", total_steps=100)
    (tmp_path / "notes.txt").write_text("nothing of interest")
    with pytest.raises(lodecast.SweepError, match="neither a sweep .* nor a tracker's"):
        lodecast.plan(tmp_path / "notes.txt", total_steps=100)
    with pytest.raises(lodecast.SettingError, match=r"a folder is no model; fit one .* lodecast\.fit\("):
        lodecast.Scheduler(tmp_path, 100)
    with pytest.raises(lodecast.ArgumentError, match="runs are needed"):
        lodecast.plan(3, total_steps=100)


def test_runs_that_say_nothing_are_named_where_it_was_called(toy):
    silent = lodecast.Run("silent", [], validation={"val_loss:min": []})
    with pytest.warns(lodecast.LodecastWarning, match="run 'silent' was left out") as caught:
        lodecast.plan(lodecast.Sweep([*toy, silent]), total_steps=200)
    assert caught[0].filename == __file__


def test_a_fit_that_takes_the_law_says_that_there_is_no_checkpoint(tmp_path, caplog):
    checkpoint = tmp_path / "fit.checkpoint"
    with caplog.at_level(logging.WARNING, "lodecast"):
        fitted = lodecast.fit(lodecast.example_sweep(), checkpoint=checkpoint, progress=False)
    assert fitted.kind == "law" and not checkpoint.exists()
    assert [str(checkpoint) in record.getMessage() for record in caplog.records] == [True]
    for given in ({"checkpoint": checkpoint}, {"resume": True}):
        with pytest.raises(lodecast.SettingError, match="keeps no checkpoint"):
            lodecast.fit(lodecast.example_sweep(), "law", **given)


def test_settings_that_count_for_more_than_the_rates_are_warned_of():
    runs = [
        lodecast.Run(
            f"{rate} {decay} {seed}",
            [50, 100],
            learning_rate=[rate, rate],
            validation={"accuracy:max": [0.2, 0.3 * decay + 0.1 * rate + 0.01 * seed + 0.2]},
            total_steps=100,
            attributes={"weight_decay": str(decay)},
        )
        for rate in (0.1, 0.2, 0.4)
        for decay in (0, 1, 2)
        for seed in (0, 1)
    ]
    with pytest.warns(lodecast.LodecastWarning, match="as they differ in weight_decay"):
        lodecast.fit(lodecast.Sweep(runs), "law", progress=False)
