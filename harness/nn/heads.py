"""The task heads: the same few parameters on top of every encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from harness.errors import InputError
from models.pooling import mean_pool
from tasks.task import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DROPOUT = 0.1
"""On the encoder's output before the classifier, as in BERT fine-tuning (Devlin et al., 2019), for every encoder."""


class Head(nn.Module):
    """An encoder, dropout and one linear layer; each kind of head defines its pooling and its loss.

    Args:
        encoder: a bare `transformers` model; its config has ``hidden_size``.
        n_outputs: outputs per token or per text.
    """

    def __init__(self, encoder: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = _linear(encoder, n_outputs)
        self.is_frozen = False

    def freeze(self) -> None:
        """Train the classifier alone from now on: the encoder gets no gradients and no dropout."""
        self.is_frozen = True
        self.encoder.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation; a frozen encoder stays in evaluation."""
        super().train(mode)
        if self.is_frozen:
            self.encoder.eval()
        return self

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """``logits``, and with ``labels`` also ``loss``, in the shapes of the kind of head.

        Args:
            input_ids: ids (batch, length).
            attention_mask: 1 for tokens and 0 for padding, of the same shape.
            token_type_ids: only the tokenizers of encoders with token types give them.
            labels: the correct outputs.
        """
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        with torch.no_grad() if self.is_frozen else nullcontext():
            hidden: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        logits = self.classifier(self.dropout(self.pooled(hidden, attention_mask)))
        if labels is None:
            return {"logits": logits}
        return {"loss": self.loss(logits, labels, attention_mask), "logits": logits}

    def pooled(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """The classifier's input from the hidden states (batch, length, width): all of them."""
        return hidden

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean loss of a batch."""
        raise NotImplementedError


class TokenHead(Head):
    """One linear layer on every token: logits (batch, length, labels), labels (batch, length).

    Positions labelled -100, padding among them, have no loss.
    """

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean cross-entropy over tokens; 0 where no token has a label, as in windows inside a very long word."""
        if (labels == IGNORED).all():
            return logits.float().sum() * 0.0
        return nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())


class SpanHead(Head):
    """Scores for the answer to start and to end at every token: logits (batch, length, 2), labels (batch, 2).

    Padding gets no probability, so a text has the same loss in every batch.
    """

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean of two cross-entropies over the positions of a text (Devlin et al., 2019)."""
        scores = logits.float().masked_fill(attention_mask.unsqueeze(-1) == 0, -torch.inf)
        return nn.functional.cross_entropy(scores, labels)


class SequenceHead(Head):
    """One linear layer on the mean of the tokens: logits (batch, labels), labels (batch,).

    The mean, not the first token, for every encoder: only BERT was pretrained to summarise a text in its first token, and the
    first token of Avey-B sees only its own split, since ranking looks to the left. The mean covers the whole text in every
    encoder, and Avey-B was published with it.
    """

    def pooled(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean of the tokens, (batch, width)."""
        return mean_pool(hidden, attention_mask)

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean cross-entropy over texts."""
        return nn.functional.cross_entropy(logits.float(), labels)


class QueryHead(nn.Module):
    """An output for each value at the queries alone, tied to the input embeddings, after a norm: as zoology's models have it.

    The gain of the norm starts so that the logits of random states have a variance of 1. Encoders draw their embeddings in different
    scales, and with a gain of 1 a small scale costs thousands of steps.

    The last tokens of the vocabulary are the values. Without labels, ``logits`` are the indices of the best values: all outputs at
    all queries of a test set take too much memory.

    Args:
        encoder: a bare `transformers` model.
        n_outputs: number of values.

    Raises:
        InputError: embeddings and states of the encoder differ in width.
    """

    def __init__(self, encoder: PreTrainedModel, n_outputs: int) -> None:
        super().__init__()
        refuse_untied(encoder)
        self.encoder, self.n_outputs = encoder, n_outputs
        self.norm = nn.LayerNorm(width_of(encoder))
        embeddings = encoder.get_input_embeddings().weight[-n_outputs:]
        nn.init.constant_(self.norm.weight, 1 / float(embeddings.detach().norm(dim=-1).square().mean().sqrt()))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, queries: Tensor, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """``logits`` (batch, queries): the index of the best value, as a float. With ``labels``: ``loss``, and ``logits`` (asked, values).

        Args:
            input_ids: ids (batch, length).
            attention_mask: 1 for tokens and 0 for padding, of the same shape.
            queries: positions (batch, queries), or -1 where a text has fewer.
            labels: indices of the values (batch, length), -100 except at queries.
        """
        hidden: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        asked, places = queries >= 0, queries.clamp(min=0)
        rows = torch.arange(len(queries), device=queries.device)[:, None].expand_as(queries)
        values = self.encoder.get_input_embeddings().weight[-self.n_outputs :]
        logits = nn.functional.linear(self.norm(hidden[rows[asked], places[asked]]), values).float()
        if labels is not None:
            return {"loss": nn.functional.cross_entropy(logits, labels.gather(1, places)[asked]), "logits": logits}
        best = torch.full(queries.shape, -1.0, device=queries.device)
        best[asked] = logits.argmax(-1).float()
        return {"logits": best}


class PairHead(SequenceHead):
    """One score of how relevant a document is to a query: logits (batch, 1), labels (batch,), 1 for relevant and 0 for not.

    The head of a cross-encoder (Nogueira and Cho, 2019), with the loss of sentence-transformers' ``BinaryCrossEntropyLoss``.
    """

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean binary cross-entropy over pairs."""
        return nn.functional.binary_cross_entropy_with_logits(logits.float().squeeze(1), labels.float())


