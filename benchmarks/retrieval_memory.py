"""Measure the peak memory of retrieval besides the embeddings: with a real collection, and with a million made-up vectors.

    python -m benchmarks.retrieval_memory --data-dir DIR       # DIR/retrieval/npl in BEIR's format

Each case runs in a new process, which notes its resident memory after loading texts, weights or vectors, and its peak at the
end. The difference, minus the embeddings that were computed, is the memory of encoding and searching.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from harness.machine.memory import status_mib
from harness.machine.provenance import peak_memory_mib

LIMIT_MIB = 300
VECTORS, WIDTH, QUERIES = 1_000_000, 128, 1000


def npl(data_dir: str) -> dict[str, float]:
    """Encode and search NPL with MiniLM."""
    from benchmarks.minilm import weights
    from harness.nn.embedding import embed
    from harness.nn.exact_search import search
    from models import MODELS, loading
    from models.weights import find_weights
    from tasks.ranking import DEPTH
    from tasks.retrieval import RETRIEVAL

    found = find_weights(MODELS["bert"], "custom", weights())
    model, tokenizer = loading.load(MODELS["bert"], "custom", found)
    data = RETRIEVAL.load("npl", data_dir)
    embed(model, tokenizer, ["a text that makes the libraries build their tables"] * 8, 256, "bf16")
    before = status_mib("VmRSS")
    documents, _ = embed(model, tokenizer, [one.content for one in data.documents.values()], 256, "bf16")
    queries, _ = embed(model, tokenizer, [query.text for query in data.splits["test"]], 256, "bf16")
    search(queries, documents, DEPTH)
    return {"embeddings": (documents.nbytes + queries.nbytes) / 2**20, "above": peak_memory_mib() - before}


def vectors() -> dict[str, float]:
    """Search a million vectors for a thousand queries."""
    import numpy as np

    from harness.nn.exact_search import search
    from tasks.ranking import DEPTH

    random = np.random.default_rng(0)
    documents = np.empty((VECTORS, WIDTH), np.float32)
    for start in range(0, VECTORS, 10_000):
        documents[start : start + 10_000] = random.standard_normal((10_000, WIDTH), np.float32)
    queries = random.standard_normal((QUERIES, WIDTH), np.float32)
    search(queries[:2], documents[:100], 10)
    before = status_mib("VmRSS")
    search(queries, documents, DEPTH)
    return {"embeddings": 0.0, "above": peak_memory_mib() - before}  # they existed before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir")
    parser.add_argument("--case", choices=["npl", "vectors"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(npl(options.data_dir) if options.case == "npl" else vectors()))
        return
    print("| case | embeddings, MiB | needed besides them, MiB | limit, MiB |\n| --- | --- | --- | --- |")
    too_much = False
    for case in ["npl", "vectors"] if options.data_dir else ["vectors"]:
        command = [sys.executable, "-m", "benchmarks.retrieval_memory", "--case", case]
        command += ["--data-dir", options.data_dir] if options.data_dir else []
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found = json.loads(output.splitlines()[-1])
        embeddings = found["embeddings"] or VECTORS * WIDTH * 4 / 2**20
        needed = found["above"] - found["embeddings"]
        too_much |= needed > LIMIT_MIB
        print(f"| {case} | {embeddings:.0f} | {needed:.0f} | {LIMIT_MIB} |", flush=True)
    sys.exit(int(too_much))


if __name__ == "__main__":
    main()
