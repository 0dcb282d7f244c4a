"""Retrieval through the one pipeline: trained, untrained and by BM25; embeddings, resuming, and agreement with mteb."""

import json

import numpy as np
import pytest
import torch

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.errors import InputError
from harness.nn.embedding import embed
from harness.pipelines.pipeline import run
from models import MODELS, loading
from models.weights import find_weights
from tasks.sources.collection import Query
from tasks.sources.formats import beir

FILLER = "the in to of saw met near with a train left river walked and then said very old house".split()  # noqa: SIM905
OPTIONS = {"learning_rate": 5e-3, "epochs": 6, "max_length": 32, "batch_size": 16, "precision": "fp32"}


def write_world(folder, splits, seed=0):
    """A query and its document share a code word that no other document has."""
    random = np.random.default_rng(seed)
    (folder / "qrels").mkdir(parents=True)
    words = [
        f"{first}{second}" for first in "bdfgklmnprst" for second in ("alo", "emi", "ori", "ula", "ano", "ike", "uru")
    ]

    def sentence(word):
        text = [str(one) for one in random.choice(FILLER, size=int(random.integers(3, 9)))]
        text.insert(int(random.integers(0, len(text))), word)
        return " ".join(text)

    documents = [{"_id": f"d{place}", "title": "", "text": sentence(word)} for place, word in enumerate(words)]
    queries, number = [], 0
    for split, size in splits.items():
        rows = ["query-id\tcorpus-id\tscore"]
        for _ in range(size):
            place = int(random.integers(len(words)))
            queries.append({"_id": f"q{number}", "text": sentence(words[place])})
            rows.append(f"q{number}\td{place}\t1")
            number += 1
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(rows) + "\n")
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("worlds")
    write_world(root / "retrieval" / "codes", {"train": 300, "dev": 30, "test": 40})
    write_world(root / "retrieval" / "unjudged", {"test": 40})
    return root


def planned(model, task, worlds, weights="scratch", **recipe):
    return plan(Request(model, task, str(weights), data_dir=str(worlds), recipe=recipe))


def run_small(small_bert, worlds, task="retrieval/codes", **recipe):
    cell = planned("bert", task, worlds, small_bert, **(OPTIONS | recipe))
    return run(cell)


def test_a_bi_encoder_learns_and_rows_carry_their_terms(small_bert, worlds):
    untrained = run_small(small_bert, worlds, epochs=0).record
    done = run_small(small_bert, worlds)
    scores = done.record["scores"]["test"]
    assert scores["ndcg_at_10"] > 2 * untrained["scores"]["test"]["ndcg_at_10"]
    assert set(scores) == {"ndcg_at_10", "mrr_at_10", "recall_at_100", "map_at_100"}
    rows = [row for row in done.predictions if row["split"] == "test"]
    top, bottom = (sum(row["terms"][place] for row in rows) for place in (0, 1))
    assert top / bottom == pytest.approx(scores["ndcg_at_10"], abs=1e-12)
    assert rows[0]["gold"].keys() <= {f"d{number}" for number in range(84)}
    assert len(rows[0]["predicted"]) == 10
    assert json.loads(json.dumps(done.predictions)) == done.predictions
    assert done.record["task"]["n_documents"] == 84
    assert done.record["recipe"]["steps"] == 6 * 19
    assert (untrained["recipe"]["steps"], untrained["losses"]) == (0, [])
    assert any("nothing was trained" in note for note in untrained["task"]["notes"])


def test_a_run_repeats_bit_for_bit(small_bert, worlds):
    first, second = (run_small(small_bert, worlds, epochs=1) for _ in range(2))
    assert first.record["losses"] == second.record["losses"]
    assert first.predictions == second.predictions


def test_large_batches_in_parts_have_the_same_losses(small_bert, worlds, monkeypatch):
    import harness.nn.contrastive as module

    whole = run_small(small_bert, worlds, max_steps=3, batch_size=40).record["losses"]
    monkeypatch.setattr(module, "CACHED_ABOVE", 8)
    monkeypatch.setattr(module, "PART", 16)
    parts = run_small(small_bert, worlds, max_steps=3, batch_size=40).record["losses"]
    # Dropout is drawn part by part, so only the first step, where all cosines are near one, can be compared closely.
    assert parts[0][1] == pytest.approx(whole[0][1], rel=0.05)


