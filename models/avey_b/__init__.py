"""Avey-B (Acharya and Hammoud, ICLR 2026, arXiv 2602.15814): an encoder without attention.

Importing this package registers its classes with transformers, so that `AutoModel.from_pretrained` and the other Auto
classes load saved folders.

`torch.export` and `torch.onnx.export(model, (ids, mask), path, dynamo=True, optimize=False, dynamic_shapes=...)` export the model,
with batch size and length left open if `dynamic_shapes` says so. Leave `optimize` off: onnxscript 0.7 takes the eps of 1e-12 for
zero and drops it, so that padding becomes NaN. An exported model ranks every pair of tokens, because the number of distinct ids
in a text varies.
"""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from models.avey_b.configuration import AveyBConfig
from models.avey_b.heads import (
    AveyBForMaskedLM,
    AveyBForQuestionAnswering,
    AveyBForSequenceClassification,
    AveyBForTokenClassification,
)
from models.avey_b.modeling import AveyBModel

__all__ = [
    "AveyBConfig",
    "AveyBForMaskedLM",
    "AveyBForQuestionAnswering",
    "AveyBForSequenceClassification",
    "AveyBForTokenClassification",
    "AveyBModel",
]

AutoConfig.register(AveyBConfig.model_type, AveyBConfig, exist_ok=True)
AutoModel.register(AveyBConfig, AveyBModel, exist_ok=True)
AutoModelForMaskedLM.register(AveyBConfig, AveyBForMaskedLM, exist_ok=True)
AutoModelForQuestionAnswering.register(AveyBConfig, AveyBForQuestionAnswering, exist_ok=True)
AutoModelForSequenceClassification.register(AveyBConfig, AveyBForSequenceClassification, exist_ok=True)
AutoModelForTokenClassification.register(AveyBConfig, AveyBForTokenClassification, exist_ok=True)
