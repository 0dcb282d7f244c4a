"""Avey-B with a head: each is a subclass of the trunk, so that the trunk keeps its published names in every checkpoint."""

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
    """Masked-LM logits `hidden @ E^T`, tied and without bias."""

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
        states = self.encode(input_ids, attention_mask, inputs_embeds, bool(output_hidden_states))
        logits = F.linear(states[-1], self.embed.weight)
        loss = None if labels is None else cross_entropy(logits, labels)
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=states if output_hidden_states else None)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over labels that are not -100, at least in single precision."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())
