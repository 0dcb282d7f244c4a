"""Outputs of models with a task head: logits, and the loss if labels are given, in the output classes of transformers."""

from typing import TypedDict

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


class TiedDecoder(nn.Module):
    """Dense layer, GELU and norm, then a decoder with a bias that is tied to the token embedding."""

    def add_decoder(self, width: int, vocabulary: int, eps: float) -> None:
        """Add the weights.

        Args:
            width: width of the hidden states.
            vocabulary: rows of the embedding.
            eps: eps of the norm.
        """
        self.dense = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width, eps=eps, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def decode(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Logits (..., vocabulary) of hidden states (..., width) with the embedding (vocabulary, width)."""
        states = self.norm(F.gelu(self.dense(hidden)).to(self.norm.weight.dtype))
        return F.linear(states, embedding) + self.bias


class MaskedLMHead(TiedDecoder):
    """The decoder alone, as a module of a masked-LM model; arguments as of `TiedDecoder.add_decoder`."""

    def __init__(self, width: int, vocabulary: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.add_decoder(width, vocabulary, eps)

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """See `TiedDecoder.decode`."""
        return self.decode(hidden, embedding)


def masked_lm_output(encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None) -> MaskedLMOutput:
    """Logits (B, T, vocabulary). With `labels` (B, T) also the mean cross-entropy over labels other than -100."""
    return MaskedLMOutput(loss=cross_entropy(logits, labels), logits=logits, **states(encoded))


def token_output(encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None) -> TokenClassifierOutput:
    """Logits (B, T, labels). With `labels` (B, T) also the mean cross-entropy over labels other than -100."""
    return TokenClassifierOutput(loss=cross_entropy(logits, labels), logits=logits, **states(encoded))


def sequence_output(
    model: PreTrainedModel, encoded: BaseModelOutput, logits: Tensor, labels: Tensor | None
) -> SequenceClassifierOutput:
    """Logits (B, labels). With `labels` also the kind of loss that `config.problem_type` names."""
    loss = None
    if labels is not None:
        loss = model.loss_function(labels=labels, pooled_logits=logits, config=model.config)
    return SequenceClassifierOutput(loss=loss, logits=logits, **states(encoded))


def answer_output(
    model: PreTrainedModel, encoded: BaseModelOutput, logits: Tensor, first: Tensor | None, last: Tensor | None
) -> QuestionAnsweringModelOutput:
    """Split logits (B, T, 2) into those of the first and the last token of an answer.

    With the positions `first` and `last` (B,) of both tokens also the mean of their cross-entropies.
    """
    start_logits, end_logits = logits.unbind(-1)
    loss = None
    if first is not None and last is not None:
        loss = model.loss_function(start_logits, end_logits, first, last)
    return QuestionAnsweringModelOutput(loss=loss, start_logits=start_logits, end_logits=end_logits, **states(encoded))


def cross_entropy(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    """Mean over labels other than -100, in at least single precision; None without labels."""
    if labels is None:
        return None
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


class States(TypedDict):
    """Optional outputs of an encoder: one tensor per layer."""

    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


def states(encoded: BaseModelOutput) -> States:
    """The optional outputs that the encoder was asked for."""
    return {"hidden_states": encoded.hidden_states, "attentions": encoded.attentions}
