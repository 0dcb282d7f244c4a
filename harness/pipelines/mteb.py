"""MTEB: the package mteb reads the data and scores our encoder through its encoder protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.cells.cell import Cell
from harness.cells.vectors import PLAIN, Vectors, vectors_of
from harness.errors import InputError, on_one_line
from harness.machine import distributed
from harness.nn.embedding import embed, lower_case
from harness.pipelines.stages import EVALUATED, Parts, Result, Stages, load_encoder, rows_of, scores_of
from harness.store.record import ExampleCounts
from models.encoder import Encoder
from models.parameters import count_parameters
from tasks.data import Split
from tasks.mteb import Mteb, Scores, find

if TYPE_CHECKING:
    from mteb import AbsTask
    from transformers import PreTrainedTokenizerBase


class MtebEncoder:
    """An encoder with the interface that mteb expects (`mteb.models.EncoderProtocol`): batches of texts in, vectors out.

    Args:
        encoder: a bare `transformers` model.
        tokenizer: a fast one.
        max_length, precision: see `harness.nn.embedding.embed`.
        name: for mteb, as OWNER/NAME.
        progress: called with the number of texts done and in all, starting again for each set of texts.
        by: how texts become vectors.
    """

    def __init__(
        self,
        encoder: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        precision: str,
        name: str = "harness/encoder",
        progress: Callable[[int, int], None] = lambda done, total: None,
        *,
        by: Vectors = PLAIN,
    ) -> None:
        from mteb.models.model_meta import ModelMeta

        self.encoder, self.tokenizer, self.max_length, self.precision = encoder, tokenizer, max_length, precision
        self.progress, self.by = progress, by
        self.mteb_model_meta = ModelMeta.create_empty({"name": name, "revision": "here"})

    def encode(
        self, inputs: Iterable[Mapping[str, Sequence[str]]], prompt_type: str | None = None, **others: object
    ) -> NDArray[np.float32]:
        """Vectors of shape (texts, width), in the order of the texts; ``prompt_type`` is mteb's ``query`` or ``document``."""
        prompts = {"query": self.by.query_prompt, "document": self.by.document_prompt}
        prompt = prompts.get(prompt_type or "", self.by.other_prompt)
        texts = [prompt + text for batch in inputs for text in batch["text"]]
        vectors, _ = embed(
            self.encoder, self.tokenizer, texts, self.max_length, self.precision, self.progress, by=self.by
        )
        return vectors

    def similarity(self, embeddings1: NDArray[np.float32], embeddings2: NDArray[np.float32]) -> Tensor:
        """Cosines of all pairs, or inner products where the checkpoint declares them."""
        from mteb.similarity_functions import cos_sim, dot_score

        return (cos_sim if self.by.unit else dot_score)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: NDArray[np.float32], embeddings2: NDArray[np.float32]) -> Tensor:
        """The same, pair by pair."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        return (pairwise_cos_sim if self.by.unit else pairwise_dot_score)(embeddings1, embeddings2)


def mteb(cell: Cell, parts: Parts[Encoder, Mteb], stage: Stages) -> Result | None:
    """Let mteb read the data, ask for vectors and score them; nothing is trained.

    Returns:
        The result, in which dev and test count subsets; ``None`` in a second process, since this run uses one (see
        `harness.machine.distributed`).

    Raises:
        InputError: mteb cannot read the data, the weights are wrong, or the recipe asks for longer inputs than the encoder takes.
    """
    family, recipe = parts.task, cell.recipe
    with stage("load"):
        by = vectors_of(parts.weights, family.head, {})
        data = family.load(cell.dataset, cell.data_dir, cell.skip_bad)
        data = replace(data, notes=(*data.notes, *by.notes(recipe.max_length)))
        task = _loaded_task(cell.dataset, data.origin)
        model, tokenizer, _ = load_encoder(cell, parts)
        if by.lower:
            lower_case(tokenizer)
    if not distributed.is_first():
        return None
    with stage("predict"):
        name = f"harness/{cell.model}"
        encoder = MtebEncoder(model, tokenizer, recipe.max_length, recipe.precision, name, stage.report("embed"), by=by)
        found = evaluated(encoder, task, [subset for split in EVALUATED for subset in data.splits[split]])
    with stage("score"):
        of_split: dict[Split, list[Scores]] = {
            split: [found[subset] for subset in data.splits[split]] for split in EVALUATED
        }
        scores, rows = scores_of(family, data, of_split), rows_of(family, data, of_split)
    counts: ExampleCounts = {"n_train": 0, "n_windowed": 0, "n_truncated": 0}
    return Result(data, scores, rows, counts, count_parameters(model))


def _loaded_task(name: str, origin: str) -> AbsTask:
    """The task of MTEB, with its data read from the hub or the local cache."""
    task = find(name)
    try:
        task.load_data()
    except Exception as error:
        raise InputError(
            f"mteb could not read {origin} from the hub ({on_one_line(error)}); run once on a machine with network and copy "
            "its HF_HOME cache here"
        ) from error
    return task


def evaluated(encoder: MtebEncoder, task: AbsTask, subsets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Scores]:
    """Every number that mteb reports for some splits and subsets of a task.

    Args:
        encoder: to score.
        task: an `mteb.AbsTask`.
        subsets: pairs of split and subset.
    """
    import mteb

    task.filter_eval_splits(list(dict.fromkeys(split for split, _ in subsets)))
    result = mteb.evaluate(encoder, task, cache=None, co2_tracker=False, show_progress_bar=False)
    found = {
        (split, entry["hf_subset"]): {
            name: float(value)
            for name, value in entry.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for split, entries in result.task_results[0].scores.items()
        for entry in entries
    }
    return {one: found[one] for one in subsets}
