"""The score gate for continuous integration: a committed baseline, and the verdict on each of its cells."""
