"""Tables of a report: what may stand in one column, what is marked, and what names cannot do to Markdown and LaTeX."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.intervals import interval_over_seeds
from harness.comparison.marks import from_seeds
from harness.report.comparable import comparisons
from harness.report.files import leaderboard, tables
from harness.report.page import panels
from harness.report.spanning import spanning
from harness.report.table import Column, Table, as_csv, as_latex, as_markdown, frame_of
from harness.report.ties import LEGEND, PAIRED, Ties
from harness.store import Store
from tests.harness.report.conftest import alone, ranker


def test_other_data_recipes_sizes_and_options_are_other_tables_and_say_what_differs(make_run):
    runs = [
        make_run("bert"),
        make_run("avey-b"),
        make_run("bert", task={"fingerprint": "f" * 64}),
        make_run("bert", recipe={"epochs": 9.0}),
        make_run("bert", model={"size": "base"}),
        make_run("bert", task={"options": {"kind": "word"}}),
        make_run("bert", recipe={"protocol": 2}),
    ]
    found = comparisons(runs, alone)
    assert [(one.size, len(one.standings)) for one in found] == [
        ("base", 1),
        ("tiny", 2),
        ("tiny", 1),
        ("tiny", 1),
        ("tiny", 1),
        ("tiny", 1),
    ]
    assert len({one.name for one in found}) == 6
    assert sum("data ffffffff" in one.apart for one in found) == 1
    assert sum("epochs 9" in one.apart for one in found) == 1
    assert sum("kind word" in one.apart for one in found) == 1
    assert sum("protocol 2" in one.apart for one in found) == 1
    assert len({leaderboard.column_title(one) for one in found if one.size == "tiny"}) == 5


def test_what_ranks_without_an_encoder_stands_in_every_comparison_on_its_data(make_run):
    bm25 = make_run(
        "bm25",
        "retrieval/docstrings",
        score=0.4,
        recipe={"epochs": 0.0, "max_length": 9},
        model={"size": "lexical", "weights": "none", "params_total": 0, "params_non_embedding": 0},
        task={"n_train": 0},
    )
    runs = [
        make_run(model, "retrieval/docstrings", seed, score=score, model={"size": size})
        for model, score, size in (("avey-b", 0.5, "tiny"), ("bert", 0.3, "tiny"), ("bert", 0.35, "base"))
        for seed in range(2)
    ]
    elsewhere = make_run("bert", "retrieval/docstrings", task={"fingerprint": "f" * 64})
    base, tiny, other = comparisons([*runs, elsewhere, bm25], alone)
    assert [standing.label for standing in tiny.standings] == ["avey-b", "bm25", "bert"]
    assert [standing.label for standing in base.standings] == ["bm25", "bert"]
    assert base.standings[0].best
    assert [standing.label for standing in other.standings] == ["bert"]
    assert tiny.recipe["epochs"] == 1.5
    board = leaderboard.table([base, tiny, other])
    assert [(row[0].text, row[1].text) for row in board.rows].count(("bm25", "lexical")) == 1
    assert not any("seeds differ" in note for note in tables.notes_of(tiny))
    assert [one.task["n_train"] for one in (base, tiny)] == [5000, 5000]
    (alone_there,) = comparisons([bm25], alone)
    assert alone_there.size == "lexical"


def test_a_ranker_that_was_run_with_options_it_does_not_read_is_in_a_table_once(make_run):
    runs = [ranker(make_run), ranker(make_run, options={"query_prefix": "query: "})]
    encoder = make_run("bert", "retrieval/docstrings", score=0.3, model={"size": "tiny"})
    for records in (runs, [encoder, *runs]):
        (found,) = comparisons(records, alone)
        assert [standing.entry.model for standing in found.standings].count("bm25") == 1


def test_every_table_marks_the_best_ties_and_what_cannot_be_told_and_says_what_the_marks_mean(make_run):
    runs = [
        make_run(model, seed=seed, score=score + 0.001 * seed)
        for model, score in (("a", 0.9), ("b", 0.8999), ("c", 0.5))
        for seed in range(3)
    ]
    runs += [make_run("d", seed=seed, score=score) for seed, score in enumerate((0.02, 0.26, 0.8))]
    (found,) = comparisons(runs, lambda ranked: (from_seeds(ranked), "Welch"))
    table = tables.of_comparison(found)
    markdown, tex = as_markdown(table), as_latex(table)
    assert "**0.9010**" in markdown
    assert "0.9009 †" in markdown
    assert "0.2600 ‡" in markdown
    assert re.search(r"\| 0\.5010 \|", markdown)
    assert LEGEND in markdown
    assert r"\textbf{0.9010}" in tex
    assert r"0.9009\textsuperscript{$\dagger$}" in tex
    assert r"0.2600\textsuperscript{$\ddagger$}" in tex
    assert r"\textsuperscript{$\ddagger$}: cannot tell, too few seeds" in tex
    assert "& 0.5010 &" in tex
    assert tex.count(r"\toprule") == tex.count(r"\midrule") == tex.count(r"\bottomrule") == 1


def test_the_caveats_of_a_record_are_printed_wherever_its_dataset_is(make_run):
    cautioned = make_run("bert", "nli/docstrings", task={"caveats": ["relatedness, not inference", "a toy"]})
    found = comparisons([cautioned, make_run("bert", "nli/mnli")], alone)
    board = leaderboard.table(found)
    assert board.head[-2:] == ["nli/docstrings (caution)", "nli/mnli"]
    for text in (as_markdown(board), as_latex(board), as_markdown(tables.of_comparison(found[0]))):
        assert "relatedness, not inference; a toy" in text
    assert "Caution" not in as_markdown(tables.of_comparison(found[1]))
    assert "not inference" in as_csv(tables.rows_of(found[0]))


def test_a_record_from_before_caveats_were_recorded_has_none(make_run):
    (found,) = comparisons([make_run("bert", "nli/docstrings")], alone)
    assert found.caveat == ""


def test_a_csv_row_holds_what_decides_the_number(make_run):
    runs = [
        make_run("bert", seed=seed, rate=rate, score=0.5 + rate * 100 + 0.01 * seed)
        for seed in (0, 1, 2)
        for rate in (1e-4, 1e-3)
    ]
    (found,) = comparisons(runs, alone)
    (row,) = csv.DictReader(io.StringIO(as_csv(tables.rows_of(found))))
    assert float(row["median"]) == pytest.approx(0.61)
    assert (row["n_seeds"], row["seeds"], row["learning_rate"]) == ("3", "0 1 2", "0.001")
    assert row["learning_rates_tried"] == "0.0001 0.001"
    assert row["command"] == runs[1]["command"]
    points = [point for point in tables.seeds_of(found).to_dict("records") if point["metric"] == found.metric]
    assert [point["test"] for point in points] == pytest.approx([0.6, 0.61, 0.62])


def test_weights_of_no_registered_size_show_their_parameters_beside_other_sizes(make_run):
    own = make_run("bert", model={"size": "custom", "weights": "mine", "identity": "m"})
    (across,) = spanning(comparisons([make_run("bert"), own], alone), alone)
    table = tables.of_comparison(across)
    place = table.head.index("size")
    assert {row[place].text for row in table.rows} == {"tiny", "5.00 M (3.20 M without embeddings)"}


def test_a_single_seed_has_no_interval_and_is_called_an_anecdote(make_run):
    (found,) = comparisons([make_run("bert"), make_run("avey-b", score=0.6)], alone)
    assert {tables.interval(standing) for standing in found.standings} == {"–"}
    assert any("anecdote" in note for note in tables.notes_of(found))


def test_a_single_run_that_no_seed_can_change_is_no_anecdote(make_run):
    untrained = {"recipe": {"epochs": 0.0, "max_steps": None}, "model": {"weights": "hub"}}
    (found,) = comparisons([make_run("bert", **untrained), make_run("avey-b", score=0.6, **untrained)], alone)
    assert not any("anecdote" in note for note in tables.notes_of(found))


def test_the_interval_covers_the_median_of_new_seeds():
    rng = np.random.default_rng(1)
    covered = 0
    for scores in rng.normal(0.5, 0.02, size=(200, 5)):
        _, low, high = interval_over_seeds(scores)
        covered += low <= 0.5 <= high
    assert 0.9 <= covered / 200 <= 1.0


def test_ties_are_told_from_predictions_where_they_are_there_and_from_seeds_where_not(swept_store, make_run):
    store = Store(swept_store)
    runs = [run for run in store.records() if run["task"]["dataset"] == "nli/docstrings"]
    (found,) = comparisons(runs, Ties(store))
    assert found.test == PAIRED
    (poor,) = comparisons(runs, Ties(store, files_left=3))
    assert "Welch" in poor.test
    assert "too many predictions" in poor.test
    (single,) = comparisons([run for run in runs if run["seed"] == 0], Ties(store, files_left=0))
    assert {standing.mark for standing in single.standings} <= {"best", "unclear"}
    assert "single seed" in single.test


def test_the_reason_why_predictions_were_not_compared_holds_no_path_of_the_machine(tmp_path, make_run, lay_run):
    for model in ("a", "b"):
        lay_run(tmp_path / "runs", make_run(model, "nli/x"))
    store = Store(tmp_path / "runs")
    (found,) = comparisons(list(store.records()), Ties(store))
    assert "predictions.jsonl is missing" in found.test
    assert str(tmp_path) not in found.test


@given(st.text())
def test_no_name_breaks_out_of_a_cell(name):
    columns = (Column("model"), Column("score", number=True))
    frame = frame_of([{"model": name, "score": 1}])
    table = Table(frame, columns, "t", "title", looks={(0, "score"): "best"})
    row = as_markdown(table).rstrip("\n").splitlines()[-1]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    assert "<" not in row.replace("&lt;", "")
    (line,) = [line for line in as_latex(table).splitlines() if line.endswith(r"\textbf{1} \\")]
    assert len(re.findall(r"(?<!\\)&", line)) == 1
    assert not re.search(r"(?<!\\)[%#_]", line)


def test_the_scores_of_candidates_stand_beside_those_of_their_new_order(make_run):
    runs = [make_run("bert", "rerank/places", seed, score=0.5) for seed in range(3)]
    for seed, one in enumerate(runs):
        one["scores"]["test"] |= {"candidates_ndcg_at_10": 0.25, "candidates_recall": 0.5 + seed / 4}
    (found,) = comparisons([*runs, make_run("avey-b", "rerank/places")], alone)
    table = tables.of_comparison(found)
    place = {name: table.head.index(name) for name in ("model", "candidates_ndcg_at_10", "candidates_recall")}
    shown = {row[place["model"]].text: [row[place[name]].text for name in list(place)[1:]] for row in table.rows}
    assert shown == {"bert": ["0.2500", "0.7500"], "avey-b": ["–", "–"]}
    assert "candidates_recall" not in tables.of_comparison(comparisons([make_run("bert")], alone)[0]).head


def test_labels_are_types_where_the_main_metric_is_not_split(make_run):
    plain = {"accuracy": 0.7, "f1.yes": 0.8, "f1.no": 0.4}
    (found,) = comparisons([make_run("bert", "nli/x", scores={"dev": plain, "test": plain})], alone)
    assert (found.split_metric, found.types) == ("f1", ["no", "yes"])
    (section,) = panels.types([found], {"bert": 0})
    assert (section["head"], section["rows"][0]["values"]) == (["no", "yes"], [0.4, 0.8])
    (entities,) = comparisons([make_run("bert", "ner/x")], alone)
    assert (entities.split_metric, entities.types) == ("entity_f1_strict", ["CLASS", "CODE", "FUNC", "PARAM"])


def test_deployments_of_one_checkpoint_have_names_that_say_which(make_run):
    digest = "0123456789" * 6 + "abcd"
    ways = ("", " by openvino int8", " by torch bf16", ' {"neg": "pos"}')
    runs = []
    for way in ways:
        run = make_run("bert", model={"weights": "saved/mine", "identity": f"{digest} as fine-tuned{way}"})
        run["recipe"]["trained"] = "saved"
        run["trained"] = {"deployment": way.partition(" by ")[2]}
        runs.append(run)
    (found,) = comparisons(runs, alone)
    expected = {"", "openvino int8", "torch bf16"}
    assert {one.entry.deployment for one in found.standings} == expected
    labels = sorted(one.label for one in found.standings)
    assert labels == sorted(
        ["bert (mine)", "bert (mine, openvino int8)", "bert (mine, torch bf16)", 'bert (mine) {"neg": "pos"}']
    )
    weights = sorted(tables.weights_of(one, found) for one in found.standings)
    assert weights == sorted(
        ["saved/mine", "saved/mine, openvino int8", "saved/mine, torch bf16", 'saved/mine {"neg": "pos"}']
    )
    assert not any("learning rate" in note for note in tables.notes_of(found))


def test_other_weights_of_one_name_are_told_apart_by_their_digests(make_run):
    runs = [
        make_run("bert", model={"weights": "a/mine", "identity": letter * 56 + "12345678"[::step] + " +pooling"})
        for letter, step in (("a", 1), ("b", -1))
    ]
    (found,) = comparisons(runs, alone)
    assert sorted(one.label for one in found.standings) == ["bert (mine) 12345678", "bert (mine) 87654321"]


def test_what_was_not_trained_has_no_learning_rate(make_run):
    untrained = make_run("bert", "retrieval/docstrings", recipe={"epochs": 0.0})
    for runs, sentence in (
        ([untrained], "Nothing was trained, at most 512 tokens, bf16."),
        ([ranker(make_run)], "Nothing was trained."),
        (
            [make_run("bert", "retrieval/docstrings")],
            "Recipe: 1.5 epochs, batches of 32, at most 512 tokens, bf16; learning",
        ),
    ):
        (found,) = comparisons(runs, alone)
        assert any(note.startswith(sentence) for note in tables.notes_of(found)), tables.notes_of(found)
        trained = sentence.startswith("Recipe")
        (shown,) = tables.of_comparison(found).rows
        assert (shown[tables.of_comparison(found).head.index("lr")].text == "–") != trained
        assert tables.rows_of(found)["learning_rate"].isna().all() != trained
        assert tables.seeds_of(found)["learning_rate"].isna().all() != trained
