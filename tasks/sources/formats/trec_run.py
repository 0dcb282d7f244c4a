"""Rankings in the format of TREC runs: lines of query, ``Q0``, document, rank, score and name of the run, divided by blanks."""

from __future__ import annotations

import math
from collections.abc import Container
from pathlib import Path

from harness.errors import InputError
from tasks.ranking import Ranking
from tasks.sources.formats.lines import numbered_lines

_FORM = "does not hold query, Q0, document, rank, score and the run's name, divided by blanks"


def load(file: Path, documents: Container[str]) -> dict[str, Ranking]:
    """The ranking of each query, by its id: by descending score, and of equal scores the greater id first, as in trec_eval.

    Args:
        file: the run; its ranks are not used.
        documents: the ids of the corpus.

    Raises:
        InputError: a line is malformed, or names a document that is not in the corpus or that its query already has.
    """
    found: dict[str, dict[str, float]] = {}
    for number, raw in numbered_lines(file):
        at, cells = f"{file}:{number}", raw.decode("utf-8", "replace").split()
        score = _score(cells[4]) if len(cells) == 6 else None
        if score is None:
            raise InputError(f"{at} {_FORM}; candidates takes a TREC run")
        query, document = cells[0], cells[2]
        if document not in documents:
            raise InputError(
                f"{at} has the candidate {document!r}, which is not in the corpus; use a run over the same corpus"
            )
        if document in found.setdefault(query, {}):
            raise InputError(f"{at} has the candidate {document!r} of the query {query!r} a second time; leave one out")
        found[query][document] = score
    return {
        query: sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True)
        for query, scores in found.items()
    }


def _score(text: str) -> float | None:
    """The score, or ``None`` if it is not a finite number."""
    try:
        score = float(text)
    except ValueError:
        return None
    return score if math.isfinite(score) else None
