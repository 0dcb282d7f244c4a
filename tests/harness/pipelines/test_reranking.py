"""Reranking through the one pipeline: candidates of BM25, of a bi-encoder and of a file; agreement with sentence-transformers."""

import json

import numpy as np
import pytest
import torch

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.pipelines.pipeline import run
from models import MODELS, loading
from models.weights import find_weights
from tasks.rerank import RERANK
from tasks.sources.collection import Query

OPTIONS = {"learning_rate": 5e-3, "epochs": 4, "max_length": 32, "batch_size": 32, "precision": "fp32"}
PLACES = [f"{first}{second}" for first in ("bra", "kel", "mon", "tor", "vil") for second in ("do", "na", "ri", "su")]
NUMBERS = ["one", "two", "three", "four"]


def write_places(folder, train=150, test=20):
    """A query names a place twice: all of the place's documents look alike to BM25, and one of them is not about ``old`` things.

    The relevant document is the one with the word ``new``, which no query has; the others have ``old``.
    """
    random = np.random.default_rng(0)
    (folder / "qrels").mkdir(parents=True)
    documents, queries = [], []
    for place in PLACES:
        for number, word in enumerate(NUMBERS):
            kind = "new" if number == 0 else "old"
            documents.append({"_id": f"{place}-{number}", "text": f"{kind} {word} {place}"})
    for split, size in (("train", train), ("test", test)):
        rows = ["query-id\tcorpus-id\tscore"]
        for number in range(size):
            place = PLACES[int(random.integers(len(PLACES)))]
            queries.append({"_id": f"{split}{number}", "text": f"{place} number {number}"})
            rows.append(f"{split}{number}\t{place}-0\t1")
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    write_places(root / "retrieval" / "places")
    return root


def planned(places, weights, recipe=(), model="bert", **options):
    request = Request(
        model,
        "rerank/places",
        str(weights),
        data_dir=str(places),
        recipe=OPTIONS | dict(recipe),
        task_options={name: str(value) for name, value in options.items()},
    )
    return plan(request)


def test_a_cross_encoder_learns_what_words_do_not_tell(small_bert, places):
    done = run(planned(places, small_bert, depth=8))
    task, test = done.record["task"], done.record["scores"]["test"]
    assert test["candidates_recall"] == 1
    assert test["candidates_ndcg_at_10"] < 0.7
    assert test["ndcg_at_10"] > 0.9
    rows = [row for row in done.predictions if row["split"] == "test"]
    assert sum(row["terms"][0] for row in rows) / len(rows) == pytest.approx(test["ndcg_at_10"])
    assert all({one for one, _ in row["predicted"]} == {one for one, _ in row["candidates"]} for row in rows)
    assert (task["n_documents"], task["n_pairs_truncated"]) == (80, 0)
    assert task["n_pairs"] == sum(len(row["candidates"]) for row in done.predictions)
    assert json.loads(json.dumps(done.predictions)) == done.predictions
    again = run(planned(places, small_bert, depth=8))
    assert again.predictions == done.predictions


def test_the_candidates_of_bm25_are_the_ranking_of_bm25(small_bert, places):
    bm25 = run(plan(Request("bm25", "retrieval/places", data_dir=str(places)))).record["scores"]["test"]
    done = run(planned(places, small_bert, {"max_steps": 1}))
    assert done.record["scores"]["test"]["candidates_ndcg_at_10"] == bm25["ndcg_at_10"]
    assert done.record["scores"]["test"]["candidates_recall"] == bm25["recall_at_100"]


def test_the_candidates_of_a_bi_encoder_are_its_ranking_untrained(small_bert, places):
    dense = run(
        plan(
            Request(
                "bert",
                "retrieval/places",
                str(small_bert),
                data_dir=str(places),
                recipe={"epochs": 0, "max_length": 32, "precision": "fp32"},
            )
        )
    )
    done = run(planned(places, small_bert, {"max_steps": 1}, candidates=f"bert@{small_bert}"))
    expected, test = dense.record["scores"]["test"], done.record["scores"]["test"]
    assert test["candidates_ndcg_at_10"] == pytest.approx(expected["ndcg_at_10"], abs=1e-12)
    rankings = [
        [[one for one, _ in row[name]] for row in of.predictions]
        for of, name in ((dense, "predicted"), (done, "candidates"))
    ]
    assert rankings[0] == rankings[1]


def test_the_candidates_of_a_file_and_their_digest_in_the_key(small_bert, places, tmp_path):
    file = tmp_path / "mine.run"
    queries = [query.id for split in ("dev", "test") for query in RERANK.load("places", str(places)).splits[split]]
    lines = [f"{query} Q0 {PLACES[0]}-{rank} {rank} {9 - rank} mine" for query in queries for rank in range(3)]
    file.write_text("\n".join(lines[3:]))
    cell = planned(places, small_bert, {"max_steps": 1}, candidates=file, depth=2)
    done = run(cell)
    shown = [[one for one, _ in row["candidates"]] for row in done.predictions]
    assert shown == [[], *[[f"{PLACES[0]}-0", f"{PLACES[0]}-1"]] * (len(queries) - 1)]
    assert any("1 queries of dev have no candidates" in note for note in done.record["task"]["notes"])
    file.write_text("\n".join(lines))
    assert planned(places, small_bert, {"max_steps": 1}, candidates=file, depth=2).cell.key != cell.cell.key
    elsewhere = tmp_path / "elsewhere.run"
    elsewhere.write_bytes(file.read_bytes())
    moved = planned(places, small_bert, {"max_steps": 1}, candidates=elsewhere, depth=2)
    assert moved.cell.key == planned(places, small_bert, {"max_steps": 1}, candidates=file, depth=2).cell.key
    assert f"candidates={elsewhere}" in moved.resolved.command()
    assert str(tmp_path) not in str(done.record["task"]["options"])
    assert done.record["task"]["options"]["candidates"].startswith("file ")
    file.write_text("\n".join([*lines, f"{queries[0]} Q0 nowhere 9 1 mine"]))
    with pytest.raises(InputError, match="has the candidate 'nowhere', which is not in the corpus"):
        run(planned(places, small_bert, candidates=file))
    file.write_text(f"other Q0 {PLACES[0]}-0 1 1 mine")
    with pytest.raises(InputError, match="has no candidates for any query of dev"):
        run(planned(places, small_bert, candidates=file))


