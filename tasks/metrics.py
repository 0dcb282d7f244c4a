"""The standard metrics by their full names, computed by the standard libraries."""

from __future__ import annotations

import re
import string
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MACRO = "*"
"""In place of a label: the mean over all labels."""


def entity_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Entity-level precision, recall and F1, micro-averaged, by seqeval.

    ``entity_*_strict`` counts an entity only if its boundaries, its type and its IOB2 form are right: an ``I-`` tag that
    continues no entity does not begin one. ``entity_*_conll`` reads tags like the CoNLL-2000 script conlleval (Tjong Kim
    Sang and De Meulder, 2003), where such a tag begins an entity. ``entity_f1_strict.TYPE``
    is the score of one entity type.

    Args:
        gold: IOB2 tags of each sentence.
        predicted: tags of each sentence, as many as in ``gold``.

    Returns:
        Fractions between 0 and 1; 0 if nothing was predicted or there is nothing to find.
    """
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    gold, predicted = [list(tags) for tags in gold], [list(tags) for tags in predicted]
    scores: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns each time that a type that is never predicted has no precision
        for name, options in (("strict", {"mode": "strict", "scheme": IOB2}), ("conll", {})):
            if not any(tag != "O" for tags in gold + predicted for tag in tags):
                report: dict[str, dict[str, float]] = {}
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


def entity_terms(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> list[list[int]]:
    """Each sentence's share of ``entity_f1_strict``: twice its correct entities, and its predicted plus its gold entities.

    Args:
        gold: IOB2 tags of each sentence.
        predicted: tags of each sentence, as many as in ``gold``.
    """
    from seqeval.scheme import IOB2, Entities

    terms = []
    for right, found in zip(*(Entities([*map(list, tags)], IOB2).entities for tags in (gold, predicted)), strict=True):
        terms.append([2 * len(set(right) & set(found)), len(right) + len(found)])
    return terms


def exact_match(predicted: str, gold: Sequence[str]) -> float:
    """1 if the normalised prediction equals one of the gold answers, else 0 (Rajpurkar et al., 2016).

    Args:
        predicted: the answer; empty for "no answer".
        gold: all correct answers; empty if the question has no answer.
    """
    return float(normalise_answer(predicted) in _normalised(gold))


def answer_f1(predicted: str, gold: Sequence[str]) -> float:
    """The best F1 over the words of the normalised prediction and of one gold answer (Rajpurkar et al., 2016 and 2018).

    If either has no words, it is 1 if both have none and else 0, as in the script of SQuAD 2.0. A gold answer that
    normalises to nothing (such as "The") does not count beside others; alone, it means that there is no answer.

    Args:
        predicted: the answer; empty for "no answer".
        gold: all correct answers; empty if the question has no answer.
    """
    return max(_words_f1(normalise_answer(predicted).split(), answer.split()) for answer in _normalised(gold))


def answer_scores(predicted: Sequence[str], gold: Sequence[Sequence[str]]) -> dict[str, float]:
    """Exact match and answer F1, averaged over questions, as the official script of SQuAD 2.0 does.

    If some questions have no answer, ``*.has_answer`` and ``*.no_answer`` are the averages over the two kinds; there is no
    ``*.has_answer`` if none has one. On questions without an answer, exact match and F1 are equal.

    Args:
        predicted: the answer to each question; empty for "no answer".
        gold: the correct answers to each question; empty if it has none.

    Returns:
        Fractions between 0 and 1.
    """
    exact = [exact_match(answer, right) for answer, right in zip(predicted, gold, strict=True)]
    overlap = [answer_f1(answer, right) for answer, right in zip(predicted, gold, strict=True)]
    answerable = [bool(right) for right in gold]
    scores = {"exact_match": _mean(exact), "answer_f1": _mean(overlap)}
    if all(answerable):
        return scores
    if any(answerable):
        for name, values in (("exact_match", exact), ("answer_f1", overlap)):
            scores[f"{name}.has_answer"] = _mean([value for value, has in zip(values, answerable, strict=True) if has])
    scores["exact_match.no_answer"] = _mean([value for value, has in zip(exact, answerable, strict=True) if not has])
    return scores


def normalise_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single blanks: the normalisation of SQuAD (Rajpurkar et al., 2016)."""
    without_punctuation = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", without_punctuation).split())