def test_without_training_queries_the_weights_are_scored_as_they_are(small_bert, worlds):
    cell = planned("bert", "retrieval/unjudged", worlds, small_bert, precision="fp32")
    record = run(cell).record
    assert record["scores"]["dev"] == {}
    assert record["scores"]["test"]["ndcg_at_10"] > 0
    assert record["recipe"]["epochs"] == 0
    with pytest.raises(InputError, match="retrieval/unjudged has nothing to train on"):
        planned("bert", "retrieval/unjudged", worlds, small_bert, epochs=3)


def test_nothing_of_the_recipe_but_length_and_precision_tells_untrained_runs_apart(small_bert, worlds):
    cells = [
        planned("bert", "retrieval/codes", worlds, small_bert, epochs=0, learning_rate=rate).cell
        for rate in (1e-5, 1e-3)
    ]
    assert cells[0].key == cells[1].key
    assert planned("bert", "retrieval/codes", worlds, small_bert, epochs=0, max_length=16).cell.key != cells[0].key
    with pytest.raises(InputError, match="nothing to score after --epochs 0"):
        planned("bert", "ner", worlds, epochs=0)


def test_bm25_is_a_row_of_retrieval_tasks_alone(worlds):
    cell = planned("bm25", "retrieval/codes", worlds, learning_rate=3e-5, epochs=3)
    record = run(cell).record
    assert record["scores"]["test"]["ndcg_at_10"] > 0.75  # a word that two texts alone share is what it is good at
    assert record["model"]["name"] == "bm25"
    assert record["model"]["params_total"] == 0
    with pytest.raises(InputError, match="bm25 ranks documents and nothing else"):
        planned("bm25", "ner", worlds)


def test_a_query_of_unknown_words_finds_nothing(worlds, tmp_path):
    folder = tmp_path / "retrieval" / "foreign"
    write_world(folder, {"test": 2})
    queries = [{"_id": "q0", "text": "quux"}, {"_id": "q1", "text": "the"}]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    cell = planned("bm25", "retrieval/foreign", tmp_path)
    done = run(cell)
    assert [row["predicted"] for row in done.predictions] == [[], []]
    assert done.record["scores"]["test"]["recall_at_100"] == 0.0
    assert any("no word of 2 of 2 queries" in note for note in done.record["task"]["notes"])
    queries[0]["text"] = json.loads((folder / "corpus.jsonl").read_text().splitlines()[0])["text"]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    known = run(planned("bm25", "retrieval/foreign", tmp_path)).record
    assert not any("bm25 found no word" in note for note in known["task"]["notes"])


def test_a_corpus_without_words_is_refused(tmp_path):
    folder = tmp_path / "retrieval" / "wordless"
    write_world(folder, {"test": 2})
    documents = [{"_id": f"d{number}", "text": "\N{SLIGHTLY SMILING FACE}"} for number in range(84)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, [*documents, {"_id": "d84", "text": "the"}])))
    with pytest.raises(InputError, match=r"none of the 85 documents has a word that bm25 can weigh"):
        run(planned("bm25", "retrieval/wordless", tmp_path))


@pytest.fixture(scope="module")
def encoder(small_bert):
    weights = find_weights(MODELS["bert"], "custom", str(small_bert))
    return loading.load(MODELS["bert"], "custom", weights)


TEXTS = ["the old house", "a train", "", "the river " * 40, "walked then said very near the old old river"]


def test_embeddings_do_not_depend_on_their_batch_and_are_those_of_sentence_transformers(encoder):
    from harness.nn.contrastive import sentence_transformer

    model, tokenizer = encoder
    together, n_cut = embed(model, tokenizer, TEXTS, 24, "fp32")
    alone = np.concatenate([embed(model, tokenizer, [text], 24, "fp32")[0] for text in TEXTS])
    assert n_cut == sum(len(tokenizer(text)["input_ids"]) > 24 for text in TEXTS)
    assert 0 < n_cut < len(TEXTS)
    assert np.allclose(together, alone, atol=1e-6)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    theirs = sentence_transformer(model, tokenizer, 24).encode(TEXTS, show_progress_bar=False)
    assert np.allclose(together, theirs, atol=1e-5)


class KilledError(Exception):
    """Stands for the end of the process."""


