"""The harness's heads for architectures whose own class in transformers has another head.

The harness classifies tokens by one linear layer, and texts by one linear layer on the mean of their tokens. The classes that
transformers has for BERT, RoBERTa and NeoBERT classify a text by its first token through a tanh layer, and all those of
ModernBERT have a layer and a norm before the last one. No choice of their weights gives the harness's outputs. A saved model
of these kinds therefore has a ``model_type`` of its own, so that no other head can be loaded for it by mistake.

Importing this module registers the classes with the Auto classes of transformers.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
    ModernBertConfig,
    ModernBertModel,
    ModernBertPreTrainedModel,
    PreTrainedConfig,
    RobertaConfig,
    RobertaModel,
    RobertaPreTrainedModel,
)
from transformers import initialization as init
from transformers.modeling_outputs import (
    BaseModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from models.neobert.configuration import NeoBERTConfig
from models.neobert.modeling import NeoBERTModel, NeoBERTPreTrainedModel
from models.outputs import answer_output, sequence_output, token_output
from models.pooling import mean_pool

DROPOUT = 0.1
"""Before the linear layer, as in fine-tuning by the harness."""


class LinearBertConfig(BertConfig):
    """BERT with the harness's head."""

    model_type = "bert-linear"


class LinearRobertaConfig(RobertaConfig):
    """RoBERTa with the harness's head."""

    model_type = "roberta-linear"


class LinearModernBertConfig(ModernBertConfig):
    """ModernBERT with the harness's head."""

    model_type = "modernbert-linear"


class LinearNeoBERTConfig(NeoBERTConfig):
    """NeoBERT with the harness's head."""

    model_type = "neobert-linear"


class _Linear:
    """Builds encoder, dropout and linear layer; a base class of models, before transformers' own."""

    trunk: ClassVar[type[nn.Module]]
    trunk_options: ClassVar[Mapping[str, object]] = {}
    base_model_prefix: str
    config: Any

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        self.num_labels = config.num_labels
        setattr(self, self.base_model_prefix, self.trunk(config, **self.trunk_options))
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()  # type: ignore[attr-defined]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.classifier:
            init.normal_(module.weight, std=0.02)
            init.zeros_(module.bias)
        else:
            super()._init_weights(module)  # type: ignore[misc]

    def encoded(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        inputs_embeds: Tensor | None,
        options: dict[str, Any],
    ) -> BaseModelOutput:
        """The output of the encoder."""
        trunk: nn.Module = getattr(self, self.base_model_prefix)
        output: BaseModelOutput = trunk(
            input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, **options
        )
        return output


class _LinearOnTokens(_Linear):
    """Classifies every token."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> TokenClassifierOutput:
        """Logits (B, T, labels). With `labels` (B, T) also the mean cross-entropy over labels other than -100."""
        output = self.encoded(input_ids, attention_mask, inputs_embeds, options)
        return token_output(output, self.classifier(self.dropout(output.last_hidden_state)), labels)


class _LinearOnMean(_Linear):
    """Classifies the mean of a text's tokens."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput:
        """Logits (B, labels). With `labels` also the loss that `config.problem_type` names."""
        output = self.encoded(input_ids, attention_mask, inputs_embeds, options)
        hidden = output.last_hidden_state
        mask = hidden.new_ones(hidden.shape[:2]) if attention_mask is None else attention_mask
        logits = self.classifier(self.dropout(mean_pool(hidden, mask)))
        return sequence_output(self, output, logits, labels)


class _LinearOnEnds(_Linear):
    """Scores every token as the first and as the last token of an answer."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **options: Any,
    ) -> QuestionAnsweringModelOutput:
        """Start and end logits, each (B, T). With both positions (B,) also their mean cross-entropy."""
        output = self.encoded(input_ids, attention_mask, inputs_embeds, options)
        logits = self.classifier(self.dropout(output.last_hidden_state))
        return answer_output(self, output, logits, start_positions, end_positions)


class LinearBertForSequenceClassification(_LinearOnMean, BertPreTrainedModel):
    """BERT with a linear layer on the mean of the tokens."""

    config_class = LinearBertConfig
    trunk, trunk_options = BertModel, {"add_pooling_layer": False}


class LinearRobertaForSequenceClassification(_LinearOnMean, RobertaPreTrainedModel):
    """RoBERTa with a linear layer on the mean of the tokens."""

    config_class = LinearRobertaConfig
    trunk, trunk_options = RobertaModel, {"add_pooling_layer": False}


class LinearNeoBERTForSequenceClassification(_LinearOnMean, NeoBERTPreTrainedModel):
    """NeoBERT with a linear layer on the mean of the tokens."""

    config_class = LinearNeoBERTConfig
    trunk = NeoBERTModel


class LinearModernBertForSequenceClassification(_LinearOnMean, ModernBertPreTrainedModel):
    """ModernBERT with a linear layer on the mean of the tokens."""

    config_class = LinearModernBertConfig
    trunk = ModernBertModel


class LinearModernBertForTokenClassification(_LinearOnTokens, ModernBertPreTrainedModel):
    """ModernBERT with a linear layer on every token."""

    config_class = LinearModernBertConfig
    trunk = ModernBertModel


class LinearModernBertForQuestionAnswering(_LinearOnEnds, ModernBertPreTrainedModel):
    """ModernBERT with a linear layer on every token, for the ends of an answer."""

    config_class = LinearModernBertConfig
    trunk = ModernBertModel


CONFIGS: Mapping[str, type[PreTrainedConfig]] = {
    "bert": LinearBertConfig,
    "roberta": LinearRobertaConfig,
    "modernbert": LinearModernBertConfig,
    "neobert": LinearNeoBERTConfig,
}
"""By the ``model_type`` of the bare encoder."""

for _config in CONFIGS.values():
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
for _class in (
    LinearBertForSequenceClassification,
    LinearRobertaForSequenceClassification,
    LinearNeoBERTForSequenceClassification,
    LinearModernBertForSequenceClassification,
):
    AutoModelForSequenceClassification.register(_class.config_class, _class, exist_ok=True)
AutoModelForTokenClassification.register(LinearModernBertConfig, LinearModernBertForTokenClassification, exist_ok=True)
AutoModelForQuestionAnswering.register(LinearModernBertConfig, LinearModernBertForQuestionAnswering, exist_ok=True)
