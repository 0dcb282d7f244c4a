"""The names of attention kernels, without importing torch."""

from typing import Literal, get_args

Kernel = Literal["eager", "sdpa", "local", "flash_attention_2", "flex_attention"]
Attention = Literal["best", "eager", "sdpa", "local", "flash_attention_2", "flex_attention"]
"""A kernel, or `best`: for each model the fastest kernel that is exact on this machine."""

BEST: Attention = "best"
LOCAL: Kernel = "local"
KERNELS: tuple[Kernel, ...] = get_args(Kernel)
CHOICES: tuple[Attention, ...] = get_args(Attention)
