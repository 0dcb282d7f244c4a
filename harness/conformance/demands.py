"""The demands on every encoder, without which its scores mean nothing; one function per demand.

Each function takes a `Subject` and returns a measurement with a description of it. `CHECKS` lists them in order, with their
limits; `harness.conformance.check` runs them.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from harness.errors import InputError, first_line
from harness.nn.heads import TokenHead
from models.attention import kernels
from models.encoder import refuse_longer
from models.pooling import mean_pool
from tasks.ner import NER
from tasks.sources.sentence import Sentence
from tasks.task import IGNORED
from tasks.words import NEIGHBOUR, PROBE, words_of_vocabulary

TOLERANCE = 1e-5
"""Largest float32 deviation, as a fraction of the largest absolute value of the reference."""

AUTOCAST_TOLERANCE = 0.05
"""Largest relative deviation (Frobenius norm) under bfloat16 autocast, whose 8 bits lose 0.004 per operation."""

UNBOUNDED_LENGTH = 4096
"""Tokens that an encoder without a maximum length must take."""

WORDS_OF_VOCABULARY = 1000
"""Tokens of the vocabulary that are read as words, besides the probes for every tokenizer."""

Door = Callable[[str, int, int | None], None]
Finding = tuple[float, str]
"""A measurement and its description."""


@dataclass(frozen=True)
class Subject:
    """An encoder under test.

    Attributes:
        model: a bare `transformers` model in float32: ``input_ids`` and ``attention_mask`` of shape (batch, length) in,
            ``last_hidden_state`` of shape (batch, length, width) out.
        vocab_size: ids run from 0 to ``vocab_size`` - 1.
        pad_token_id: the id of padding.
        special_token_ids: ids that are not words; texts are drawn from all others.
        max_length: longest input in tokens, including special tokens; ``None`` if there is no limit.
        model_options: the arguments that ``from_pretrained`` of its class needs besides the folder.
        door: refuses longer inputs before the model gets them, see `models.encoder.refuse_longer`.
        tokenizer: the encoder's own; without it the check of how it reads words is left out.
        seed: of the texts.
    """

    model: PreTrainedModel
    vocab_size: int
    pad_token_id: int
    special_token_ids: Collection[int] = ()
    max_length: int | None = None
    model_options: Mapping[str, object] = field(default_factory=dict)
    door: Door = refuse_longer
    tokenizer: PreTrainedTokenizerBase | None = None
    seed: int = 0

    @cached_property
    def words(self) -> Tensor:
        """The ids that texts are drawn from, shape (words,)."""
        words = sorted(set(range(self.vocab_size)) - {self.pad_token_id, *self.special_token_ids})
        return torch.tensor(words, device=self.model.device)

    @cached_property
    def texts(self) -> tuple[Tensor, ...]:
        """Token ids of random texts, each of shape (length,), of different lengths."""
        generator = torch.Generator().manual_seed(self.seed)
        # 300 tokens are more than one window of local attention and more than one split of Avey-B.
        lengths = sorted({min(length, self.max_length or length) for length in (7, 40, 300)})
        drawn = (torch.randint(len(self.words), (length,), generator=generator) for length in lengths)
        return tuple(self.words[places.to(self.words.device)] for places in drawn)

    @cached_property
    def alone(self) -> list[Tensor]:
        """Hidden states (length, width) of every text by itself."""
        return [self.hidden(text[None], torch.ones_like(text)[None])[0] for text in self.texts]

    def hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Hidden states (batch, length, width) without gradient."""
        with torch.no_grad():
            states: Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    def batch(self, texts: Sequence[Tensor] = (), length: int = 0, filler: int | None = None) -> tuple[Tensor, Tensor]:
        """Texts (all, if not given) padded on the right with padding or ``filler``, and the mask; (batch, length)."""
        texts = texts or self.texts
        longest = max(length, *map(len, texts))
        ids = torch.full(
            (len(texts), longest), self.pad_token_id if filler is None else filler, device=self.words.device
        )
        mask = torch.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text)], mask[row, : len(text)] = text, 1
        return ids, mask


def padding_invariance(subject: Subject) -> Finding:
    """The same text with more padding gives its tokens the same states."""
    worst, word = 0.0, int(subject.words[0])
    for text, alone in zip(subject.texts, subject.alone, strict=True):
        # Some models find padding by its id: a masked word must be treated as padding too.
        for extra, filler in ((1, None), (11, word), (64, None)):
            length = min(len(text) + extra, subject.max_length or len(text) + extra)
            states = subject.hidden(*subject.batch([text], length, filler))[0, : len(text)]
            worst = max(worst, deviation(states, alone))
    return worst, "texts alone against padded by 1, 11 and 64 tokens"


