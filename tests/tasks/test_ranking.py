"""The ranking metrics: golden numbers, an independent formula, and what the official harness of Avey-B gets wrong."""

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ranking import METRICS, by_precedence, ranking_scores


def one(judgements, ranking):
    return ranking_scores([judgements], [ranking])[0]


def test_one_of_five_relevant_documents_at_rank_one_is_not_perfect():
    """nDCG divides by the best order of all five: 1 / (1 + 1/log2(3) + ... + 1/log2(6)) = 0.339."""
    judgements = {f"d{number}": 1 for number in range(5)}
    ranking = [("d0", 9.0), *((f"other{number}", 1.0 - number / 10) for number in range(9))]
    scores = one(judgements, ranking)
    assert scores["ndcg_at_10"] == pytest.approx(0.339, abs=5e-4)
    assert scores["mrr_at_10"] == 1.0
    assert scores["recall_at_100"] == pytest.approx(0.2)
    assert scores["map_at_100"] == pytest.approx(0.2)


def test_documents_that_nobody_judged_take_places():
    alone = one({"right": 1}, [("right", 0.5)])
    behind = one({"right": 1}, [*((f"unjudged{number}", 1.0) for number in range(3)), ("right", 0.5)])
    assert alone["ndcg_at_10"] == 1.0
    assert behind["ndcg_at_10"] == pytest.approx(1 / log2(5))
    assert behind["mrr_at_10"] == 0.25


def test_ranks_beyond_ten_have_no_reciprocal_rank():
    ranking = [(f"d{number:02}", 1 - number / 100) for number in range(30)]
    assert one({"d09": 1}, ranking)["mrr_at_10"] == pytest.approx(0.1)
    assert one({"d10": 1}, ranking) == {
        "ndcg_at_10": 0.0,
        "mrr_at_10": 0.0,
        "recall_at_100": 1.0,
        "map_at_100": pytest.approx(1 / 11),
    }


def test_nothing_found_is_zero():
    assert one({"d": 1}, []) == dict.fromkeys(METRICS, 0.0)


def test_of_equal_scores_the_greater_id_comes_first_as_in_trec_eval():
    assert by_precedence(["a", "c", "b", "10", "9"]) == ["c", "b", "a", "9", "10"]
    assert one({"a": 1}, [("b", 1.0), ("a", 1.0)])["mrr_at_10"] == 0.5


grades = st.dictionaries(st.sampled_from([f"d{number:02}" for number in range(30)]), st.integers(0, 4), min_size=1)


@settings(max_examples=50, deadline=None)
@given(grades, st.permutations([f"d{number:02}" for number in range(30)]))
def test_ndcg_is_the_textbook_formula(judgements, order):
    gains = [judgements.get(document, 0) for document in order][:10]
    ideal = sorted(judgements.values(), reverse=True)[:10]
    dcg, best = (sum(gain / log2(rank + 1) for rank, gain in enumerate(each, start=1)) for each in (gains, ideal))
    ranking = [(document, 1.0 - place / 100) for place, document in enumerate(order)]
    assert one(judgements, ranking)["ndcg_at_10"] == pytest.approx(dcg / best if best else 0.0)
