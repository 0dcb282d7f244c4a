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


class AveyBForMaskedLM(AveyBModel):
    """Masked-LM logits `hidden @ E^T`, tied and without bias: this head has no parameters of its own."""

    @can_return_tuple  # type: ignore[untyped-decorator]
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
        logits = F.linear(trunk.last_hidden_state, self.embed.weight)
        loss = None if labels is None else cross_entropy(logits, labels)
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=trunk.hidden_states)


class AveyBForTokenClassification(AveyBModel):
    """A linear classifier of every token."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.dropout = nn.Dropout(self.config.classifier_dropout)
        self.classifier = nn.Linear(self.config.d_embed, self.config.num_labels)

    @can_return_tuple  # type: ignore[untyped-decorator]
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
        logits = self.classifier(self.dropout(trunk.last_hidden_state))
        loss = None if labels is None else cross_entropy(logits, labels)
        return TokenClassifierOutput(loss=loss, logits=logits, hidden_states=trunk.hidden_states)


class AveyBForSequenceClassification(AveyBModel):
    """A linear classifier of the mean of a text's hidden states; a regression where there is one label."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.dropout = nn.Dropout(self.config.classifier_dropout)
        self.classifier = nn.Linear(self.config.d_embed, self.config.num_labels)

    @can_return_tuple  # type: ignore[untyped-decorator]
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
        logits = self.classifier(self.dropout(hidden.sum(1) / tokens))
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=trunk.hidden_states)


class AveyBForQuestionAnswering(AveyBModel):
    """Scores of every token as the first and as the last of the answer."""

    def build_head(self) -> None:
        """Make the classifier."""
        self.qa_outputs = nn.Linear(self.config.d_embed, 2)

    @can_return_tuple  # type: ignore[untyped-decorator]
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
        start_logits, end_logits = logits.unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = self.loss_function(start_logits, end_logits, start_positions, end_positions)
        return QuestionAnsweringModelOutput(
            loss=loss, start_logits=start_logits, end_logits=end_logits, hidden_states=trunk.hidden_states
        )


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labels that are not -100, in single precision at least."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())
