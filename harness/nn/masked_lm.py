"""Encoders with a masked-LM head: the one that `harness pretrain` trains, and any checkpoint that was published with one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.errors import InputError, on_one_line
from harness.nn.heads import refuse_untied, width_of
from models import loading
from models.encoder import Encoder
from models.outputs import TiedDecoder
from models.weights import Weights
from tasks.task import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HEAD_FILE = "masked_lm_head.safetensors"
"""Beside the bare encoder of a checkpoint for which `transformers` has no masked-LM class: the head of `MaskedLM`."""
NORM_EPS = 1e-5
MASKED_TOKENS_PER_BATCH = 4096
"""Tokens of the batches that a `Scorer` reads."""


class MaskedLM(TiedDecoder):
    """An encoder and a head at the masked positions alone: dense, GELU, norm, decoder tied to the token embedding.

    The head is BERT's (Devlin et al. 2019) without the biases of dense layer and norm, as ModernBERT's is, so that it
    fits into the masked-LM classes of `transformers`; the decoder has a bias.

    Args:
        encoder: a bare `transformers` model.

    Raises:
        InputError: embeddings and states of the encoder differ in width.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        refuse_untied(encoder)
        width, embeddings = width_of(encoder), encoder.get_input_embeddings()
        self.encoder = encoder
        self.add_decoder(width, len(embeddings.weight), norm_eps(encoder.config))
        nn.init.normal_(self.dense.weight, std=0.02)
        required = inspect.signature(encoder.forward).parameters.get("attention_mask")
        self.needs_mask = required is not None and required.default is inspect.Parameter.empty

    def forward(self, input_ids: Tensor, positions: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Predict masked tokens.

        Args:
            input_ids: (rows, length), all of them tokens: rows are full.
            positions: (rows, count) of each row.
            labels: (rows, count) ids, or -100 where nothing is predicted.

        Returns:
            ``logits`` (rows * count, vocabulary) in float32; with labels also ``loss``: the sum of their
            cross-entropies, in nats, over the number of positions.
        """
        mask = {"attention_mask": torch.ones_like(input_ids)} if self.needs_mask else {}
        hidden = self.encoder(input_ids=input_ids, **mask).last_hidden_state
        chosen = hidden.flatten(0, 1).index_select(0, in_batch(positions, hidden.shape[1]))
        logits = self.decode(chosen, self.encoder.get_input_embeddings().weight).float()
        if labels is None:
            return {"logits": logits}
        losses = nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
        return {"loss": losses / labels.numel(), "logits": logits}


def norm_eps(config: Any) -> float:
    """The eps of the head's norm: the encoder's own, since the masked-LM classes of `transformers` take that."""
    return float(getattr(config, "layer_norm_eps", getattr(config, "norm_eps", NORM_EPS)))


def in_batch(positions: Tensor, length: int) -> Tensor:
    """Positions (rows, count) within rows of this length, as positions (rows * count,) in the flattened batch."""
    start = torch.arange(len(positions), device=positions.device)[:, None] * length
    return (positions + start).flatten()


class Scorer(nn.Module):
    """A model with a masked-LM head that decodes chosen positions alone, since a vocabulary is wider than an encoder.

    Args:
        model: what is computed, for its weights and device.
        logits: from input ids (rows, length), attention mask and places in the flattened batch (n,) to logits (n, vocabulary).
    """

    def __init__(self, model: nn.Module, logits: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self._logits = model, logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """Log-probabilities (n, vocabulary), in float32, at these places (n,) of the flattened batch (rows, length)."""
        return self._logits(input_ids, attention_mask, places).float().log_softmax(-1)


def scorer_of(model: PreTrainedModel) -> Scorer:
    """A masked-LM model of `transformers`, or of the same form, as a `Scorer`."""
    trunk: Any = model.base_model
    if trunk is model:  # a subclass of its trunk
        return Scorer(model, _logits_of_subclass(model))

    def logits(input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        # The head computes position by position, so it may be given the states of the chosen ones as one row.
        def choose(_: nn.Module, __: object, output: Any) -> Any:
            output.last_hidden_state = output.last_hidden_state.flatten(0, 1).index_select(0, places)[None]
            return output

        hook = trunk.register_forward_hook(choose)
        try:
            found: Tensor = model(input_ids=input_ids, attention_mask=attention_mask).logits
        finally:
            hook.remove()
        return found[0]

    return Scorer(model, logits)


def _logits_of_subclass(model: Any) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Logits of a masked-LM class that is a subclass of its trunk: Avey-B's, which says how it decodes states, or another."""
    trunk: Any = type(model).__mro__[1]

    def logits(input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        if hasattr(model, "decode"):
            hidden = trunk.forward(model, input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            found: Tensor = model.decode(hidden.flatten(0, 1).index_select(0, places))
        else:
            found = model(input_ids=input_ids, attention_mask=attention_mask).logits.flatten(0, 1)[places]
        return found

    return logits


def scorer_of_own(model: MaskedLM) -> Scorer:
    """An encoder with the harness's own head as a `Scorer`."""

    def logits(input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        hidden = model.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        chosen = hidden.flatten(0, 1).index_select(0, places)
        return model.decode(chosen, model.encoder.get_input_embeddings().weight)

    return Scorer(model, logits)


def load_scorer(
    encoder: Encoder, size: str, weights: Weights
) -> tuple[Scorer, PreTrainedModel, PreTrainedTokenizerBase]:
    """A checkpoint with its masked-LM head, the bare encoder in it, and its tokenizer.

    Raises:
        InputError: the checkpoint cannot be loaded, has no masked-LM head, or its tokenizer has no mask token.
    """
    bare, tokenizer = loading.load(encoder, size, weights)
    if tokenizer.mask_token_id is None:
        raise InputError(f"the tokenizer of {weights.location} has no mask token, so no token can be predicted with it")
    own_head = Path(weights.location) / HEAD_FILE
    if weights.kind == "folder" and own_head.is_file():
        model = MaskedLM(bare)
        model.load_state_dict(load_file(own_head), strict=False)
        return scorer_of_own(model).eval(), bare, tokenizer
    return scorer_of(_with_published_head(bare, weights)).eval(), bare, tokenizer


def _with_published_head(bare: PreTrainedModel, weights: Weights) -> PreTrainedModel:
    """The masked-LM model of a checkpoint whose bare encoder loads.

    Raises:
        InputError: there is no masked-LM class for it, or the checkpoint lacks the tensors of the head.
    """
    from transformers import AutoModelForMaskedLM

    if type(bare.config) not in AutoModelForMaskedLM._model_mapping:
        raise no_head(weights.location, f"transformers has no masked-LM class for {bare.config.model_type}")
    try:
        model, found = AutoModelForMaskedLM.from_pretrained(
            weights.location,
            revision=weights.revision or "main",
            config=bare.config,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:
        raise no_head(weights.location, on_one_line(error)) from error
    if missing := sorted(found["missing_keys"]):
        raise no_head(weights.location, f"{missing[0]} is missing")
    _refuse_headless(bare, model, weights)
    return model


def _refuse_headless(bare: PreTrainedModel, model: PreTrainedModel, weights: Weights) -> None:
    """Refuse a bare encoder whose masked-LM class adds no weights, such as Avey-B's, so that none is missing."""
    saved_as = bare.config.architectures or []
    adds_none = len(list(model.parameters())) == len(list(bare.parameters()))
    if adds_none and saved_as and not any("MaskedLM" in name for name in saved_as):
        raise no_head(weights.location, f"its config.json names {saved_as[0]}")


def no_head(location: str, reason: str) -> InputError:
    """The error for weights without a masked-LM head."""
    return InputError(
        f"{location} has no masked-LM head ({reason}); use a checkpoint of `harness pretrain`, or one that was published with "
        "its masked-LM head"
    )
