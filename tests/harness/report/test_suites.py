"""The table of a benchmark of several datasets."""

from harness.report.comparable import comparisons
from harness.report.suites import tables
from harness.report.table import as_markdown
from tasks.suites import GLUE


def runs(make_run, names, model="bert", **changes):
    metrics = GLUE.metrics()
    return [
        make_run(
            model,
            dataset,
            task={"metric": metrics[dataset]},
            scores={split: {metrics[dataset]: 0.5 + place / 100} for split in ("dev", "test")},
            **changes,
        )
        for place, dataset in enumerate(names)
    ]


def told(found):
    return tables(comparisons(found, lambda ranked: ([""] * len(ranked), "")))


def test_an_encoder_with_all_datasets_has_the_mean_and_others_say_what_is_missing(make_run):
    found = [*runs(make_run, GLUE.datasets), *runs(make_run, GLUE.datasets[:3], "roberta")]
    (table,) = told(found)
    rows = {row["model"]: row for row in table.frame.to_dict("records")}
    expected = GLUE.mean({name: 0.5 + place / 100 for place, name in enumerate(GLUE.datasets)})
    assert rows["bert"]["mean"] == expected
    assert rows["roberta"]["mean"] is None
    assert rows["roberta"]["missing"].startswith("sts/stsb, classification/qqp")
    assert "GLUE mean" in as_markdown(table)


def test_trials_other_metrics_and_scores_by_two_recipes_do_not_count(make_run):
    first, second, third, fourth = GLUE.datasets[:4]
    found = [
        *runs(make_run, [first, second]),
        *runs(make_run, [third], recipe={"test_limit": 10}),
        *runs(make_run, [second], recipe={"batch_size": 8}),
        *(
            run | {"task": run["task"] | {"metric": "old"}, "scores": {"dev": {"old": 1}, "test": {"old": 1}}}
            for run in runs(make_run, [fourth])
        ),
    ]
    assert told(found) == []
    (table,) = told([*found, *runs(make_run, [GLUE.datasets[4]])])
    assert third in table.frame["missing"][0]
    assert fourth in table.frame["missing"][0]
    assert f"not counted: {second}" in table.notes[1]


def test_a_store_without_its_datasets_has_no_table(make_run):
    assert told([make_run("bert", "ner/docstrings")]) == []
