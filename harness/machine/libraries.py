"""The libraries' own messages."""

from __future__ import annotations

import logging
import warnings


def quiet_libraries() -> None:
    """Silence the libraries' messages about their internals."""
    import datasets
    import huggingface_hub
    import transformers

    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    huggingface_hub.logging.set_verbosity_error()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
