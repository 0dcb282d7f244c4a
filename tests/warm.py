"""The libraries that `tests.processes` imports once for all processes. Nothing of ours: each process imports that itself."""

import gc
import os

# As `harness.__main__` sets them before any library is imported; and one thread, because workers share the cores.
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}

import accelerate  # noqa: F401
import pandas  # noqa: F401
import sentence_transformers  # noqa: F401
import torch.nn.parallel  # noqa: F401
import transformers.models.bert.modeling_bert
import transformers.trainer  # noqa: F401

gc.freeze()
