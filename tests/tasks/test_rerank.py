"""Reranking: scores of the new order and of the candidates, by pytrec_eval and by hand; options."""

import math

import numpy as np
import pytest
import pytrec_eval

from harness.errors import InputError
from tasks.rerank import RERANK, Reranked
from tasks.sources.collection import Query


def test_scores_are_those_of_trec_eval_on_both_orders_and_the_ceiling_is_the_share_found():
    random = np.random.default_rng(0)
    documents = [f"d{number}" for number in range(60)]
    queries, predictions, run, first, qrels = [], [], {}, {}, {}
    for number in range(12):
        name = f"q{number}"
        judged = {
            str(one): int(grade)
            for one, grade in zip(random.choice(documents, 6, False), [0, 1, 1, 2, 1, 0], strict=True)
        }
        found = [str(one) for one in random.choice(documents, 30, False)]
        qrels[name] = judged
        first[name] = {one: float(len(found) - place) for place, one in enumerate(found)}
        run[name] = {
            one: float(score) for one, score in zip(found, random.normal(size=30).astype(np.float32), strict=True)
        }
        queries.append(Query(name, "text", judged))
        orders = [sorted(scores.items(), key=lambda item: -item[1]) for scores in (run[name], first[name])]
        predictions.append(Reranked(*orders))
    scores = RERANK.score(queries, predictions)

    def mean(measure, of):
        each = pytrec_eval.RelevanceEvaluator(qrels, {measure}).evaluate(of)
        return np.mean([one[measure.replace(".", "_")] for one in each.values()])

    assert scores["ndcg_at_10"] == pytest.approx(mean("ndcg_cut.10", run))
    assert scores["candidates_ndcg_at_10"] == pytest.approx(mean("ndcg_cut.10", first))
    assert scores["candidates_recall"] == pytest.approx(mean("recall.1000", first))
    assert scores["recall_at_100"] == pytest.approx(scores["candidates_recall"])
    rows = RERANK.rows(queries, predictions)
    assert sum(row["terms"][0] for row in rows) / len(rows) == pytest.approx(scores["ndcg_at_10"])
    assert [one for one, _ in rows[0]["candidates"]] == list(first["q0"])[:10]


def test_one_query_by_hand():
    order, before = [("b", 2.0), ("c", 1.5), ("a", 1.0)], [("a", 3.0), ("b", 2.0), ("c", 1.0)]
    scores = RERANK.score([Query("q", "text", {"c": 1, "elsewhere": 1})], [Reranked(order, before)])
    ideal = 1 + 1 / math.log2(3)
    assert scores["ndcg_at_10"] == pytest.approx(1 / math.log2(3) / ideal)
    assert scores["candidates_ndcg_at_10"] == pytest.approx(1 / math.log2(4) / ideal)
    assert (scores["mrr_at_10"], scores["candidates_recall"]) == (0.5, 0.5)
    assert RERANK.score([], []) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"depth": "0"}, "depth takes whole numbers from 1 to 1000, not '0'"),
        ({"depth": "ten"}, "depth takes whole numbers"),
        ({"negatives": "101"}, "negatives takes whole numbers from 1 to 100"),
        ({"candidates": " "}, "candidates is empty"),
        ({"own_document": "never"}, "own_document is one of declared, same_text, leave_out, keep, not 'never'"),
    ],
)
def test_wrong_options_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        RERANK.configured(given)