def test_training_that_was_cut_off_goes_on_with_the_same_numbers(small_bert, worlds, tmp_path):
    from harness.nn.contrastive import fit_pairs
    from harness.nn.determinism import make_repeatable
    from harness.nn.training import TrainingOptions

    cell = planned("bert", "retrieval/codes", worlds, small_bert, **(OPTIONS | {"epochs": 2, "batch_size": 32}))
    examples = [(f"query {number} {number % 7}", f"document {number}") for number in range(96)]

    def train(folder, killed_at=None):
        make_repeatable(0)
        model, tokenizer = loading.load(cell.encoder, "custom", cell.weights)

        def progress(step, steps, loss):
            if step == killed_at:
                raise KilledError

        options = TrainingOptions(cell.cell.recipe, 0, progress, folder, checkpoint_interval_s=0)
        done = fit_pairs(model, tokenizer, examples, options)
        return done, model.state_dict()

    whole, weights = train(tmp_path / "whole")
    with pytest.raises(KilledError):
        train(tmp_path / "cut", killed_at=5)
    resumed, resumed_weights = train(tmp_path / "cut")
    assert (resumed.resumed_from_step, resumed.steps) == (4, whole.steps)
    assert resumed.losses == whole.losses
    assert all(torch.equal(weights[name], resumed_weights[name]) for name in weights)


def test_scores_agree_with_mteb_on_the_same_embeddings(encoder, worlds):
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    from harness.nn.exact_search import search
    from harness.pipelines.mteb import MtebEncoder, evaluated
    from tasks.ranking import DEPTH, METRICS, by_precedence
    from tasks.retrieval import RETRIEVAL

    data = RETRIEVAL.load("codes", str(worlds))
    queries = data.splits["test"]

    class Codes(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="Codes",
            dataset={"path": "codes", "revision": "1"},
            description="code words",
            type="Retrieval",
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
        )

        def load_data(self, *others, **options):
            corpus = [{"id": name, "title": one.title, "text": one.text} for name, one in data.documents.items()]
            split = {
                "corpus": Dataset.from_list(corpus),
                "queries": Dataset.from_list([{"id": query.id, "text": query.text} for query in queries]),
                "relevant_docs": {query.id: dict(query.judgements) for query in queries},
                "top_ranked": None,
            }
            self.dataset, self.data_loaded = {"default": {"test": split}}, True

    model, tokenizer = encoder
    theirs = evaluated(MtebEncoder(model, tokenizer, 32, "fp32"), Codes(), [("test", "default")])["test", "default"]
    ids = by_precedence(list(data.documents))
    documents, _ = embed(model, tokenizer, [data.documents[one].content for one in ids], 32, "fp32")
    positions, scores = search(
        embed(model, tokenizer, [query.text for query in queries], 32, "fp32")[0], documents, DEPTH
    )
    rankings = [
        [(ids[place], float(score)) for place, score in zip(*row, strict=True)]
        for row in zip(positions, scores, strict=True)
    ]
    ours = RETRIEVAL.score(queries, rankings)
    assert 0 < ours["ndcg_at_10"] < 1
    for name in METRICS:
        # mteb rounds all but the reciprocal rank to five digits.
        value = ours[name] if name == "mrr_at_10" else round(ours[name], 5)
        assert value == pytest.approx(theirs[name], abs=1e-6)
    assert theirs["main_score"] == theirs["ndcg_at_10"]


def test_unknown_tasks_of_mteb_are_suggested():
    from tasks.mteb import MTEB

    with pytest.raises(InputError, match=r"MTEB has no task 'SciFac'; did you mean 'SciFact'"):
        MTEB.identity("SciFac", None)
    assert MTEB.identity("SciFact", None).startswith("mteb/scifact@")


def test_graded_zero_is_a_hard_negative(tmp_path):
    from harness.pipelines.dense_retrieval import training_examples
    from tasks.retrieval import RETRIEVAL

    folder = tmp_path / "retrieval" / "graded"
    write_world(folder, {"train": 30, "test": 2})
    rows = (folder / "qrels" / "train.tsv").read_text().splitlines()
    judged = rows[1].split("\t")[1]
    other = "d1" if judged == "d0" else "d0"
    (folder / "qrels" / "train.tsv").write_text("\n".join([*rows, f"q0\t{other}\t0"]))
    data = RETRIEVAL.load("graded", str(tmp_path))
    train = data.splits["train"]
    examples = training_examples(RETRIEVAL, data, train)
    assert {len(one) for one in examples} == {3}
    graded = next((one for one, query in zip(examples, train, strict=True) if query.id == "q0"), None)
    if graded is not None:  # it may have been cut into dev
        assert graded[2] == data.documents[other].content
    assert all(negative != positive for _, positive, negative in examples)


