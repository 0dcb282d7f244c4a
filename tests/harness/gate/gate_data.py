"""The gate's datasets, made by a seeded function; the committed files under ``results/baselines/data`` are what it wrote.

    python tests/harness/gate_data.py

writes them anew. Nothing but `random.Random.random` is drawn, whose sequence Python keeps from version to version. Each set
fails with a fault of its own: the type of a name is told by the name, and of a few
names by the word before it, so that tokens must see each other; and a note is as its one telling word. Every batch
of notes has a few long ones, as train is one batch, so that a pooling that counts padding hardly hears the short ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "results" / "baselines" / "data"
SENTENCES = {"train": 400, "dev": 64, "test": 128}
NOTES = {"train": 48, "dev": 64, "test": 128}
NAMES = {
    "river": ("Alba", "Brent", "Corin", "Delia", "Evora"),
    "painter": ("Farn", "Garda", "Holt", "Imola", "Jura"),
    "ship": ("Kell", "Loire", "Mona", "Nore", "Orwell"),
}
SHARED = ("Perth", "Quin")
SECOND = {"river": "Water", "painter": "Elder", "ship": "Star"}
CUES = {"river": "along", "painter": "by", "ship": "aboard"}
PLAIN = (
    "the",
    "a",
    "old",
    "road",
    "goes",
    "and",
    "then",
    "people",
    "walked",
    "slowly",
    "home",
    "in",
    "rain",
    "with",
    "bread",
)
TELLING = {"loud": ("bang", "roar"), "quiet": ("hush", "calm"), "bright": ("sun", "lamp")}


def sentence(draw: random.Random) -> list[tuple[str, str]]:
    """Words with IOB2 tags: one to three names, a fifth of them of the type that the word before tells."""
    words: list[tuple[str, str]] = []
    for _ in range(1 + _below(draw, 3)):
        words += [(_one(draw, PLAIN), "O") for _ in range(1 + _below(draw, 3))]
        kind = _one(draw, tuple(NAMES))
        words.append((CUES[kind], "O"))
        words.append((_one(draw, SHARED if draw.random() < 0.2 else NAMES[kind]), f"B-{kind}"))
        if draw.random() < 0.3:
            words.append((SECOND[kind], f"I-{kind}"))
    return [*words, (".", "O")]


def note(draw: random.Random) -> tuple[str, str]:
    """A text and its label: one telling word among plain ones; eleven of twelve texts are short."""
    length = 3 + _below(draw, 3) if draw.random() < 11 / 12 else 28
    label = _one(draw, tuple(TELLING))
    words = [_one(draw, PLAIN) for _ in range(length - 1)]
    words.insert(_below(draw, length), _one(draw, TELLING[label]))
    return " ".join(words), label


def files() -> dict[str, str]:
    """Every file's path below the folder, and its content."""
    made = {}
    for number, split in enumerate(SENTENCES):
        draw = random.Random(number)
        sentences = ["".join(f"{word}\t{tag}\n" for word, tag in sentence(draw)) for _ in range(SENTENCES[split])]
        made[f"ner/gate/{split}.conll"] = "\n".join(sentences)
        notes = [dict(zip(("text", "label"), note(draw), strict=True)) for _ in range(NOTES[split])]
        made[f"classification/gate/{split}.jsonl"] = "".join(json.dumps(row) + "\n" for row in notes)
    return made


def _below(draw: random.Random, count: int) -> int:
    return int(draw.random() * count)


def _one(draw: random.Random, choices: Sequence[str]) -> str:
    return choices[_below(draw, len(choices))]


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(content, encoding="utf-8")
