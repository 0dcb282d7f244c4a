"""The model card of a pretrained checkpoint: corpus, tokens, curve, licence, command."""

from __future__ import annotations

from pathlib import Path

from harness.store.record import PretrainingRecord

LICENCE_NOTE = (
    "The code that trained these weights is Apache-2.0. The texts keep the licences named above; whoever publishes the weights "
    "names their sources."
)
_NEEDS_IMPORT = {"avey-b": "models.avey_b", "neobert": "models.neobert"}
_CURVE_ROWS = 12
_METADATA = """---
license: other
language: en
library_name: transformers
pipeline_tag: fill-mask
tags: [encoder-harness, masked-lm]
---"""


def write_card(folder: Path, record: PretrainingRecord) -> None:
    """Write ``README.md`` and ``curve.png`` into a folder.

    Raises:
        OSError: the folder cannot be written.
    """
    from harness.pretraining.figure import draw_curve

    draw_curve(record, folder / "curve.png")
    (folder / "README.md").write_text(card_of(record), encoding="utf-8")


def card_of(record: PretrainingRecord) -> str:
    """The card as Markdown with the metadata that the hub reads."""
    parts = (_METADATA, _heading(record), _use(record), _corpus(record), _result(record), _command(record))
    return "\n\n".join(parts) + "\n"


def _heading(record: PretrainingRecord) -> str:
    model, tokens = record["model"], record["recipe"]["tokens"]
    options = "".join(f", {name}={value}" for name, value in model["options"].items())
    return f"""# {model["name"]} {model["size"]}{options}, {tokens:,} tokens

A text encoder of {model["params_total"]:,} parameters ({model["params_non_embedding"]:,} without embeddings), pretrained from
random weights by masked language modelling, seed {record["seed"]}. A research artefact for comparing encoders at equal
budgets; it is not meant for use in products."""


def _use(record: PretrainingRecord) -> str:
    name = record["model"]["name"]
    needed = _NEEDS_IMPORT.get(name)
    loading = f"import {needed}  # registers the classes\n" if needed else ""
    return f"""## Use

```python
{loading}from transformers import pipeline

pipeline("fill-mask", model="THIS FOLDER")("The function returns a new [MASK].")
```

`python -m harness run --model {name} --weights THIS_FOLDER --task TASK` fine-tunes it."""


def _corpus(record: PretrainingRecord) -> str:
    task = record["task"]
    corpora = "\n".join(
        f"| `{one['name']}` | {one['tokens']:,} | `{one['identity'][:16]}` | {one['licence']} |"
        for one in task["corpora"]
    )
    return f"""## Corpus

| corpus | tokens | identity | licence |
| --- | --- | --- | --- |
{corpora}

Tokenizer `{task["tokenizer"]["name"]}` of {task["tokenizer"]["vocabulary"]:,} tokens; {task["bytes_per_token"]:.2f} bytes a
token; sha256 of the tokens `{task["fingerprint"][:16]}`. Read {record["recipe"]["passes_read"]:.2f} times.

{LICENCE_NOTE}"""


def _result(record: PretrainingRecord) -> str:
    rows, heldout, baselines = record["recipe"]["rows"], record["scores"]["heldout"], record["baselines"]
    plateau = (
        "\n\n**Still on the plateau**: no better than counting neighbouring words (bigram)."
        if record["on_plateau"]
        else ""
    )
    return f"""## Result

Held-out text, 15 % of the tokens masked, rows of {min(rows)}: {heldout["loss"]:.3f} nats a token,
**{heldout["bits_per_byte"]:.3f} bits a byte**, {heldout["accuracy"]:.1%} of the masked tokens right. Counting on the same
masks: unigram {baselines["unigram"]["loss"]:.3f}, bigram {baselines["bigram"]["loss"]:.3f} nats.{plateau}

![held-out loss against tokens](curve.png)

{_curve_table(record)}

Positions beyond {rows[1]} tokens were never trained; learned position tables (BERT, RoBERTa) are there as they started."""


def _command(record: PretrainingRecord) -> str:
    return f"""## Command

```sh
{record["command"]}
```

Everything else is in `pretraining.json`."""


def _curve_table(record: PretrainingRecord) -> str:
    curve = record["curve"]
    step = max(1, len(curve) // _CURVE_ROWS)
    chosen = [point for number, point in enumerate(curve) if number % step == 0 or number == len(curve) - 1]
    rows = "\n".join(
        f"| {point['tokens']:,} | {point['loss']:.3f} | {point['bits_per_byte']:.3f} | {point['accuracy']:.3f} |"
        for point in chosen
    )
    return f"| tokens | nats a token | bits a byte | accuracy |\n| --- | --- | --- | --- |\n{rows}"
