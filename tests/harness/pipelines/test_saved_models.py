"""Saved models: every encoder and head loads in plain transformers or sentence-transformers with equal outputs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from harness.cells.plan import plan
from harness.cells.request import Request, ScoreRequest
from harness.cells.vectors import Vectors
from harness.errors import InputError
from harness.nn.embedding import embed
from harness.nn.heads import with_head
from harness.nn.inference import pad
from harness.pipelines.pipeline import run
from harness.pipelines.run_cell import Keep, run_one
from harness.pipelines.save_model import save_model
from harness.pipelines.stages import Trained
from harness.store import Store
from harness.store.saved_model import best_folder, read_saved
from models import MODELS, scratch
from models.fine_tuned import AUTO_CLASSES, find_fine_tuned, load_with_head
from models.logits import WithLogits
from tasks.task import one_by_one
from tests.harness.pipelines.test_retrieval import write_world
from tests.records import run_record

ROOT = Path(__file__).parents[3]
NARROW = {
    "avey-b": {"d_embed": 32, "n_layers": 2, "chunk_size": 8, "k": 2},
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "modernbert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "neobert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
}
LABELS = {"token": ("O", "B-city", "I-city"), "span": ("start", "end"), "sequence": ("no", "maybe", "yes")}
TEXTS = ["Ada met Grace in New York near the river", "Oslo", "the train left San Marino and then walked to Paris"]


def narrow(name, tokenizer):
    """A narrow encoder with random weights far from its initialisation, so that every part matters."""
    torch.manual_seed(0)
    encoder = MODELS[name]
    model = scratch.from_config(encoder, scratch.config_of(encoder, NARROW[name], tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("head", ["token", "span", "sequence"])
@pytest.mark.parametrize("name", sorted(NARROW))
def test_a_model_with_a_head_loads_in_transformers_with_equal_outputs(name, head, tokenizer, tmp_path):
    labels = LABELS[head]
    model = with_head(head, narrow(name, tokenizer), len(labels)).eval()
    torch.nn.init.normal_(model.classifier.weight)
    torch.nn.init.normal_(model.classifier.bias)
    record = run_record(name)
    save_model(Trained(model, tokenizer, labels, None), record, head, tmp_path / "saved")

    loaded, report = getattr(transformers, AUTO_CLASSES[head]).from_pretrained(
        tmp_path / "saved", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert tuple(loaded.config.id2label.values()) == labels
    assert loaded.config.label2id == {label: index for index, label in enumerate(labels)}
    batch = pad(one_by_one(tokenizer(TEXTS)), tokenizer)
    with torch.inference_mode():
        ours, theirs = model(**batch)["logits"], WithLogits(loaded.eval(), head)(**batch)["logits"]
    kept = batch["attention_mask"].bool() if ours.ndim == 3 else slice(None)
    assert (ours - theirs)[kept].abs().max() < 1e-6
    saved = read_saved(tmp_path / "saved")
    assert (saved["key"], saved["head"], saved["recipe"]) == (record["key"], head, record["recipe"])

    scored, _ = load_with_head(find_fine_tuned(str(tmp_path / "saved")), head)
    assert find_fine_tuned(str(tmp_path / "saved")).encoder.name == name
    with torch.inference_mode():
        again = WithLogits(scored.eval(), head)(**batch)["logits"]
    assert (ours - again)[kept].abs().max() < 1e-6


@pytest.mark.parametrize(("name", "pooling"), [*((name, "mean") for name in sorted(NARROW)), ("bert", "cls")])
def test_a_retriever_loads_in_sentence_transformers_with_equal_vectors(name, pooling, tokenizer, tmp_path):
    from sentence_transformers import SentenceTransformer

    model, by = narrow(name, tokenizer), Vectors(pooling=(pooling,))
    prompts = {"query": "ask: ", "document": "text: "}
    record = run_record(name, "retrieval/codes")
    record["recipe"]["max_length"] = 12
    save_model(Trained(model, tokenizer, (), None, by, prompts), record, "embedding", tmp_path / "saved")
    texts = [*TEXTS, " ".join(TEXTS * 3)]
    loaded = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    for prompt, encode in (("ask: ", loaded.encode_query), ("text: ", loaded.encode_document)):
        ours, n_cut = embed(model, tokenizer, [prompt + text for text in texts], 12, "fp32", by=by)
        assert n_cut >= 1
        np.testing.assert_allclose(ours, encode(texts), atol=1e-6)


@pytest.mark.slow
def test_the_classes_are_known_after_import_models_in_any_order(tokenizer, tmp_path):
    model = with_head("sequence", narrow("bert", tokenizer), 3)
    save_model(Trained(model, tokenizer, LABELS["sequence"], None), run_record(), "sequence", tmp_path / "saved")
    code = f"""
{{}}
from transformers import pipeline
{{}}
print(pipeline("text-classification", model={str(tmp_path / "saved")!r})("Ada")[0]["label"])
"""
    for order in (("import models", ""), ("", "import models")):
        printed = subprocess.run(
            [sys.executable, "-c", code.format(*order)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert printed.stdout.strip() in LABELS["sequence"], printed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["transformers.modeling_layers", "transformers.models.bert.modeling_bert", "models.neobert"]
)
def test_the_classes_are_registered_whatever_is_imported_first(first):
    code = f"""
