"""`span/docstrings` and `nli/docstrings`: what must hold of the whole built sets."""

from collections import Counter

import pytest

from tasks.classification import NLI
from tasks.sources.docstrings import nli as docstrings_nli
from tasks.sources.docstrings import packages as docstrings
from tasks.sources.docstrings import span as docstrings_span
from tasks.sources.splits import fingerprint
from tasks.span import SPAN


@pytest.fixture(scope="module", params=["span", "nli"])
def built(request):
    return {"span": docstrings_span, "nli": docstrings_nli}[request.param].load()


def test_no_package_is_in_two_splits_and_no_id_occurs_twice(built):
    for split, examples in built.splits.items():
        packages = {example.id.split("/")[0] for example in examples}
        assert {docstrings.PACKAGES[package][1] for package in packages} == {split}
        assert len({example.id for example in examples}) == len(examples)


def test_splits_are_as_large_as_declared_or_as_there_are(built):
    sizes = {split: len(examples) for split, examples in built.splits.items()}
    assert sizes["train"] in (docstrings_span.SIZES["train"], docstrings_nli.SIZES["train"])
    assert sizes["dev"] >= 500
    assert sizes["test"] >= 1000


def test_the_fingerprint_is_of_the_examples_and_building_again_gives_the_same(built, monkeypatch, tmp_path):
    assert built.fingerprint == fingerprint(built.splits)
    module = docstrings_span if hasattr(built.splits["dev"][0], "context") else docstrings_nli
    few = {name: docstrings.PACKAGES[name] for name in ("filelock", "fontTools", "tqdm", "rich", "anyio", "pyparsing")}
    found = {name: package for name, package in docstrings.documents().items() if name in few}
    again = [fingerprint(module.build(dict(found))) for _ in range(2)]
    assert again[0] == again[1]


def test_questions_are_answered_by_offset():
    for questions in docstrings_span.load().splits.values():
        for question in questions:
            for answer in question.answers:
                assert question.context[answer.start : answer.start + len(answer.text)] == answer.text


def test_a_third_of_the_questions_has_no_answer_and_a_third_at_most_is_for_types_and_defaults():
    for questions in docstrings_span.load().splits.values():
        unanswerable = sum(not question.answers for question in questions)
        assert 0.3 <= unanswerable / len(questions) <= 0.34
        short = sum(not question.question.endswith("mean?") for question in questions if question.answers)
        assert 0.1 <= short / (len(questions) - unanswerable) <= 1 / 3


def test_what_is_asked_for_in_vain_is_nowhere_in_the_context():
    for question in docstrings_span.load().splits["test"]:
        if not question.answers:
            assert question.id.rpartition("#")[2].rstrip("?") not in question.context


def test_splits_of_questions_share_no_context():
    contexts = {split: {q.context for q in questions} for split, questions in docstrings_span.load().splits.items()}
    assert not contexts["train"] & (contexts["dev"] | contexts["test"])


def test_relations_are_a_third_each_and_no_body_or_summary_is_in_two_splits():
    texts = {}
    for split, pairs in docstrings_nli.load().splits.items():
        counts = Counter(pair.label for pair in pairs)
        assert set(counts) == set(docstrings_nli.RELATIONS)
        assert all(0.3 <= count / len(pairs) <= 0.36 for count in counts.values())
        assert len({pair.text for pair in pairs}) == len(pairs)
        texts[split] = {text for pair in pairs for text in (pair.text, pair.pair)}
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]


def test_the_tasks_say_what_the_sets_are():
    assert "not inference" in NLI.datasets["docstrings"].caveats[0]
    assert "not that it reads" in SPAN.datasets["docstrings"].caveats[0]
    assert "not inference" in NLI.datasets["docstrings"].description
    assert NLI.identity("docstrings", None) != SPAN.identity("docstrings", None)
