"""Avey-B with task heads. Each is a subclass of the trunk, so that checkpoints keep the published tensor names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import (
    MaskedLMOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import can_return_tuple

from models.avey_b.modeling import AveyBModel
from models.outputs import MaskedLMHead, answer_output, masked_lm_output, sequence_output, token_output


class AveyBForMaskedLM(AveyBModel):
    """Masked-LM logits `hidden @ E^T`, tied and without bias. The published head has no parameters of its own.

    With `config.masked_lm_head` the decoder follows a `head`, see `models.outputs.MaskedLMHead`.
    """

    def build_head(self) -> None:
        """Make the head, if the config asks for one."""
        self.head = MaskedLMHead(self.config.d_embed, self.config.vocab_size) if self.config.masked_lm_head else None

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> MaskedLMOutput:
        """Logits (B, T, vocab). With `labels` (B, T) also the mean cross-entropy over labels other than -100."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        return masked_lm_output(trunk, self.decode(trunk.last_hidden_state), labels)

    def decode(self, hidden: Tensor) -> Tensor:
        """Logits (..., vocab) of hidden states (..., width)."""
        return F.linear(hidden, self.embed.weight) if self.head is None else self.head(hidden, self.embed.weight)


class _AveyBWithClassifier(AveyBModel):
    """The trunk followed by a linear layer `classifier`."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.dropout = nn.Dropout(self.config.classifier_dropout)
        self.classifier = nn.Linear(self.config.d_embed, self.config.num_labels)


class AveyBForTokenClassification(_AveyBWithClassifier):
    """Classifies every token by a linear layer."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> TokenClassifierOutput:
        """Logits (B, T, num_labels). With `labels` (B, T) also the mean cross-entropy over labels other than -100."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        return token_output(trunk, self.classifier(self.dropout(trunk.last_hidden_state)), labels)


class AveyBForSequenceClassification(_AveyBWithClassifier):
    """Classifies the mean of a text's hidden states by a linear layer; with one label it is a regression."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Logits (B, num_labels). With `labels` also the kind of loss that `config.problem_type` names."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        hidden = trunk.last_hidden_state
        # Hidden states are zero at masked positions, so their sum is the sum over the tokens of the text.
        tokens = hidden.shape[1] if attention_mask is None else attention_mask.bool().sum(1, keepdim=True)
        return sequence_output(self, trunk, self.classifier(self.dropout(hidden.sum(1) / tokens)), labels)


class AveyBForQuestionAnswering(AveyBModel):
    """Scores every token as the first and as the last token of the answer."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.qa_outputs = nn.Linear(self.config.d_embed, 2)

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> QuestionAnsweringModelOutput:
        """Start and end logits, each (B, T), with the lowest finite value at masked positions. With positions (B) also the loss."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        logits = self.qa_outputs(trunk.last_hidden_state)
        if attention_mask is not None:
            logits = logits.masked_fill(~attention_mask.bool()[..., None], torch.finfo(logits.dtype).min)
        return answer_output(self, trunk, logits, start_positions, end_positions)