def batch_invariance(subject: Subject) -> Finding:
    """A text gives the same states alone and among others, in any order."""
    worst = 0.0
    for order in (slice(None), slice(None, None, -1)):
        together = subject.hidden(*subject.batch(subject.texts[order]))
        for row, alone in zip(together, subject.alone[order], strict=True):
            worst = max(worst, deviation(row[: len(alone)], alone))
    return worst, f"texts of {', '.join(str(len(text)) for text in subject.texts)} tokens alone against in one batch"


def determinism(subject: Subject) -> Finding:
    """Two evaluations of one batch are equal bit for bit."""
    first, second = subject.hidden(*subject.batch()), subject.hidden(*subject.batch())
    return float((first != second).sum()), "values that differ between two evaluations"


def pooling_ignores_padding(subject: Subject) -> Finding:
    """The mean over a text's tokens in a batch is that of the text alone."""
    ids, mask = subject.batch()
    pooled = mean_pool(subject.hidden(ids, mask), mask)
    return deviation(pooled, torch.stack([states.mean(0) for states in subject.alone])), "mean-pooled texts"


def loss_ignores_padding(subject: Subject) -> Finding:
    """The loss of a token head over a batch is that over the tokens of each text alone."""
    head = TokenHead(subject.model, n_outputs=3).to(subject.words.device).eval()
    ids, mask = subject.batch()
    labels = torch.where(mask.bool(), ids % 3, -100)
    with torch.no_grad():
        together = head(ids, mask, labels=labels)["loss"]
        logits = torch.cat([head.classifier(states) for states in subject.alone])
    alone = nn.functional.cross_entropy(logits, torch.cat(subject.texts) % 3)
    return deviation(together, alone), "token-classification loss of a batch against its texts alone"


