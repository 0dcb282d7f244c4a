"""Attention kernels: exact local attention at the cost of its window, and the choice of a kernel for a model.

Importing `models.attention.interface` makes the kernel known to transformers as `local`.
"""
