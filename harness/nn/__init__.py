"""Computation with tensors: heads, training, prediction, embeddings and exact search."""
