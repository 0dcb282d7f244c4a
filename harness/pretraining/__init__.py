"""Masked-LM pretraining: the same corpus, recipe and head for every registered encoder."""
