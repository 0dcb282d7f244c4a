"""MiniLM on SciFact: the score without training against the published one, encoding speed against sentence-transformers, and
the score after training.

    python -m benchmarks.minilm_scifact --data-dir DIR                    # DIR/retrieval/scifact in BEIR's format
    python -m benchmarks.minilm_scifact --data-dir DIR --only speed --documents 500

Both sides encode the same documents in turn, in one process: ``SentenceTransformer.encode`` with its defaults (float32, batches
of 32) and the harness in both precisions. Texts are cut at 256 tokens, the model's published setting. Published by MTEB:
nDCG@10 = 0.6451 on the test split.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.minilm import weights

MAX_LENGTH = 256
PUBLISHED = 0.6451


def speed(data_dir: str, n_documents: int | None, repeats: int) -> dict[str, list[float]]:
    """Seconds of all sides, which take turns."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from harness.nn.embedding import embed
    from models import MODELS, loading
    from models.weights import find_weights
    from tasks.retrieval import RETRIEVAL

    texts = [document.content for document in RETRIEVAL.load("scifact", data_dir).documents.values()]
    if n_documents and n_documents < len(texts):
        texts = [texts[place] for place in np.random.default_rng(0).choice(len(texts), n_documents, replace=False)]
    theirs = SentenceTransformer(weights(), device="cpu")
    theirs.max_seq_length = MAX_LENGTH
    found = find_weights(MODELS["bert"], "custom", weights())
    model, tokenizer = loading.load(MODELS["bert"], "custom", found)
    sides = {
        "SentenceTransformer.encode": lambda some: theirs.encode(some, show_progress_bar=False),
        "harness, bf16": lambda some: embed(model, tokenizer, some, MAX_LENGTH, "bf16")[0],
        "harness, fp32": lambda some: embed(model, tokenizer, some, MAX_LENGTH, "fp32")[0],
    }
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for encode in sides.values():
        encode(texts[:8])
    for _ in range(repeats):
        vectors = {}
        for side, encode in sides.items():
            began = time.perf_counter()
            vectors[side] = encode(texts)
            seconds[side].append(time.perf_counter() - began)
        reference = vectors["SentenceTransformer.encode"]
        for side, vector in vectors.items():
            cosines = (reference * vector).sum(1) / np.linalg.norm(reference, axis=1)
            print(f"{side}: {seconds[side][-1]:.1f} s, least cosine with theirs {cosines.min():.6f}", file=sys.stderr)
    return seconds


def score(data_dir: str, *options: str) -> tuple[float, float]:
    """nDCG@10 on test and on dev of one run of the harness."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "harness", "run", "--model", "bert", "--task", "retrieval/scifact"]
        command += ["--weights", weights(), "--max-length", str(MAX_LENGTH), "--data-dir", data_dir, "--out", out]
        output = subprocess.run([*command, "--json", *options], check=True, stdout=subprocess.PIPE, text=True).stdout
    scores = json.loads(output)["scores"]
    return scores["test"]["ndcg_at_10"], scores["dev"]["ndcg_at_10"]


def print_speed(data_dir: str, n_documents: int | None, repeats: int) -> None:
    """Print the seconds of every side."""
    seconds = speed(data_dir, n_documents, repeats)
    first = statistics.median(seconds["SentenceTransformer.encode"])
    print("| side | seconds, median (min to max) | times as fast |\n| --- | --- | --- |")
    for side, each in seconds.items():
        middle = statistics.median(each)
        print(f"| {side} | {middle:.1f} ({min(each):.1f} to {max(each):.1f}) | {first / middle:.2f} |")


def print_scores(data_dir: str, lr: str, epochs: str) -> None:
    """Print the scores without and after training."""
    print(f"| weights | test nDCG@10 (published: {PUBLISHED}) | dev |\n| --- | --- | --- |")
    for name, more in (
        ("as published, fp32", ("--epochs", "0", "--precision", "fp32")),
        ("as published", ("--epochs", "0")),
        (f"trained, lr {lr}, {epochs} epochs", ("--lr", lr, "--epochs", epochs)),
    ):
        test, dev = score(data_dir, *more)
        print(f"| {name} | {test:.4f} | {dev:.4f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--only", choices=["speed", "scores"], help="one of the two parts")
    parser.add_argument("--documents", type=int, help="measure the speed on this many documents, not on all")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--lr", default="2e-5")
    parser.add_argument("--epochs", default="1")
    options = parser.parse_args()
    if options.only != "scores":
        print_speed(options.data_dir, options.documents, options.repeats)
        print()
    if options.only != "speed":
        print_scores(options.data_dir, options.lr, options.epochs)


if __name__ == "__main__":
    main()