def test_what_cannot_be_reranked_is_refused(small_bert, places, tmp_path):
    for candidates in ("bm52", "bart@x/y", str(tmp_path / "missing.run")):
        with pytest.raises(InputError, match="neither bm25, nor a file, nor MODEL@WEIGHTS"):
            planned(places, small_bert, candidates=candidates)
    with pytest.raises(InputError, match="random weights, which find nothing"):
        planned(places, small_bert, candidates="bert@scratch")
    with pytest.raises(InputError, match="there is no folder"):
        planned(places, small_bert, candidates="bert@./nothing")
    with pytest.raises(InputError, match="nothing to score after --epochs 0"):
        planned(places, small_bert, {"epochs": 0})
    with pytest.raises(InputError, match="bm25 ranks documents and nothing else"):
        planned(places, "scratch", model="bm25")
    folder = tmp_path / "retrieval" / "places"
    write_places(folder)
    (folder / "qrels" / "train.tsv").unlink()
    with pytest.raises(InputError, match="rerank/places has no query to train on"):
        run(planned(tmp_path, small_bert))


def test_negatives_are_documents_that_bm25_ranks_high_the_same_for_every_run(places):
    from harness.pipelines.first_stage import Words
    from harness.pipelines.reranking import RELEVANT, training_pairs

    task = RERANK.configured({"negatives": "2", "depth": "8"})
    data = task.load("places", str(places))
    queries, words = data.splits["train"], Words(data, task.depth)
    pairs, again = (training_pairs(task, data, queries, words.search(queries)) for _ in range(2))
    assert pairs == again
    for query, ranking in zip(queries, words.search(queries), strict=True):
        own = [pair for pair in pairs if pair.query == query]
        others = {pair.document for pair in own if pair.label != RELEVANT}
        assert [pair.document for pair in own if pair.label == RELEVANT] == query.relevant
        assert len(others) == 2
        assert others <= {document for document, _ in ranking} - set(query.relevant)
    alone = [Query("q", "nothing", {"a": 1})]
    with pytest.raises(InputError, match="nothing to tell apart"):
        training_pairs(task, data, alone, [[("a", 1.0)]])


def as_cross_encoder(model, tokenizer, max_length):
    """The same weights as sentence-transformers' own modules."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    folder = model.encoder.name_or_path
    read = Transformer(folder, max_seq_length=max_length)
    read.model.load_state_dict(model.encoder.state_dict(), strict=False)
    width = model.encoder.config.hidden_size
    score = Dense(width, 1, activation_function=None, module_output_name="scores")
    score.linear.load_state_dict(model.classifier.state_dict())
    return CrossEncoder(modules=[read, Pooling(width, "mean"), score], device="cpu", activation_fn=torch.nn.Identity())


def test_scores_and_loss_are_those_of_a_cross_encoder_of_sentence_transformers(small_bert, places):
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    from harness.nn.heads import with_head
    from harness.nn.trainer import collate
    from harness.pipelines.reranking import NOT_RELEVANT, RELEVANT, Pair, PairScorer, Reader

    torch.manual_seed(0)
    weights = find_weights(MODELS["bert"], "custom", str(small_bert))
    encoder, tokenizer = loading.load(MODELS["bert"], "custom", weights)
    model = with_head("pair", encoder, 1).eval()
    data = RERANK.load("places", str(places))
    long = [Query("long", "a query that goes on " * 6, {}), Query("short", "brado", {})]
    queries, documents = [*data.splits["test"][:5], *long], list(data.documents)[:9]
    read = Reader(RERANK, data, tokenizer, 24)
    scorer = PairScorer(model, read, "fp32")
    found = [[(one, 0.0) for one in documents] for _ in queries]
    reranked = scorer.rerank(queries, found, lambda done, total: None)
    texts = [(query.text, data.documents[one].content) for query in queries for one in documents]
    peer = as_cross_encoder(model, tokenizer, 24)
    expected = peer.predict(texts, show_progress_bar=False).reshape(len(queries), -1)
    scores = np.array([[dict(one.ranking)[document] for document in documents] for one in reranked])
    assert scorer.n_cut == sum(len(tokenizer(*pair)["input_ids"]) > 24 for pair in texts) >= len(documents)
    assert np.ptp(scores) > 1e-3
    assert np.allclose(scores, expected, atol=1e-5)
    for one, row in zip(reranked, expected, strict=True):
        theirs_in_our_order = row[[documents.index(name) for name, _ in one.ranking]]
        assert (np.diff(theirs_in_our_order) <= 1e-5).all()
    labels = [RELEVANT, NOT_RELEVANT, NOT_RELEVANT]
    pairs = [Pair(queries[0], document, label) for document, label in zip(documents[:3], labels, strict=True)]
    own = model(**collate(read(pairs).features, tokenizer))["loss"]
    columns = [list(column) for column in zip(*texts[:3], strict=True)]
    theirs = BinaryCrossEntropyLoss(peer.eval())(columns, torch.tensor([1.0, 0.0, 0.0]))
    assert own.item() == pytest.approx(theirs.item(), abs=1e-5)
