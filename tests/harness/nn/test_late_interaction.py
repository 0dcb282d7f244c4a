"""MaxSim: the formula in NumPy, sentence-transformers' own model, memory, and the search in parts."""

import numpy as np
import pytest
import torch

import harness.nn.late_interaction as module
from harness.nn.embedding import HiddenStates
from harness.nn.late_interaction import TokenSearch, token_vectors
from models import MODELS, loading
from models.weights import find_weights

WORDS = "the in to of saw met near with a train left river walked and then said".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def states(small_bert):
    weights = find_weights(MODELS["bert"], "custom", str(small_bert))
    return HiddenStates(*loading.load(MODELS["bert"], "custom", weights), 24, "fp32")


def texts(number, seed):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=int(random.integers(1, 30)))) for _ in range(number)]


def by_numpy(queries, documents):
    scores = np.empty((len(queries), len(documents)))
    for row, query in enumerate(queries):
        for column, document in enumerate(documents):
            scores[row, column] = (query @ document.T).max(axis=1).sum()
    return scores


def test_the_search_is_the_formula_whatever_the_parts(states, monkeypatch):
    queries, documents = texts(7, 0), ["", *texts(20, 1)]
    vectors = [[one.numpy() for one in token_vectors(states, some)] for some in (queries, documents)]
    assert all(np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5) for one in vectors[0])
    expected = by_numpy(*vectors)
    for document_tokens, query_tokens in ((65_536, 262_144), (24 * 8, 24 * 11), (1, 262_144)):
        monkeypatch.setattr(module, "DOCUMENT_TOKENS", document_tokens)
        monkeypatch.setattr(module, "QUERY_TOKENS", query_tokens)
        search = TokenSearch(states)
        positions, scores = search(queries, documents, 21)
        assert np.allclose(scores, np.take_along_axis(expected, positions, axis=1), atol=1e-4)
        assert (np.diff(scores, axis=1) <= 0).all()
        assert (np.sort(positions, axis=1) == np.arange(21)).all()
        assert search.n_cut == sum(len(states.tokenizer(text)["input_ids"]) > 24 for text in documents) > 0


def test_scores_are_those_of_a_multi_vector_encoder(states):
    from harness.nn.contrastive import multi_vector_encoder

    queries, documents = texts(5, 2), texts(20, 3)
    theirs = multi_vector_encoder(states.encoder, states.tokenizer, 24)
    expected = theirs.similarity(
        theirs.encode_query(queries, show_progress_bar=False),
        theirs.encode_document(documents, show_progress_bar=False),
    )
    positions, scores = TokenSearch(states)(queries, documents, 20)
    assert np.allclose(scores, np.take_along_axis(expected.cpu().numpy(), positions, axis=1), atol=1e-4)


def test_of_equal_documents_the_earlier_comes_first(states, monkeypatch):
    monkeypatch.setattr(module, "DOCUMENT_TOKENS", 24)  # one document at once, so that all scores come of the same sums
    positions, _ = TokenSearch(states)(["the river"], ["a train", "the river", "a train", "the river"], 4)
    assert positions.tolist() == [[1, 3, 0, 2]]


def test_token_vectors_in_memory_stay_within_the_bound(states, monkeypatch):
    """The corpus has ten times as many tokens as may be in memory at once."""
    import gc
    import weakref

    monkeypatch.setattr(module, "DOCUMENT_TOKENS", 240)
    alive, most = weakref.WeakSet(), 0
    original = module.token_vectors

    def counted(*arguments):
        nonlocal most
        vectors = original(*arguments)
        alive.update(vectors)
        gc.collect()
        most = max(most, sum(map(len, alive)))
        return vectors

    monkeypatch.setattr(module, "token_vectors", counted)
    documents = ["the train left " * 10] * 100
    TokenSearch(states)(["the train"], documents, 3)
    # The vectors of the chunk before are let go only when those of the next one are there.
    assert 240 <= most <= 2 * 240 + 24


def test_a_score_that_is_no_number_is_not_ranked_by(states, monkeypatch):
    monkeypatch.setattr(module, "token_vectors", lambda _, some: [torch.full((2, 4), torch.nan) for _ in some])
    with pytest.raises(ValueError, match="not a number"):
        TokenSearch(states)(["a"], ["b", "c"], 2)