class MultiLabelHead(SequenceHead):
    """A decision for every label, on the mean of the tokens: logits (batch, labels), labels (batch, labels) of 0 and 1."""

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean binary cross-entropy over texts and labels."""
        return nn.functional.binary_cross_entropy_with_logits(logits.float(), labels.float())


class RegressionHead(SequenceHead):
    """A score, on the mean of the tokens: logits (batch, 1), labels (batch,).

    The linear layer learns scores with mean 0 and standard deviation 1, so that the learning rate fits scores of any unit. What comes
    out has the unit of the training scores.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, encoder: nn.Module, n_outputs: int) -> None:
        super().__init__(encoder, n_outputs)
        self.register_buffer("centre", torch.tensor(0.0))
        self.register_buffer("scale", torch.tensor(1.0))

    def learn_unit(self, scores: Sequence[float]) -> None:
        """Take over mean and standard deviation of the training scores; if all are equal, the mean."""
        values = torch.tensor(scores, dtype=torch.float64)
        self.centre.fill_(values.mean())
        self.scale.fill_(values.std(correction=0) or 1.0)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """See `Head.forward`; the logits have the unit of the training scores, the loss has none."""
        output = super().forward(input_ids, attention_mask, token_type_ids, labels)
        return output | {"logits": output["logits"].float() * self.scale + self.centre}

    def loss(self, logits: Tensor, labels: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean squared error over texts, as a share of the variance of the training scores."""
        return nn.functional.mse_loss(logits.float().squeeze(-1), (labels - self.centre) / self.scale)


HEADS: Mapping[str, Callable[[nn.Module, int], nn.Module]] = {
    "token": TokenHead,
    "span": SpanHead,
    "sequence": SequenceHead,
    "query": QueryHead,
    "pair": PairHead,
    "multi_label": MultiLabelHead,
    "regression": RegressionHead,
}


def with_head(kind: str, encoder: nn.Module, n_outputs: int) -> nn.Module:
    """The encoder with the head of this kind, initialised from torch's global generator."""
    return HEADS[kind](encoder, n_outputs)


def width_of(encoder: PreTrainedModel) -> int:
    """The size of each hidden state, from the encoder's config."""
    width: int = encoder.config.hidden_size
    return width


def refuse_untied(encoder: PreTrainedModel) -> None:
    """Refuse an encoder whose outputs cannot be tied to its input embeddings.

    Raises:
        InputError: embeddings and states differ in width.
    """
    width, embeddings = width_of(encoder), encoder.get_input_embeddings().weight.shape[1]
    if embeddings != width:
        raise InputError(
            f"{type(encoder).__name__} has embeddings of width {embeddings} and states of width {width}; "
            "the tied decoder needs both to be equal"
        )


def _linear(encoder: PreTrainedModel, n_outputs: int) -> nn.Linear:
    """A linear layer from the encoder's width, initialised as BERT's heads are: normal(0, 0.02), bias 0."""
    layer = nn.Linear(width_of(encoder), n_outputs)
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
