"""Avey-B with a head: each is a subclass of the trunk, which so keeps its published names in every checkpoint."""

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
    """Masked-LM logits `hidden @ E^T`, tied and without bias: the published head has no parameters of its own.

    With `config.masked_lm_head` there is a `head` before the decoder, see `models.outputs.MaskedLMHead`.
    """

    def build_head(self) -> None:
        """Make the head, where there is one."""
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
        """Logits (B, T, vocab), and with `labels` (B, T) the mean cross-entropy of those that are not -100."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        hidden, decoder = trunk.last_hidden_state, self.embed.weight
        logits = F.linear(hidden, decoder) if self.head is None else self.head(hidden, decoder)
        return masked_lm_output(trunk, logits, labels)


class _AveyBWithClassifier(AveyBModel):
    """The trunk and a last linear layer `classifier`."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.dropout = nn.Dropout(self.config.classifier_dropout)
        self.classifier = nn.Linear(self.config.d_embed, self.config.num_labels)


class AveyBForTokenClassification(_AveyBWithClassifier):
    """A linear classifier of every token."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> TokenClassifierOutput:
        """Logits (B, T, num_labels), and with `labels` (B, T) the mean cross-entropy of those that are not -100."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        return token_output(trunk, self.classifier(self.dropout(trunk.last_hidden_state)), labels)


class AveyBForSequenceClassification(_AveyBWithClassifier):
    """A linear classifier of the mean of a text's hidden states; a regression where there is one label."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Logits (B, num_labels), and with `labels` their loss, of the kind that `config.problem_type` names."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        hidden = trunk.last_hidden_state
        # Hidden states are zero at masked positions, so that their sum is that of the text's tokens.
        tokens = hidden.shape[1] if attention_mask is None else attention_mask.bool().sum(1, keepdim=True)
        return sequence_output(self, trunk, self.classifier(self.dropout(hidden.sum(1) / tokens)), labels)


class AveyBForQuestionAnswering(AveyBModel):
    """Scores of every token as the first and as the last of the answer."""

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
        """Two times (B, T) logits, the lowest finite ones at masked positions, and with positions (B) their loss."""
        trunk = AveyBModel.forward(self, input_ids, attention_mask, inputs_embeds, output_hidden_states)
        logits = self.qa_outputs(trunk.last_hidden_state)
        if attention_mask is not None:
            logits = logits.masked_fill(~attention_mask.bool()[..., None], torch.finfo(logits.dtype).min)
        return answer_output(self, trunk, logits, start_positions, end_positions)