def write_debate(root, name="debate", arguments=105):
    """Every query is a document; what answers it is another one, which shares most of its words."""
    folder = root / "retrieval" / name
    (folder / "qrels").mkdir(parents=True)
    texts = {f"{number}-pro": f"the old house number{number} saw a train" for number in range(arguments)}
    texts |= {f"{number}-con": f"no old house number{number} met a river" for number in range(arguments)}
    rows = [json.dumps({"_id": one, "title": "", "text": text}) for one, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    (folder / "queries.jsonl").write_text("\n".join(rows[:arguments]))
    for split, numbers in (("train", range(20, arguments)), ("test", range(20))):
        lines = [f"{number}-pro\t{number}-con\t1" for number in numbers]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n")
    return folder


@pytest.mark.parametrize("model", ["bm25", "bert"])
def test_a_query_does_not_find_itself_whatever_ranks(small_bert, tmp_path, model):
    write_debate(tmp_path)
    done = {}
    for rule in ("declared", "keep"):
        options = {"epochs": 0, "precision": "fp32"} if model == "bert" else {}
        weights = str(small_bert) if model == "bert" else "scratch"
        cell = plan(
            Request(
                model,
                "retrieval/debate",
                weights,
                data_dir=str(tmp_path),
                recipe=options,
                task_options={"own_document": rule},
            )
        )
        done[rule] = run(cell)
        found = [(row["id"], [name for name, _ in row["predicted"]]) for row in done[rule].predictions]
        assert all((name in names) == (rule == "keep") for name, names in found)
    scores = {rule: one.record["scores"]["test"] for rule, one in done.items()}
    if model == "bm25":
        assert (scores["declared"]["ndcg_at_10"], scores["keep"]["ndcg_at_10"]) == (
            1.0,
            pytest.approx(0.6309, abs=1e-4),
        )
    notes = {rule: [note for note in one.record["task"]["notes"] if "themselves" in note] for rule, one in done.items()}
    assert [len(notes[rule]) for rule in ("declared", "keep")] == [1, 0]
    assert done["declared"].record["key"] != done["keep"].record["key"]


def test_a_query_is_not_trained_away_from_its_own_document(tmp_path):
    from harness.pipelines.dense_retrieval import training_examples
    from tasks.retrieval import RETRIEVAL

    folder = write_debate(tmp_path)
    with (folder / "qrels" / "train.tsv").open("a") as stream:
        stream.write("30-pro\t30-pro\t0\n31-pro\t31-pro\t0\n31-pro\t1-con\t0\n")
    data = RETRIEVAL.load("debate", str(tmp_path))
    queries = [*data.splits["train"], *data.splits["dev"]] * 50  # enough draws to meet every document
    examples = training_examples(RETRIEVAL, data, queries)
    assert len(examples) == len(queries)
    assert all(query != negative and positive != negative for query, positive, negative in examples)


def test_a_query_to_which_all_documents_are_relevant_has_no_negative_and_is_left_out(tmp_path):
    from harness.pipelines.dense_retrieval import training_examples
    from tasks.retrieval import RETRIEVAL

    data = RETRIEVAL.load("debate", str(write_debate(tmp_path, arguments=25).parents[1]))
    every = Query("all", "text", dict.fromkeys(data.documents, 1))
    graded = Query("graded", "text", {"0-con": 1, "1-con": 0})
    examples = training_examples(RETRIEVAL, data, [every, graded])
    assert [one[0] for one in examples] == ["text"]


def test_keys_of_cells_that_score_as_before_are_as_before(small_bert, worlds):
    """Options that are left to a declaration are in no key: stored runs of earlier versions are still found."""
    for model, weights in (("bert", small_bert), ("bm25", "scratch")):
        cell = planned(model, "retrieval/codes", worlds, weights, epochs=0, precision="fp32").cell
        assert dict(cell.task_options) == {"document_prefix": "", "document_words": "32", "query_prefix": ""}
        assert cell.data_identity == beir.identity(worlds / "retrieval" / "codes")


def with_options(small_bert, worlds, recipe=(), **options):
    request = Request(
        "bert",
        "retrieval/codes",
        str(small_bert),
        data_dir=str(worlds),
        recipe=OPTIONS | dict(recipe),
        task_options=options,
    )
    return plan(request)


def test_late_interaction_learns_and_says_so(small_bert, worlds):
    untrained = run(with_options(small_bert, worlds, {"epochs": 0}, scoring="maxsim")).record
    done = run(with_options(small_bert, worlds, {"epochs": 2}, scoring="maxsim")).record
    assert done["scores"]["test"]["ndcg_at_10"] > untrained["scores"]["test"]["ndcg_at_10"] > 0
    assert done["scores"]["dev"]["ndcg_at_10"] > untrained["scores"]["dev"]["ndcg_at_10"]
    assert any("all their tokens (MaxSim)" in note for note in done["task"]["notes"])
    assert done["task"]["options"]["scoring"] == "maxsim"
    assert (done["task"]["n_documents"], done["recipe"]["steps"]) == (84, 2 * 19)


def test_late_interaction_trains_in_parts_with_the_same_loss(small_bert, worlds, monkeypatch):
    import harness.nn.contrastive as module

    recipe = {"max_steps": 1, "batch_size": 40}
    whole = run(with_options(small_bert, worlds, recipe, scoring="maxsim")).record["losses"]
    monkeypatch.setattr(module, "CACHED_ABOVE", 8)
    parts = run(with_options(small_bert, worlds, recipe, scoring="maxsim")).record["losses"]
    assert parts[0][1] == pytest.approx(whole[0][1], rel=0.1)  # dropout is drawn part by part


def test_truncated_vectors_are_those_of_sentence_transformers(encoder):
    from dataclasses import replace

    from harness.cells.vectors import PLAIN
    from harness.nn.contrastive import sentence_transformer

    model, tokenizer = encoder
    ours, _ = embed(model, tokenizer, TEXTS, 24, "fp32", by=replace(PLAIN, truncate_dim=5))
    theirs = sentence_transformer(model, tokenizer, 24)
    expected = theirs.encode(TEXTS, truncate_dim=5, normalize_embeddings=True, show_progress_bar=False)
    assert ours.shape == (len(TEXTS), 5)
    assert np.allclose(ours, expected, atol=1e-5)


def test_vectors_are_trained_as_a_whole_and_truncated(small_bert, worlds):
    done = run(with_options(small_bert, worlds, {"max_steps": 2}, truncate_dim="8")).record
    whole = run(with_options(small_bert, worlds, {"max_steps": 2})).record
    assert done["losses"][0][1] > 1.5 * whole["losses"][0][1]  # the sum of two losses
    assert any("first 8 values" in note for note in done["task"]["notes"])
    with pytest.raises(InputError, match="truncate_dim is 33, but the vectors of these weights have 32 values"):
        run(with_options(small_bert, worlds, truncate_dim="33"))


def test_options_of_vectors_that_contradict_each_other_or_are_unknown_are_refused(small_bert, worlds):
    keys = {
        with_options(small_bert, worlds, **options).cell.key
        for options in ({}, {"scoring": "declared"}, {"truncate_dim": "declared"}, {"pooling": "declared"})
    }
    assert len(keys) == 1
    weighted = [with_options(small_bert, worlds, pooling=name).cell.key for name in ("weighted", "weightedmean")]
    assert weighted[0] == weighted[1] not in keys
    for options, said in (
        ({"scoring": "max"}, "scoring is one of declared, maxsim, not 'max'"),
        (
            {"scoring": "maxsim", "pooling": "cls"},
            "keeps the vector of every token, so leave --task-option pooling out",
        ),
        ({"scoring": "maxsim", "truncate_dim": "8"}, "so leave --task-option truncate_dim out"),
        ({"truncate_dim": "0"}, "truncate_dim takes whole numbers"),
        ({"pooling": "wheighted"}, "there is no pooling 'wheighted'"),
    ):
        with pytest.raises(InputError, match=said):
            with_options(small_bert, worlds, **options)
