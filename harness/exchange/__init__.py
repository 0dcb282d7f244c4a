"""Scores that other people's tools wrote, and ours in the form that others read."""