import models, {first}
from transformers import AutoConfig, AutoModelForTokenClassification
AutoConfig.for_model("avey-b"), AutoConfig.for_model("neobert"), AutoConfig.for_model("modernbert-linear")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


CITIES = {"learning_rate": 5e-3, "max_steps": 18, "max_length": 48, "precision": "fp32"}


@pytest.fixture(scope="module")
def saved(small_bert, data_dir, tmp_path_factory):
    """A BERT that was fine-tuned on ner/cities and saved; gives its folder, the store and the record."""
    root = tmp_path_factory.mktemp("saved")
    request = Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=CITIES)
    outcome = run_one(request, str(root / "runs"), False, keep=Keep(root / "model"))
    return root / "model", Store(root / "runs"), outcome.record


def rows_of(store, record):
    return {(row["split"], row["id"]): row for row in store.predictions(record)}


def test_keeping_the_model_changes_nothing_of_the_run(saved, small_bert, data_dir):
    request = Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=CITIES)
    plain = run(plan(request))
    _, _, record = saved
    assert (plain.record["key"], plain.record["losses"], plain.record["scores"]) == (
        record["key"],
        record["losses"],
        record["scores"],
    )
    assert plain.trained is None
    assert 0.1 < record["scores"]["test"]["entity_f1_strict"] < 1.0


def test_a_saved_model_scores_as_its_run_did(saved, data_dir):
    folder, store, record = saved
    scored = run_one(
        ScoreRequest("", "ner/cities", str(folder), data_dir=str(data_dir)), str(store.folder), False
    ).record
    assert scored["scores"] == record["scores"]
    assert scored["key"] != record["key"]
    for before, after in zip(store.predictions(record), store.predictions(scored), strict=True):
        assert after["predicted"] == before["predicted"]
        assert after["probabilities"] == pytest.approx(before["probabilities"], abs=1e-4)
    assert scored["trained"]["key"] == record["key"]
    assert scored["recipe"]["trained"] == "saved"
    assert scored["recipe"]["learning_rate"] == record["recipe"]["learning_rate"]
    assert scored["command"].startswith(f"python -m harness score --weights {folder} --task ner/cities")


def test_the_pipeline_of_transformers_predicts_the_same_tags(saved):
    folder, store, record = saved
    tagger = transformers.pipeline("ner", model=str(folder), ignore_labels=[])
    for row in store.predictions(record)[:40]:
        answers = {answer["start"]: answer["entity"] for answer in tagger(" ".join(row["tokens"]))}
        starts = np.cumsum([0, *(len(word) + 1 for word in row["tokens"])])[:-1]
        # Byte-level tokens begin with the space before their word.
        assert [answers.get(start, answers.get(start - 1)) for start in starts.tolist()] == row["predicted"]


