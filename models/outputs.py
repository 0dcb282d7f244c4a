"""What a model with a head returns, in the classes that transformers has for it: the loss, where labels are given, and the logits."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import (
    BaseModelOutput,
    MaskedLMOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)


class MaskedLMHead(nn.Module):
    """Dense layer, GELU, norm and a bias before and in a decoder that is tied to the token embedding.

    Args:
        width: of the hidden states.
        vocabulary: rows of the embedding.
        eps: of the norm.
    """

    def __init__(self, width: int, vocabulary: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width, eps=eps, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Logits (B, T, vocabulary) of hidden states (B, T, width) with the embedding (vocabulary, width)."""
        states = self.norm(F.gelu(self.dense(hidden)).to(self.norm.weight.dtype))
        return F.linear(states, embedding) + self.bias


def masked_lm_output(encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None) -> MaskedLMOutput:
    """Logits (B, T, vocabulary), and with `labels` (B, T) the mean cross-entropy of those that are not -100."""
    return MaskedLMOutput(loss=cross_entropy(logits, labels), logits=logits, **states(encoded))


def token_output(encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None) -> TokenClassifierOutput:
    """Logits (B, T, labels), and with `labels` (B, T) the mean cross-entropy of those that are not -100."""
    return TokenClassifierOutput(loss=cross_entropy(logits, labels), logits=logits, **states(encoded))


def sequence_output(
    model: PreTrainedModel, encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None
) -> SequenceClassifierOutput:
    """Logits (B, labels), and with `labels` their loss, of the kind that `config.problem_type` names."""
    loss = None
    if labels is not None:
        loss = model.loss_function(labels=labels, pooled_logits=logits, config=model.config)
    return SequenceClassifierOutput(loss=loss, logits=logits, **states(encoded))


def answer_output(
    model: PreTrainedModel, encoded: BaseModelOutput, logits: Tensor, first: Tensor | None, last: Tensor | None
) -> QuestionAnsweringModelOutput:
    """Of logits (B, T, 2) those of an answer's first and last token; with the places (B,) of both their mean cross-entropy."""
    start_logits, end_logits = logits.unbind(-1)
    loss = None
    if first is not None and last is not None:
        loss = model.loss_function(start_logits, end_logits, first, last)
    return QuestionAnsweringModelOutput(loss=loss, start_logits=start_logits, end_logits=end_logits, **states(encoded))


def cross_entropy(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean over the labels that are not -100, in single precision at least; None where there are no labels."""
    if labels is None:
        return None
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


def states(encoded: BaseModelOutput) -> dict[str, Any]:
    """What else the encoder was asked to return."""
    return {"hidden_states": encoded.hidden_states, "attentions": encoded.attentions}