def classification_scores(
    gold: Sequence[str], predicted: Sequence[str], positive: str = "", weights: ArrayLike | None = None
) -> dict[str, float]:
    """Accuracy, macro-averaged F1 and Matthews' correlation, by scikit-learn.

    ``matthews`` is between -1 and 1 and 0 for guessing (Matthews, 1975; for several classes Gorodkin, 2004);
    ``f1.LABEL`` is the F1 of one label, so ``f1.duplicate`` is what GLUE calls the F1 of QQP. With ``positive`` there is
    ``accuracy_f1`` too: the mean of accuracy and the F1 of that label, or the macro F1 if it is `MACRO`.

    Args:
        gold: the label of each example.
        predicted: as many labels.
        positive: the label whose F1 counts beside accuracy, or `MACRO`.
        weights: shape (examples,): how often each example counts; once by default.
    """
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    gold, predicted = list(gold), list(predicted)
    labels = sorted({*gold, *predicted})
    per_label = f1_score(gold, predicted, labels=labels, average=None, zero_division=0, sample_weight=weights)
    scores = {
        "accuracy": float(accuracy_score(gold, predicted, sample_weight=weights)),
        "macro_f1": float(per_label.mean()),
        # Of a single label there is no correlation: scikit-learn gives 0 too, and warns.
        "matthews": float(matthews_corrcoef(gold, predicted, sample_weight=weights)) if len(labels) > 1 else 0.0,
    }
    of_labels = {f"f1.{label}": float(value) for label, value in zip(labels, per_label, strict=True)}
    if positive:
        f1 = scores["macro_f1"] if positive == MACRO else of_labels.get(f"f1.{positive}", 0.0)
        scores["accuracy_f1"] = (scores["accuracy"] + f1) / 2
    return scores | of_labels


def correlation_scores(gold: Sequence[float], predicted: Sequence[float]) -> dict[str, float]:
    """Pearson's and Spearman's correlation and their mean, by scipy, and the root of the mean squared error.

    The mean is the score of STS-B in GLUE (Wang et al., 2019). A side that is constant has no correlation: it counts as 0.

    Args:
        gold: the score of each example.
        predicted: as many scores.
    """
    from scipy.stats import pearsonr, spearmanr

    right, found = (np.asarray(side, dtype=float) for side in (gold, predicted))
    pearson, spearman = 0.0, 0.0
    if len(right) > 1 and np.ptp(right) > 0 and np.ptp(found) > 0:
        pearson, spearman = float(pearsonr(right, found).statistic), float(spearmanr(right, found).statistic)
    return {
        "pearson": pearson,
        "spearman": spearman,
        "pearson_spearman": (pearson + spearman) / 2,
        "rmse": float(np.sqrt(((right - found) ** 2).mean())),
    }


def multilabel_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], labels: Sequence[str]
) -> dict[str, float]:
    """Macro and micro F1, precision and recall, and the share of examples with exactly the right labels, by scikit-learn.

    ``macro_f1`` is the mean of F1 over all labels; a label that is neither there nor found has 0. ``f1.LABEL`` is that of one label.

    Args:
        gold: the labels of each example.
        predicted: those found.
        labels: all of them.
    """
    from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

    right, found = (indicators(side, labels) for side in (gold, predicted))
    per_label = f1_score(right, found, average=None, zero_division=0)
    scores = {"macro_f1": float(per_label.mean())}
    for average in ("micro", "macro"):
        precision, recall, f1, _ = precision_recall_fscore_support(right, found, average=average, zero_division=0)
        scores[f"{average}_f1"] = float(f1)
        scores |= {f"{average}_precision": float(precision), f"{average}_recall": float(recall)}
    scores["exact_match"] = float(accuracy_score(right, found))
    return scores | {f"f1.{label}": float(value) for label, value in zip(labels, per_label, strict=True)}


def indicators(found: Sequence[Sequence[str]], labels: Sequence[str]) -> NDArray[np.int64]:
    """1 where an example has a label, shape (examples, labels)."""
    place = {label: number for number, label in enumerate(labels)}
    there = np.zeros((len(found), len(labels)), dtype=np.int64)
    for row, names in enumerate(found):
        there[row, [place[name] for name in names]] = 1
    return there


_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def _normalised(gold: Sequence[str]) -> list[str]:
    """The gold answers that have words, or one empty answer if none has."""
    return [normal for answer in gold if (normal := normalise_answer(answer))] or [""]


def _words_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = (Counter(predicted) & Counter(gold)).total()
    return 2 * common / (len(predicted) + len(gold))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