def test_other_folders_are_refused_before_training(saved, small_bert, data_dir, tmp_path):
    folder, _, _ = saved
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    recipe = CITIES | {"max_steps": 19}
    request = Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=recipe)
    with pytest.raises(InputError, match=r"full holds other files, such as thesis.tex; choose an empty folder"):
        run_one(request, str(tmp_path / "runs"), False, keep=Keep(tmp_path / "full"))
    with pytest.raises(InputError, match=r"holds the model of another run, .*ner/cities; choose another folder"):
        run_one(request, str(tmp_path / "runs"), False, keep=Keep(folder))
    with pytest.raises(
        InputError, match="keeps models with labels or answers and retrievers, not bm25 on retrieval/docstrings"
    ):
        run_one(Request("bm25", "retrieval/docstrings"), str(tmp_path / "runs"), False, keep=Keep(tmp_path / "new"))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("*/run.json"))
    assert {path.name for path in tmp_path.iterdir()} <= {"full", "runs"}


def test_a_stored_run_without_its_model_is_run_again(small_bert, data_dir, tmp_path, capsys):
    recipe = CITIES | {"max_steps": 2}
    request = Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=recipe)
    first = run_one(request, str(tmp_path / "runs"), False)
    again = run_one(request, str(tmp_path / "runs"), False, keep=Keep(tmp_path / "model"))
    assert "its model was not kept, so it is run again" in capsys.readouterr().err
    assert again.record["losses"] == first.record["losses"]
    written = (tmp_path / "model" / "config.json").stat().st_mtime_ns
    run_one(request, str(tmp_path / "runs"), False, keep=Keep(tmp_path / "model"))
    assert "the store already has this run" in capsys.readouterr().err
    assert (tmp_path / "model" / "config.json").stat().st_mtime_ns == written


def test_the_best_on_dev_is_kept(small_bert, data_dir, tmp_path):
    best = {}
    for steps in (2, 18, 3):
        recipe = CITIES | {"max_steps": steps}
        request = Request("bert", "ner/cities", str(small_bert), data_dir=str(data_dir), recipe=recipe)
        outcome = run_one(request, str(tmp_path / "runs"), False, keep=Keep(best_in=tmp_path / "best"))
        best[outcome.record["scores"]["dev"]["entity_f1_strict"]] = outcome.record["key"]
        cell = plan(request).cell
        assert read_saved(best_folder(tmp_path / "best", cell))["key"] == best[max(best)]


def test_an_interrupted_save_leaves_the_earlier_model(saved, tokenizer, monkeypatch, tmp_path):
    model = with_head("token", narrow("bert", tokenizer), 3)
    trained = Trained(model, tokenizer, LABELS["token"], None)
    save_model(trained, run_record(), "token", tmp_path / "model")
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tokenizer), "save_pretrained", full)
    with pytest.raises(InputError, match=r"could not be written to .* \(No space left on device\)"):
        save_model(trained, run_record(seed=1), "token", tmp_path / "model")
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_saved_model_is_fine_tuned_further(saved, data_dir):
    folder, _, _ = saved
    recipe = CITIES | {"max_steps": 1}
    done = run(plan(Request("bert", "ner/cities", str(folder), data_dir=str(data_dir), recipe=recipe)))
    assert done.record["status"] == "ok"


def test_a_retriever_scores_as_its_run_did(small_bert, tmp_path):
    write_world(tmp_path / "retrieval" / "codes", {"train": 100, "dev": 20, "test": 30})
    recipe = {"learning_rate": 5e-3, "max_steps": 10, "max_length": 16, "batch_size": 16, "precision": "fp32"}
    request = Request(
        "bert",
        "retrieval/codes",
        str(small_bert),
        data_dir=str(tmp_path),
        recipe=recipe,
        task_options={"query_prefix": "ask: ", "pooling": "cls"},
    )
    store = str(tmp_path / "runs")
    trained = run_one(request, store, False, keep=Keep(tmp_path / "model")).record
    scored = run_one(
        ScoreRequest("", "retrieval/codes", str(tmp_path / "model"), data_dir=str(tmp_path)), store, False
    ).record
    assert scored["scores"] == trained["scores"]
    assert trained["scores"]["test"]["ndcg_at_10"] > 0
    assert any("texts are pooled by cls, as the checkpoint declares" in note for note in scored["task"]["notes"])
    assert json.loads((tmp_path / "model" / "modules.json").read_text())[0]["type"].startswith("sentence_transformers.")
