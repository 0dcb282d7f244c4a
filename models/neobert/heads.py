"""NeoBERT with task heads: the published masked-LM decoder, and linear heads for classification and question answering."""

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import (
    MaskedLMOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from models.neobert.configuration import NeoBERTConfig
from models.neobert.modeling import NeoBERTModel, NeoBERTPreTrainedModel
from models.outputs import MaskedLMHead, answer_output, masked_lm_output, sequence_output, token_output


class NeoBERTForMaskedLM(NeoBERTPreTrainedModel):
    """Predicts masked tokens by a decoder with a matrix and a bias that are not tied to the embedding.

    With `config.masked_lm_head` it has a `head` with a tied decoder instead, see `models.outputs.MaskedLMHead`.
    """

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__(config)
        self.model = NeoBERTModel(config)
        self.decoder = None if config.masked_lm_head else nn.Linear(config.hidden_size, config.vocab_size)
        self.head = None
        if config.masked_lm_head:
            self.head = MaskedLMHead(config.hidden_size, config.vocab_size, config.norm_eps)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear | None:
        """The decoder; None if it is the embedding."""
        return self.decoder

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace the decoder."""
        self.decoder = new_embeddings

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: object,
    ) -> MaskedLMOutput:
        """Logits (batch, length, vocab_size). With `labels` (batch, length; -100 = ignored) also the mean cross-entropy."""
        outputs = self.model(input_ids, attention_mask, inputs_embeds, **kwargs)
        hidden = outputs.last_hidden_state
        if self.decoder is None:
            assert self.head is not None
            return masked_lm_output(outputs, self.head(hidden, self.model.encoder.weight), labels)
        return masked_lm_output(outputs, self.decoder(hidden), labels)


class _NeoBERTWithClassifier(NeoBERTPreTrainedModel):
    """The encoder followed by a linear layer `classifier`."""

    def __init__(self, config: NeoBERTConfig, num_labels: int) -> None:
        super().__init__(config)
        self.num_labels = num_labels
        self.model = NeoBERTModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, num_labels)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module in (self.classifier, getattr(self, "dense", None)):
            init.uniform_(module.weight, -self.config.classifier_init_range, self.config.classifier_init_range)


class NeoBERTForSequenceClassification(_NeoBERTWithClassifier):
    """Classifies a text by its first token, through a tanh layer as the published code does."""

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__(config, config.num_labels)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: object,
    ) -> SequenceClassifierOutput:
        """Logits (batch, num_labels). With `labels` also the loss that `config.problem_type` names."""
        outputs = self.model(input_ids, attention_mask, inputs_embeds, **kwargs)
        pooled = self.dense(self.dropout(outputs.last_hidden_state[:, 0])).tanh()
        return sequence_output(self, outputs, self.classifier(self.dropout(pooled)), labels)


class NeoBERTForTokenClassification(_NeoBERTWithClassifier):
    """Classifies every token."""

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__(config, config.num_labels)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: object,
    ) -> TokenClassifierOutput:
        """Logits (batch, length, num_labels). With `labels` (batch, length; -100 = ignored) also the mean cross-entropy."""
        outputs = self.model(input_ids, attention_mask, inputs_embeds, **kwargs)
        return token_output(outputs, self.classifier(self.dropout(outputs.last_hidden_state)), labels)


class NeoBERTForQuestionAnswering(_NeoBERTWithClassifier):
    """Scores every token as the first and as the last token of an answer."""

    def __init__(self, config: NeoBERTConfig) -> None:
        super().__init__(config, 2)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **kwargs: object,
    ) -> QuestionAnsweringModelOutput:
        """Start and end logits, each (batch, length). With both positions (batch,) also their mean cross-entropy."""
        outputs = self.model(input_ids, attention_mask, inputs_embeds, **kwargs)
        logits = self.classifier(self.dropout(outputs.last_hidden_state))
        return answer_output(self, outputs, logits, start_positions, end_positions)
