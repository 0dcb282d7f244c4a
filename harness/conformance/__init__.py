"""Conformance of an encoder: the demands that make its scores meaningful, and the command that checks them."""
