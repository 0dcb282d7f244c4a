"""Makes the weights that come with the package out of checkpoints of `harness pretrain`, and measures what their small numbers cost.

    python -m benchmarks.shipped_weights pretrained/avey-b pretrained/bert ... --corpus "PATH=NAME=LICENCES"

Matrices become float16. The table of token embeddings, two fifths of a tiny encoder, becomes float8 (e4m3). `from_pretrained` reads
both. Prints the size of each file, and the bits a byte of `lm/docstrings` before and after.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import harness
from harness.pretraining import export
from harness.pretraining.card import write_card
from harness.store.pretrained import PRETRAINING_FILE, read_pretraining
from harness.store.record import PretrainingRecord
from models import MODELS
from models.shipped import FOLDER
from models.weights import find_weights

MOST_BYTES = 9_000_000


def ship(source: Path, corpora: Mapping[str, tuple[str, str]]) -> Path:
    """Write the small form of a checkpoint.

    Args:
        source: a folder of `harness pretrain`.
        corpora: what to call a corpus in the card, and its licences and sources, by the name in the record.

    Returns:
        The folder.

    Raises:
        SystemExit: the folder is no result of pretraining, a number does not fit, or the file is too large.
    """
    record = read_pretraining(source)
    if record is None:
        raise SystemExit(f"{source} holds no result of harness pretrain")
    encoder = MODELS[record["model"]["name"]]
    model, tokenizer = export.load(encoder, source)
    target = FOLDER / encoder.name
    shutil.rmtree(target, ignore_errors=True)
    export.save(model, model.encoder.config, tokenizer, target)
    config = json.loads((target / "config.json").read_text(encoding="utf-8"))
    weights = load_file(target / "model.safetensors")
    small = {name: _small(name, weight, config["vocab_size"]) for name, weight in weights.items()}
    save_file(small, target / "model.safetensors", metadata={"format": "pt"})
    (target / "model.safetensors").chmod(0o644)
    if (size := (target / "model.safetensors").stat().st_size) > MOST_BYTES:
        raise SystemExit(f"{target} has {size:,} bytes, more than {MOST_BYTES:,}")
    (target / "config.json").write_text(json.dumps(config | {"dtype": "float16"}, indent=2) + "\n", encoding="utf-8")
    vocabulary = json.loads((target / "tokenizer.json").read_text(encoding="utf-8"))
    (target / "tokenizer.json").write_text(
        json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )
    told = _told(record, corpora)
    told["model"]["identity"] = find_weights(encoder, "tiny", str(target)).identity
    (target / PRETRAINING_FILE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    write_card(target, told)
    return target


def _small(name: str, weight: Tensor, vocabulary: int) -> Tensor:
    kind = torch.float8_e4m3fn if weight.ndim == 2 and len(weight) == vocabulary else torch.float16
    small = weight.to(kind)
    if not small.float().isfinite().all():
        raise SystemExit(f"{name} has values that {kind} cannot hold")
    return small.contiguous()


def _told(record: PretrainingRecord, corpora: Mapping[str, tuple[str, str]]) -> PretrainingRecord:
    """The record with public names in place of this machine's paths."""
    text = json.dumps(record)
    for path, (name, _) in corpora.items():
        text = text.replace(json.dumps(path)[1:-1], name)
    told: PretrainingRecord = json.loads(text)
    licences = dict(corpora.values())
    for corpus in told["task"]["corpora"]:
        corpus["licence"] = licences.get(corpus["name"], corpus["licence"])
    words = shlex.split(told["command"])
    words[words.index("--out") + 1] = f"pretrained/{told['model']['name']}"
    told["command"] = shlex.join(words)
    return told


def bits_per_byte(model: str, weights: Path) -> float:
    """Held-out bits a byte on `lm/docstrings`."""
    with tempfile.TemporaryDirectory() as store:
        record = harness.run(model, "lm/docstrings", weights=weights, out=store, precision="fp32")
    return float(record["scores"]["test"]["bits_per_byte"])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--corpus", action="append", default=[], metavar="PATH=NAME=LICENCES")
    options = parser.parse_args()
    corpora = {path: (name, licence) for path, name, licence in (text.split("=", 2) for text in options.corpus)}
    for source in options.folders:
        target = ship(source, corpora)
        before, after = bits_per_byte(target.name, source), bits_per_byte(target.name, target)
        size = (target / "model.safetensors").stat().st_size
        print(f"{target.name}: {size / 1e6:.2f} MB; {before:.4f} bits a byte before, {after:.4f} after")


if __name__ == "__main__":
    main()
