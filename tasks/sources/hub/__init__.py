"""Datasets of the Hugging Face hub, and local copies of them."""
