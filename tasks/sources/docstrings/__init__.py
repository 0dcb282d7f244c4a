"""Datasets built from the docstrings of installed packages, without a download."""
