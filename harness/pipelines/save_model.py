"""Write a trained model as a folder that transformers, or for retrieval sentence-transformers, loads without the harness's code.

Only encoders and heads that transformers lacks need ``import models`` first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.cells.vectors import Vectors
from harness.errors import InputError
from harness.nn.heads import width_of
from harness.nn.saved_heads import saved_model
from harness.pipelines.stages import Trained
from harness.store.record import OWN_SIZE, ModelEntry, RunRecord
from harness.store.saved_model import ENTRY, SavedModel, dev_of, replaced

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_CARD = "README.md"
_SIMILARITY = {True: "cosine", False: "dot"}


def entry_of(record: RunRecord, head: str) -> SavedModel:
    """What the model of a run is."""
    return {
        "key": record["key"],
        "head": head,
        "task": record["task"]["dataset"],
        "fingerprint": record["task"]["fingerprint"],
        "metric": record["task"]["metric"],
        "dev": dev_of(record),
        "model": record["model"],
        "recipe": record["recipe"],
        "seed": record["seed"],
        "tuned": record["tuned"],
        "command": record.get("command", ""),
    }


def save_model(trained: Trained, record: RunRecord, head: str, folder: Path) -> None:
    """Write a model in place of what is in its folder, in one step.

    Args:
        trained: the model.
        record: of its run, with its command.
        head: kind of the head.
        folder: see `harness.store.saved_model.check_folder`.

    Raises:
        InputError: the folder cannot be written.
    """
    _limit_tokenizer(trained)
    entry = entry_of(record, head)
    with replaced(folder) as new:
        needs_import = _write_vectors(trained, entry, new) if head == "embedding" else _write_head(trained, entry, new)
        (new / _CARD).write_text(card_of(record, head, needs_import), encoding="utf-8")


def _limit_tokenizer(trained: Trained) -> None:
    """Let pipelines cut texts where the encoder ends."""
    if trained.limit is not None:
        trained.tokenizer.model_max_length = min(trained.tokenizer.model_max_length, trained.limit)


def _write_head(trained: Trained, entry: SavedModel, folder: Path) -> bool:
    """Write encoder and head; returns whether loading them needs ``import models``."""
    model = saved_model(trained.model, entry["head"], trained.labels)
    assert model is not None, "this was checked before the training"
    setattr(model.config, ENTRY, dict(entry))
    model.save_pretrained(folder)
    trained.tokenizer.save_pretrained(folder)
    return not type(model).__module__.startswith("transformers.")


def refuse_unsaved(by: Vectors) -> None:
    """Refuse vectors that a folder of sentence-transformers cannot declare.

    Raises:
        InputError: a text has a vector for each token, or its vector is cut.
    """
    option = "scoring=maxsim" if by.each_token else "truncate_dim" if by.truncate_dim is not None else ""
    if option:
        raise InputError(f"a model with --task-option {option} cannot be kept; leave that or --save-model out")


def _write_vectors(trained: Trained, entry: SavedModel, folder: Path) -> bool:
    """Write a model of sentence-transformers; returns whether loading it needs ``import models``."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    encoder, by = cast("PreTrainedModel", trained.model), trained.vectors
    assert by is not None, "retrieval says how it makes vectors"
    had = getattr(encoder.config, ENTRY, None)
    setattr(encoder.config, ENTRY, dict(entry))
    encoder.save_pretrained(folder)
    if had is None:
        delattr(encoder.config, ENTRY)
    trained.tokenizer.save_pretrained(folder)
    words = Transformer(str(folder), max_seq_length=entry["recipe"]["max_length"], do_lower_case=by.lower)
    modules = [words, Pooling(width_of(encoder), pooling_mode=by.pooling)]
    model = SentenceTransformer(
        modules=[*modules, *([Normalize()] if by.unit else [])],
        prompts=dict(trained.prompts),
        similarity_fn_name=_SIMILARITY[by.unit],
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)
    return not type(encoder).__module__.startswith("transformers.")


def _title(model: ModelEntry) -> str:
    """The model in a heading of Markdown."""
    named = model["name"] if model["size"] == OWN_SIZE else f"{model['name']} {model['size']}"
    return re.sub(r"([\\`*_\[\]<>&#|~$])", r"\\\1", named)


_USES: Mapping[str, str] = {
    "token": 'from transformers import pipeline\n\npipeline("ner", model="THIS FOLDER", aggregation_strategy="simple")("A text.")',
    "sequence": 'from transformers import pipeline\n\npipeline("text-classification", model="THIS FOLDER")("A text.")',
    "span": "from transformers import AutoModelForQuestionAnswering\n\n"
    'AutoModelForQuestionAnswering.from_pretrained("THIS FOLDER")',
    "embedding": "from sentence_transformers import SentenceTransformer\n\n"
    'SentenceTransformer("THIS FOLDER").encode_query("A question?")',
}


def card_of(record: RunRecord, head: str, needs_import: bool) -> str:
    """The model card: scores, use and the command that repeats the run.

    Args:
        record: of the run.
        head: kind of the head.
        needs_import: the classes of the model are the harness's.
    """
    model, task, metric = record["model"], record["task"], record["task"]["metric"]
    scores = {split: found[metric] for split, found in record["scores"].items() if metric in found}
    rows = "\n".join(f"| {split} | {score:.4f} |" for split, score in scores.items())
    loading = "import models  # of encoder-harness: registers the classes\n" if needs_import else ""
    library = "sentence-transformers" if head == "embedding" else "transformers"
    return f"""---
library_name: {library}
tags: [encoder-harness]
---

# {_title(model)} fine-tuned on {task["dataset"]}

From the weights `{model["weights"]}`, seed {record["seed"]}. Texts were cut or windowed at {record["recipe"]["max_length"]} tokens.

| split | {metric} |
| --- | --- |
{rows}

The record of the run has the key `{record["key"]}`; the data have the fingerprint `{task["fingerprint"][:16]}`.

## Use

```python
{loading}{_USES[head]}
```

`python -m harness score --weights THIS_FOLDER --task {task["dataset"]}` scores it again.

## Command

```sh
{record.get("command", "")}
```
"""
