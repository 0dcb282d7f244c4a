"""The leaderboard: each model once, and at chance only where every size is."""

import pytest

from harness.report.comparable import comparisons
from harness.report.files import leaderboard
from harness.report.page import panels
from tests.harness.report.conftest import alone, ranker


def test_a_ranker_is_in_the_leaderboard_once_and_best_only_where_nothing_beats_it(make_run):
    better = make_run("avey-b", "retrieval/docstrings", score=0.5, model={"size": "tiny"})
    worse = make_run("bert", "retrieval/docstrings", score=0.3, model={"size": "base"})
    worst = make_run("roberta", "retrieval/docstrings", score=0.2, model={"size": "large"})
    for others, best in (([better, worse], False), ([worse, better], False), ([worse, worst], True)):
        found = comparisons([*others, ranker(make_run)], alone)
        assert len(found) == 2
        rows = leaderboard.rows_of(found).to_dict("records")
        assert sorted(row["model"] for row in rows) == sorted(["bm25", *(run["model"]["name"] for run in others)])
        (row,) = (row for row in rows if row["model"] == "bm25")
        assert (row["best"], row["tied_with_best"]) == (best, best)
        (cells,) = (cells for cells in leaderboard.table(found).rows if cells[0].text == "bm25")
        assert (cells[3].look == "best") == best
        assert "0" in [cell.text for cell in cells]  # its parameters
        board = panels.board(found, dict.fromkeys(("bm25", "avey-b", "bert", "roberta"), 0), [])
        assert [row["label"] for row in board["rows"]].count("bm25") == 1


@pytest.mark.parametrize("scores", [(0.9, 0.5), (0.5, 0.9), (0.5, 0.5)])
def test_a_column_of_the_leaderboard_is_at_chance_only_if_it_is_at_every_size(make_run, scores):
    task = {"constant_guess": 0.5, "n_test": 100}
    runs = [
        make_run("bert", "nli/x", score=score, model={"size": size}, task=task)
        for size, score in zip(("base", "tiny"), scores, strict=True)
    ]
    found = comparisons(runs, alone)
    at_chance = max(scores) == 0.5
    (column,) = panels.board(found, {"bert": 0}, [])["columns"]
    assert column["at_chance"] == at_chance
    heads = [column.title for column in leaderboard.table(found).columns]
    assert any("at chance" in head for head in heads) == at_chance
