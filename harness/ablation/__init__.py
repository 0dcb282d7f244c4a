"""Ablations: variants of an encoder, each pretrained and fine-tuned alike, and what the differences say of published findings."""
