"""Exact search against sorting all scores, and its ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.nn.exact_search as module
from harness.nn.exact_search import best, search


def by_sorting(queries, documents, k):
    """The whole matrix, sorted; of equal scores the earlier document first."""
    scores = queries @ documents.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


@pytest.mark.parametrize("k", [1, 7, 100, 5000])
def test_search_is_sorting_without_the_matrix(monkeypatch, k):
    monkeypatch.setattr(module, "DOCUMENTS_A_BLOCK", 64)
    monkeypatch.setattr(module, "QUERIES_A_BLOCK", 3)
    random = np.random.default_rng(0)
    # Whole numbers: products are exact, and ties are many.
    queries = random.integers(-2, 3, (10, 6)).astype(np.float32)
    documents = random.integers(-2, 3, (1000, 6)).astype(np.float32)
    positions, scores = search(queries, documents, k)
    order, values = by_sorting(queries, documents, k)
    assert (positions == order).all()
    assert (scores == values).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), min_size=1, max_size=4), st.integers(1, 12))
def test_of_equal_scores_the_earlier_column_comes_first(rows, k):
    scores = torch.tensor(rows, dtype=torch.float32)
    values, columns = best(scores, k)
    expected = [sorted(range(9), key=lambda column: (-row[column], column))[:k] for row in rows]
    assert columns.tolist() == expected
    assert values.tolist() == [[row[column] for column in chosen] for row, chosen in zip(rows, expected, strict=True)]


def test_an_embedding_that_is_no_number_is_not_searched_with():
    with pytest.raises(ValueError, match="not a number"):
        search(np.full((1, 2), np.nan, np.float32), np.ones((3, 2), np.float32), 2)
