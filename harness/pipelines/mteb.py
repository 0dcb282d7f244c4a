"""Scores by mteb: an encoder of ours behind mteb's encoder protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from harness.cells.cell import Cell
from harness.cells.vectors import PLAIN, Vectors, vectors_of
from harness.errors import InputError, on_one_line
from harness.machine.device import device
from harness.nn.embedding import embed, lower_case
from harness.nn.training import Fit
from harness.pipelines.procedure import EVALUATED, Outcome, outcome_of
from harness.progress import Reporter
from harness.store.record import ExampleCounts
from models import loading
from models.encoder import Encoder, refuse_longer
from models.parameters import ParameterCounts, count_parameters
from tasks.mteb import Mteb, Scores, find
from tasks.task import Data, Split


class MtebEncoder:
    """An encoder as mteb asks for it (`mteb.models.EncoderProtocol`): batches of texts in, unit vectors out.

    Args:
        encoder: a bare `transformers` model.
        tokenizer: a fast one.
        max_length, precision: see `harness.nn.embedding.embed`.
        name: what mteb calls it, as OWNER/NAME.
        progress: called with the number of texts done and in all, anew for each set of texts.
        by: how texts become vectors.
    """

    def __init__(
        self,
        encoder: nn.Module,
        tokenizer: Any,
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

    def encode(self, inputs: Iterable[dict[str, Any]], prompt_type: str | None = None, **others: Any) -> Any:
        """Vectors of shape (texts, width), in the order of the texts; ``prompt_type`` is mteb's ``query`` or ``document``."""
        prompts = {"query": self.by.query_prompt, "document": self.by.document_prompt}
        prompt = prompts.get(prompt_type or "", self.by.other_prompt)
        texts = [prompt + text for batch in inputs for text in batch["text"]]
        vectors, _ = embed(
            self.encoder, self.tokenizer, texts, self.max_length, self.precision, self.progress, by=self.by
        )  # fmt: skip
        return vectors

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines of all pairs, or inner products where the checkpoint declares them."""
        from mteb.similarity_functions import cos_sim, dot_score

        return (cos_sim if self.by.unit else dot_score)(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The same of pairs in order."""
        from mteb.similarity_functions import pairwise_cos_sim, pairwise_dot_score

        return (pairwise_cos_sim if self.by.unit else pairwise_dot_score)(embeddings1, embeddings2)


class MtebEvaluation:
    """See `harness.pipelines.procedure.Procedure`: mteb reads the data, asks for embeddings and scores them.

    Args:
        cell: what to run; everything in it is resolved.
        encoder: the cell's encoder.
        weights: the cell's weights.
        task: the family.
    """

    def __init__(self, cell: Cell, encoder: Encoder, weights: loading.Weights, task: Mteb) -> None:
        self.cell, self.encoder, self.weights, self.family = cell, encoder, weights, task

    def load(self) -> Data:
        """Have mteb read the data, and load the weights."""
        cell = self.cell
        name = cell.task.partition("/")[2]
        self.by = vectors_of(self.weights, self.family.head, {})
        data = self.family.load(name, cell.data_dir, cell.skip_bad)
        self.data = replace(data, notes=(*data.notes, *self.by.notes(cell.recipe.max_length)))
        self.task = find(name)
        try:
            self.task.load_data()
        except Exception as error:
            raise InputError(
                f"mteb could not read {self.data.origin} from the hub ({on_one_line(error)}); run once on a machine with network and copy "
                "its HF_HOME cache here"
            ) from error
        self.model, self.tokenizer = loading.load(self.encoder, cell.size, self.weights)
        refuse_longer(cell.model, cell.recipe.max_length, loading.max_length(self.model, self.encoder, cell.size))
        self.model.to(device())
        if self.by.lower:
            lower_case(self.tokenizer)
        return self.data

    def encode(self) -> None:
        """Text becomes tokens when mteb asks for embeddings."""

    def fit(self, report: Reporter, checkpoints: Path | None, curves: Path | None) -> Fit:
        """Nothing is trained."""
        return Fit(0, [])

    def predict(self, report: Reporter) -> None:
        """Let mteb evaluate the encoder."""
        recipe = self.cell.recipe
        encoder = MtebEncoder(
            self.model,
            self.tokenizer,
            recipe.max_length,
            recipe.precision,
            f"harness/{self.cell.model}",
            report("embed"),
            by=self.by,
        )
        self.scores = evaluated(encoder, self.task, [one for split in EVALUATED for one in self.data.splits[split]])

    def score(self) -> Outcome:
        """What mteb found, by split."""
        of_split: dict[Split, list[Scores]] = {
            split: [self.scores[one] for one in self.data.splits[split]] for split in EVALUATED
        }
        return outcome_of(self.family, self.data, of_split)

    def counts(self) -> ExampleCounts:
        """See `harness.pipelines.procedure.Procedure`; dev and test count subsets here."""
        return {"n_train": 0, "n_windowed": 0, "n_truncated": 0}

    def parameters(self) -> ParameterCounts:
        """Those of the encoder."""
        return count_parameters(self.model)


def evaluated(encoder: MtebEncoder, task: Any, subsets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Scores]:
    """Every number that mteb gives for some splits and subsets of a task.

    Args:
        encoder: what to score.
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
