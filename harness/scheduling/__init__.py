"""Run many cells: choose those that are not stored, run them here or on a cluster, and estimate the time."""
