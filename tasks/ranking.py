"""Scores of rankings: the metrics of TREC and BEIR by pytrec_eval, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.sources.collection import Query

Ranking = Sequence[tuple[str, float]]
"""Documents and their scores, best first."""

METRICS = ("ndcg_at_10", "mrr_at_10", "recall_at_100", "map_at_100")
DEPTH = 100
"""Number of documents in a ranking: as many as the deepest metric uses."""
FOUND = DEPTH + 1
"""Number of documents to search for: a query may have to skip its own."""


def by_precedence(ids: Sequence[str]) -> list[str]:
    """The documents in the order in which the first of equal scores wins: by descending id, as in trec_eval and MTEB."""
    return sorted(ids, reverse=True)


def ranking_for(query: Query, found: Ranking, depth: int = DEPTH) -> Ranking:
    """The first ``depth`` of the documents found, without the query's own document if the query skips it."""
    return [one for one in found if not query.skips(one[0])][:depth]


def ranking_scores(judgements: Sequence[Mapping[str, int]], rankings: Sequence[Ranking]) -> list[dict[str, float]]:
    """Every metric of every query.

    ``ndcg_at_10`` has the grades as gains and, as its ideal, the best order of all judged documents, found or not
    (Järvelin and Kekäläinen, 2002, as trec_eval computes it); for the other metrics a grade above 0 is relevant.

    Args:
        judgements: grades of documents by id, for each query; other documents are not relevant.
        rankings: the documents found for each query; those after the hundredth do not count.

    Returns:
        Fractions between 0 and 1; 0 if nothing was found or nothing is relevant.
    """
    import pytrec_eval

    measures = {"ndcg_cut.10", "recall.100", "map_cut.100", "recip_rank"}
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number, (grades, ranking) in enumerate(zip(judgements, rankings, strict=True)):
        # trec_eval does not cut the reciprocal rank, so its run is cut after ten documents.
        for name, depth in ((str(number), DEPTH), (f"{number} of ten", 10)):
            qrels[name] = {document: int(grade) for document, grade in grades.items()}
            run[name] = {document: float(score) for document, score in ranking[:depth]}
    found = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run) if qrels else {}
    nothing = dict.fromkeys(("ndcg_cut_10", "recip_rank", "recall_100", "map_cut_100"), 0.0)
    scores = []
    for number in range(len(rankings)):
        whole, ten = found.get(str(number), nothing), found.get(f"{number} of ten", nothing)
        values = (whole["ndcg_cut_10"], ten["recip_rank"], whole["recall_100"], whole["map_cut_100"])
        scores.append({name: float(value) for name, value in zip(METRICS, values, strict=True)})
    return scores