def gradients_reach_every_parameter(subject: Subject) -> Finding:
    """A training step moves every tensor."""
    subject.model.train()
    ids, mask = subject.batch()
    states = subject.model(input_ids=ids, attention_mask=mask).last_hidden_state
    # A random direction, because a final norm makes the gradient of any symmetric function of the states vanish.
    (states * torch.randn_like(states) * mask.unsqueeze(-1)).sum().backward()
    dead = [
        name
        for name, parameter in subject.model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    return len(dead), f"without gradient: {_listed(dead)}" if dead else "parameters without gradient"


def saved_and_loaded(subject: Subject) -> Finding:
    """`save_pretrained` and `from_pretrained` give the same tensors and the same states, through safetensors."""
    before = subject.model.state_dict()
    with tempfile.TemporaryDirectory() as folder, _quiet():
        subject.model.save_pretrained(folder)
        if not list(Path(folder).glob("*.safetensors")):
            return 1, "save_pretrained wrote no *.safetensors"
        again, report = type(subject.model).from_pretrained(
            folder, output_loading_info=True, **subject.model_options, **_same_kernel(subject.model)
        )
    again = again.to(subject.words.device).eval()
    after = again.state_dict()
    lost = [
        name
        for name, tensor in before.items()
        if name in report["missing_keys"] or name not in after or not torch.equal(tensor, after[name])
    ]
    if lost:
        return len(lost), f"tensors that changed: {_listed(lost)}"
    states = replace(subject, model=again).hidden(*subject.batch())
    return deviation(states, subject.hidden(*subject.batch())), "states of the reloaded model, all tensors being equal"


def _same_kernel(model: PreTrainedModel) -> dict[str, object]:
    """The option that loads a model with the attention kernel of another: kernels may differ in rounding, and at padding."""
    if not kernels.has_attention(type(model)):
        return {}
    return {"attn_implementation": model.config._attn_implementation}


def max_length_honest(subject: Subject) -> Finding:
    """The encoder works at its longest input; the model or the harness's door refuses longer ones with a sentence."""
    longest = subject.max_length or UNBOUNDED_LENGTH
    text = subject.words[torch.arange(longest, device=subject.words.device) % len(subject.words)]
    if not subject.hidden(text[None], torch.ones_like(text)[None]).isfinite().all():
        return 1, f"at {longest} tokens the states are not finite"
    if subject.max_length is None:
        return 0, f"works at {longest} tokens, no limit declared"
    try:
        longer = torch.cat([text, text[:1]])
        subject.hidden(longer[None], torch.ones_like(longer)[None])
        beyond = "would go on"
    except (ValueError, InputError) as error:
        return 0, f"works at {longest} tokens; the model refuses {longest + 1}: {first_line(error)}"
    except Exception as error:  # a user does not understand an index error deep in a model
        beyond = f"would raise {type(error).__name__}"
    try:
        subject.door("the encoder", longest + 1, longest)
    except InputError:
        return 0, f"works at {longest} tokens; at {longest + 1} the model {beyond}, the harness refuses first"
    return 1, f"at {longest + 1} tokens the model {beyond} and nothing refuses"


def autocast_is_close(subject: Subject) -> Finding:
    """Under bfloat16 autocast the states are nearly those in float32."""
    ids, mask = subject.batch()
    exact = subject.hidden(ids, mask)[mask.bool()]
    with torch.autocast(subject.words.device.type, dtype=torch.bfloat16):
        close = subject.hidden(ids, mask)[mask.bool()].float()
    return float((close - exact).norm() / exact.norm()), "bfloat16 autocast against float32, Frobenius norm"


def evaluation_changes_nothing(subject: Subject) -> Finding:
    """An evaluation leaves parameters and buffers as they are."""
    before = _digests(subject.model)
    subject.hidden(*subject.batch())
    after = _digests(subject.model)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    return len(changed), f"changed: {_listed(changed)}" if changed else "tensors that an evaluation changes"


def no_global_seed(subject: Subject) -> Finding:
    """An evaluation leaves the generators of torch, NumPy and Python where they are."""
    # Advanced first: otherwise a model that sets exactly the current seed would go unnoticed.
    torch.rand(1), np.random.rand(), random.random()
    before = _random_states()
    subject.hidden(*subject.batch())
    after = _random_states()
    touched = [name for name in before if before[name] != after[name]]
    return len(touched), f"touched: {_listed(touched)}" if touched else "global generators touched"


def words_as_in_text(subject: Subject) -> Finding:
    """NER gives a word of a pre-split sentence the tokens that it has in running text."""
    tokenizer = subject.tokenizer
    assert tokenizer is not None, "the check is left out of those of an encoder without a tokenizer"
    words = [*PROBE, *words_of_vocabulary(tokenizer, WORDS_OF_VOCABULARY)]
    sentences = [Sentence((NEIGHBOUR, word, NEIGHBOUR), ("O",) * 3, word) for word in words]
    features = NER.encode(sentences, ("O",), tokenizer, max_length=512).features
    different = []
    for sentence, feature in zip(sentences, features, strict=True):
        first_tokens = [place for place, label in enumerate(feature["labels"]) if label != IGNORED]
        # From the second word on: no space precedes the first word of a text.
        read = feature["input_ids"][first_tokens[1] :]
        if read != tokenizer(" ".join(sentence.tokens))["input_ids"][-len(read) :]:
            different.append(sentence.id)
    if different:
        return len(different), f"words with different tokens than in running text: {_listed(different)}"
    return 0, f"of {len(words)} words, those with different tokens than in running text"


WORDS_AS_IN_TEXT = "words as in running text"
CHECKS: dict[str, tuple[float, Callable[[Subject], Finding]]] = {
    "padding invariance": (TOLERANCE, padding_invariance),
    "batch invariance": (TOLERANCE, batch_invariance),
    "determinism": (0, determinism),
    "mask respected by pooling": (TOLERANCE, pooling_ignores_padding),
    "mask respected by loss": (TOLERANCE, loss_ignores_padding),
    "gradients reach every parameter": (0, gradients_reach_every_parameter),
    "save and load": (0, saved_and_loaded),
    "max length honest": (0, max_length_honest),
    "bf16 autocast close to float32": (AUTOCAST_TOLERANCE, autocast_is_close),
    "evaluation changes no weights": (0, evaluation_changes_nothing),
    "no global seed touched": (0, no_global_seed),
    WORDS_AS_IN_TEXT: (0, words_as_in_text),
}


def deviation(values: Tensor, reference: Tensor) -> float:
    """Largest absolute difference over the largest absolute value of the reference; infinite where not finite."""
    if not (values.isfinite().all() and reference.isfinite().all()):
        return float("inf")
    return float((values - reference).abs().max() / reference.abs().max().clamp(min=torch.finfo(reference.dtype).tiny))


def _digests(model: nn.Module) -> dict[str, str]:
    """sha256 of every parameter and buffer by name."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {
        name: hashlib.sha256(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()
        for name, tensor in tensors
    }


def _random_states() -> dict[str, bytes]:
    states = {"torch": torch.get_rng_state().numpy().tobytes(), "Python": repr(random.getstate()).encode()}
    states["NumPy"] = repr([np.asarray(part).tobytes() for part in np.random.get_state()]).encode()
    if torch.cuda.is_available():
        states["CUDA"] = torch.cuda.get_rng_state().numpy().tobytes()
    return states


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and reports of saving and loading."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
