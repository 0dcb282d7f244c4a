"""Baselines for `ner/docstrings` without an encoder: a gazetteer and logistic regression with Viterbi, by strict entity F1.

    python -m benchmarks.docstrings_ner_baselines

An encoder that does not beat the second has learned no more than word shapes and neighbouring words show.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression

from tasks.sources.docstrings import ner as docstrings_ner
from tasks.sources.sentence import Sentence

MAX_ENTITY_TOKENS = 12
Tags = list[list[str]]


def gazetteer(train: Sequence[Sentence], test: Sequence[Sentence]) -> Tags:
    """Longest match, left to right, of token sequences that are mostly entities in train, with the most frequent type."""
    types: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for label, first, last in get_entities(list(sentence.tags)):
            types[sentence.tokens[first : last + 1]][label] += 1
    occurrences = Counter(
        tokens[first:last]
        for tokens in (sentence.tokens for sentence in train)
        for first in range(len(tokens))
        for last in range(first + 1, min(len(tokens), first + MAX_ENTITY_TOKENS) + 1)
        if tokens[first:last] in types
    )
    majority = {}
    for sequence, counts in types.items():
        label, count = counts.most_common(1)[0]
        if count > occurrences[sequence] - counts.total():
            majority[sequence] = label
    return [_looked_up(sentence.tokens, majority) for sentence in test]


def _looked_up(tokens: tuple[str, ...], majority: dict[tuple[str, ...], str]) -> list[str]:
    tags = ["O"] * len(tokens)
    start = 0
    while start < len(tokens):
        ends = range(min(len(tokens), start + MAX_ENTITY_TOKENS), start, -1)
        end = next((end for end in ends if tokens[start:end] in majority), None)
        if end is None:
            start += 1
            continue
        label = majority[tokens[start:end]]
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        start = end
    return tags


def features(tokens: Sequence[str], position: int) -> Iterator[str]:
    """The word, its affixes and shape; the three words on either side and their shapes; pairs of words."""
    yield "bias"
    word = tokens[position]
    yield f"word={word}"
    for length in (1, 2, 3, 4):
        yield f"prefix={word[:length]}"
        yield f"suffix={word[-length:]}"
    for offset in (-3, -2, -1, 0, 1, 2, 3):
        place = position + offset
        neighbour = tokens[place] if 0 <= place < len(tokens) else "<none>"
        yield f"{offset}:lower={neighbour.lower()}"
        yield f"{offset}:shape={shape(neighbour)}"
        if offset in (-1, 1):
            yield f"{offset}:pair={min(offset, 0)}:{word.lower()}|{neighbour.lower()}"
    before = tokens[max(0, position - 2) : position]
    yield "before=" + "|".join(before).lower()
    yield "after=" + "|".join(tokens[position + 1 : position + 3]).lower()


def shape(word: str) -> str:
    """`torch.nn` is a.a, `n_jobs` is a_a, `DataFrame` is AaAa, `0.5` is 0.0: every run of a kind is one character."""
    kinds = ["A" if c.isupper() else "a" if c.isalpha() else "0" if c.isdigit() else c for c in word]
    return "".join(kind for kind, previous in zip(kinds, ["", *kinds], strict=False) if kind != previous)


def logistic_regression(train: Sequence[Sentence], test: Sequence[Sentence]) -> Tags:
    """A token classifier, and by Viterbi the best valid IOB2 sequence under it and the tag bigrams of train."""
    hasher = FeatureHasher(n_features=2**18, input_type="string", alternate_sign=False)
    inputs = hasher.transform(features(s.tokens, i) for s in train for i in range(len(s.tokens)))
    model = LogisticRegression(C=2.0, solver="lbfgs", max_iter=40, tol=1e-3)
    model.fit(inputs, [tag for sentence in train for tag in sentence.tags])
    tags = list(model.classes_)
    transitions = _transitions(train, tags)
    unseen = hasher.transform(features(s.tokens, i) for s in test for i in range(len(s.tokens)))
    scores = model.predict_log_proba(unseen)
    lengths = np.cumsum([len(sentence.tokens) for sentence in test])[:-1]
    return [[tags[i] for i in viterbi(part, *transitions)] for part in np.split(scores, lengths)]


def _transitions(train: Sequence[Sentence], tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of a tag after another one against the tag alone, because the classifier's probabilities include the prior."""
    index = {tag: i for i, tag in enumerate(tags)}
    starts, pairs = np.ones(len(tags)), np.ones((len(tags), len(tags)))
    for sentence in train:
        starts[index[sentence.tags[0]]] += 1
        for first, second in zip(sentence.tags, sentence.tags[1:], strict=False):
            pairs[index[first], index[second]] += 1
    prior = np.log(pairs.sum(axis=0) / pairs.sum())
    start = np.log(starts / starts.sum()) - prior
    between = np.log(pairs / pairs.sum(axis=1, keepdims=True)) - prior
    for second, tag in enumerate(tags):
        if tag.startswith("I-"):
            start[second] = -np.inf
            between[[first for first, other in enumerate(tags) if other[2:] != tag[2:]], second] = -np.inf
    return start, between


def viterbi(scores: np.ndarray, start: np.ndarray, between: np.ndarray) -> list[int]:
    """The best path through `scores` (tokens x tags), given log scores to start with a tag and of tag after tag."""
    best = scores[0] + start
    origins = []
    for row in scores[1:]:
        candidates = best[:, None] + between
        origins.append(candidates.argmax(axis=0))
        best = candidates.max(axis=0) + row
    path = [int(best.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def main() -> None:
    """Print both baselines' scores by type."""
    corpus = docstrings_ner.load()
    train, test = corpus.splits["train"], corpus.splits["test"]
    truth = [list(sentence.tags) for sentence in test]
    print(f"ner/docstrings {corpus.fingerprint}: {len(train)} train and {len(test)} test sentences")
    for name, baseline in (("gazetteer", gazetteer), ("logistic regression with Viterbi", logistic_regression)):
        began = time.perf_counter()
        report = classification_report(truth, baseline(train, test), mode="strict", scheme=IOB2, digits=3)
        print(f"\n{name}, {time.perf_counter() - began:.0f} s; `micro avg` is entity_f1_strict\n{report}")


if __name__ == "__main__":
    main()
