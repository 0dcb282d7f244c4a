"""Results of EncodEval (Gisserot-Boukhlef et al., 2025; Boizard et al., 2025): ``results.json`` holds a list of values
for each split, one per example; scores are computed as in its own ranking.

{"validation": {...}, "test": {"accuracy": [1, 0, 1], "subset": ["en", "fr", "en"]}}                    classification
{"test": {"ndcg": [0.3, 1.0]}}                                                                  retrieval, nDCG at 10
{"test": {"prediction": [0.1, 0.7], "label": [0.2, 0.9]}}                                                  regression
{"test": {"prediction": [[0, 3], [1]], "labels": [[0, 2], [1]]}}                     tokens, label ids without ignored

Later files hold the same one level deeper, in ``per_instance``, and call the tokens ``prediction_token`` and
``labels_token``. If examples have a ``subset``, a score is the mean over subsets, as in EncodEval's ranking. The path names
model, kind, dataset and hyperparameters: ``MODEL/KIND/DATASET[/HYPERPARAMETERS]/results.json`` with KIND one of SC, SR,
TC, QA, IR.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean

from harness.errors import InputError
from harness.exchange.imported import SPLIT_NAMES, Imported, files_in, json_of

KINDS = ("SC", "SR", "TC", "QA", "IR")
TOKEN_NOTE = "token_f1_micro is over tokens and label ids, not over entities: it is not an entity F1"

Columns = Sequence[Sequence[object]]


def read(paths: Sequence[str], model: str | None, dataset: str | None) -> Iterator[tuple[Path, Imported]]:
    """The scores in files and folders.

    Args:
        paths: ``results.json`` files, or folders of them.
        model: the model's name; ``None`` to take it from the path.
        dataset: the dataset's name; ``None`` to take it from the path.

    Raises:
        InputError: a file does not follow the schema above, or model or dataset is unknown.
    """
    for file in files_in(paths, "results.json"):
        yield file, _of_file(file, model, dataset)


def _of_file(file: Path, model: str | None, dataset: str | None) -> Imported:
    content = json_of(file, "result of EncodEval")
    if not isinstance(content, dict) or not content or not set(content) <= {"validation", "test"}:
        raise InputError(f"{file} is not a result of EncodEval, which is one object with 'validation' and 'test'")
    scores: dict[str, dict[str, float]] = {}
    metric = kind = ""
    for split, values in content.items():
        kind, metric, scores[SPLIT_NAMES[split]] = _scores(f"{split!r} of {file}", values)
    place = _place(file)
    if model is None and place is None:
        raise InputError(
            f"the path of {file} does not name its model, because it is not MODEL/KIND/DATASET/results.json; give --model"
        )
    if dataset is None and place is None:
        raise InputError(f"the path of {file} does not name its dataset; give --dataset")
    of_path = place or ("", kind, "", None)
    return Imported(
        "encodeval",
        model or of_path[0],
        of_path[1],
        dataset or of_path[2],
        metric,
        scores,
        hyperparameters=of_path[3],
        notes=(TOKEN_NOTE,) if metric == "token_f1_micro" else (),
    )


def _place(file: Path) -> tuple[str, str, str, str | None] | None:
    """Model, kind, dataset and hyperparameters from the path."""
    parts = file.resolve().parts[:-1]
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] in KINDS:
            return parts[index - 1], parts[index], parts[index + 1], "/".join(parts[index + 2 :]) or None
    return None


def _scores(where: str, values: object) -> tuple[str, str, dict[str, float]]:
    """Kind, main metric and all scores of one split.

    Raises:
        InputError: the values do not follow the schema.
    """
    if isinstance(values, dict) and isinstance(values.get("per_instance"), dict):
        values = values["per_instance"]
    if not isinstance(values, dict):
        raise InputError(f"{where} is not an object of lists with one value per example")
    for kind, metric, names, score in _MEASURES:
        if set(names) <= values.keys():
            columns = [values[name] for name in names]
            lengths = {
                len(column) if isinstance(column, list) else 0
                for column in [*columns, values.get("subset", columns[0])]
            }
            if len(lengths) > 1 or 0 in lengths:
                raise InputError(f"{where} has lists of different or no lengths: {', '.join(names)}, subset")
            try:
                scores = _by_subset(metric, columns, values.get("subset"), score)
            except (TypeError, ValueError, OverflowError) as error:
                raise InputError(f"{where} cannot be scored: {error}") from error
            if unusable := [name for name, value in scores.items() if not math.isfinite(value)]:
                raise InputError(
                    f"{where} gives {scores[unusable[0]]} as {unusable[0]}; it needs finite values, and a correlation needs different ones"
                )
            return kind, metric, scores
    raise InputError(f"{where} holds none of accuracy, ndcg, prediction with label, prediction with labels")


def _by_subset(
    metric: str, columns: Columns, subsets: Sequence[str] | None, score: Callable[..., float]
) -> dict[str, float]:
    if subsets is None:
        return {metric: float(score(*columns))}
    rows: dict[str, list[int]] = defaultdict(list)
    for row, subset in enumerate(subsets):
        rows[str(subset)].append(row)
    of_each = {
        f"{metric}.{subset}": float(score(*([column[row] for row in chosen] for column in columns)))
        for subset, chosen in sorted(rows.items())
    }
    return {metric: fmean(of_each.values()), **of_each}


def _spearman(predicted: Sequence[float], gold: Sequence[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(predicted, gold).statistic)


def _token_f1_micro(predicted: Sequence[Sequence[int]], gold: Sequence[Sequence[int]]) -> float:
    """Micro F1 over the labels that are predicted at least once, as EncodEval computes it."""
    from sklearn.metrics import f1_score

    flat_predicted, flat_gold = ([label for labels in rows for label in labels] for rows in (predicted, gold))
    return float(f1_score(flat_gold, flat_predicted, labels=sorted(set(flat_predicted)), average="micro"))


_MEASURES: Sequence[tuple[str, str, tuple[str, ...], Callable[..., float]]] = (
    ("SC", "accuracy", ("accuracy",), fmean),
    ("IR", "ndcg_at_10", ("ndcg",), fmean),
    ("TC", "token_f1_micro", ("prediction_token", "labels_token"), _token_f1_micro),
    ("TC", "token_f1_micro", ("prediction", "labels"), _token_f1_micro),
    ("SR", "spearman_correlation", ("prediction", "label"), _spearman),
)
"""Kind, metric, the columns that it needs, and the function that computes it from them."""
