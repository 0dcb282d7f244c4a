"""The field's metrics by their full names, computed by the field's libraries."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any


def entity_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Entity-level precision, recall and F1, micro-averaged, by seqeval.

    ``entity_*_strict`` counts an entity only where its boundaries, its type and the IOB2 form are right: an
    ``I-`` tag that continues nothing begins nothing. ``entity_*_conll`` reads tags as the CoNLL-2000 script
    conlleval does (Tjong Kim Sang and De Meulder, 2003): there such a tag begins an entity. ``entity_f1_strict.TYPE``
    is the score of one entity type.

    Args:
        gold: IOB2 tags of each sentence.
        predicted: tags of each sentence, as many as in ``gold``.

    Returns:
        Fractions between 0 and 1; 0 where nothing was predicted or there is nothing to find.
    """
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    gold, predicted = [list(tags) for tags in gold], [list(tags) for tags in predicted]
    scores: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a type that is never predicted has no precision; seqeval says so each time
        for name, options in (("strict", {"mode": "strict", "scheme": IOB2}), ("conll", {})):
            if not any(tag != "O" for tags in gold + predicted for tag in tags):
                report: dict[str, Any] = {}
            else:
                report = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
            overall = report.get("micro avg", {"f1-score": 0.0, "precision": 0.0, "recall": 0.0})
            scores[f"entity_f1_{name}"] = float(overall["f1-score"])
            scores[f"entity_precision_{name}"] = float(overall["precision"])
            scores[f"entity_recall_{name}"] = float(overall["recall"])
            if name == "strict":
                types = {kind: row for kind, row in report.items() if not kind.endswith(" avg")}
                per_type = {f"entity_f1_strict.{kind}": float(row["f1-score"]) for kind, row in types.items()}
    return scores | per_type
