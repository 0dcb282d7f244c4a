"""NeoBERT (Le Breton et al. 2025, arXiv 2502.19587): published names and numbers, PyTorch's own attention.

Importing this package registers the classes with the Auto classes of `transformers`, so that
`AutoModel.from_pretrained(folder)` loads saved folders.
"""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from models.neobert.configuration import NeoBERTConfig
from models.neobert.heads import (
    NeoBERTForMaskedLM,
    NeoBERTForQuestionAnswering,
    NeoBERTForSequenceClassification,
    NeoBERTForTokenClassification,
)
from models.neobert.modeling import NeoBERTModel

__all__ = [
    "NeoBERTConfig",
    "NeoBERTForMaskedLM",
    "NeoBERTForQuestionAnswering",
    "NeoBERTForSequenceClassification",
    "NeoBERTForTokenClassification",
    "NeoBERTModel",
]

AutoConfig.register(NeoBERTConfig.model_type, NeoBERTConfig, exist_ok=True)
for _auto, _model in {
    AutoModel: NeoBERTModel,
    AutoModelForMaskedLM: NeoBERTForMaskedLM,
    AutoModelForQuestionAnswering: NeoBERTForQuestionAnswering,
    AutoModelForSequenceClassification: NeoBERTForSequenceClassification,
    AutoModelForTokenClassification: NeoBERTForTokenClassification,
}.items():
    _auto.register(NeoBERTConfig, _model, exist_ok=True)
