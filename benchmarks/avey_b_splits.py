"""A plug-in: Avey-B with other splits S and numbers of retrieved splits k, to see on `recall` where they limit it.

    python -m harness sweep --plugin benchmarks/avey_b_splits.py --tasks recall \
        --models avey-b-s8-k1,avey-b-s8-k3,avey-b-s32-k1 --task-option test=32:4,64:4

All have the depth of the size `tiny`. With S = 32 a sequence of 32 tokens is one split, in which nothing has to be retrieved.
"""

from __future__ import annotations

from dataclasses import replace

from models import MODELS
from models.catalogue import AVEY_B

TINY = AVEY_B.sizes["tiny"]

for rows, retrieved in ((8, 1), (8, 3), (32, 1), (32, 3)):
    name = f"avey-b-s{rows}-k{retrieved}"
    size = replace(
        TINY,
        options={**TINY.options, "chunk_size": rows, "k": retrieved},
        parameters=None,
        parameters_non_embedding=None,
    )
    MODELS.register(name)(
        replace(
            AVEY_B,
            name=name,
            description=f"Avey-B with S = {rows}, k = {retrieved}",
            sizes={"tiny": size},
            ablations="",
        )
    )
