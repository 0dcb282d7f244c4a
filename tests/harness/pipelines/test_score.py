"""Score checkpoints that others fine-tuned: as their own script does, and refused in a sentence where that is not possible."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

import harness
from harness.cells.plan import plan
from harness.cells.request import Request, ScoreRequest
from harness.cli import run_command
from harness.comparison.entries import entries
from harness.errors import InputError
from harness.nn.heads import with_head
from harness.nn.inference import predict
from harness.pipelines.heads import headed
from harness.pipelines.pipeline import run
from harness.pipelines.run_cell import Keep, run_one
from harness.pipelines.save_model import save_model
from harness.pipelines.stages import Parts, Trained, rows_of, scores_of
from harness.report.comparable import comparisons
from harness.report.reading import read
from harness.report.recipe_words import recipe_sentence
from harness.store import Store
from tasks import TASKS
from tasks.data import Data
from tests.conftest import FILLER, save_bert
from tests.harness.pipelines.test_retrieval import write_world
from tests.harness.pipelines.test_saved_models import NARROW, narrow
from tests.records import run_record

NAMES = ["I-PERSON", "B-City", "O", "I-CITY", "B-person"]
"""The labels of ner/cities in another order and other cases."""
SENTENCES = {"max_length": 48, "precision": "fp32"}


def sentences(file):
    """Words and tags of a CoNLL file."""
    blocks = [block.splitlines() for block in file.read_text().strip().split("\n\n")]
    return [tuple(zip(*(line.split("\t") for line in block), strict=True)) for block in blocks]


class Plain(torch.utils.data.Dataset):
    """Sentences as a tutorial encodes them: the first sub-token of a word has its label."""

    def __init__(self, file, tokenizer):
        self.sentences, self.tokenizer = sentences(file), tokenizer
        self.ids = {name.upper(): number for number, name in enumerate(NAMES)}

    def __len__(self):
        return len(self.sentences)

    def __getitem__(self, index):
        words, tags = self.sentences[index]
        encoded = self.tokenizer(list(words), is_split_into_words=True, truncation=True, max_length=48)
        of_words, labels = encoded.word_ids(), []
        for place, word in enumerate(of_words):
            first = word is not None and word != of_words[place - 1]
            labels.append(self.ids[tags[word].upper()] if first else -100)
        return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"], "labels": labels}


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def script(request, tokenizer, data_dir, tmp_path_factory):
    """A plain Trainer script: fine-tune, predict, score, save. Gives the folder, its logits and its F1 on test."""
    folder = tmp_path_factory.mktemp("script") / "tagger"
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        request.param,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=64,
        id2label=dict(enumerate(NAMES)),
        label2id={name: number for number, name in enumerate(NAMES)},
        **(
            {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
            if request.param == "distilbert"
            else {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        ),
    )
    data = {split: Plain(data_dir / "ner" / "cities" / f"{split}.conll", tokenizer) for split in ("train", "test")}
    trainer = transformers.Trainer(
        transformers.AutoModelForTokenClassification.from_config(config),
        transformers.TrainingArguments(
            str(folder.parent / "work"),
            max_steps=14,
            learning_rate=5e-3,
            per_device_train_batch_size=32,
            report_to="none",
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=data["train"],
        data_collator=transformers.DataCollatorForTokenClassification(tokenizer),
    )
    trainer.train()
    logits, labels, _ = trainer.predict(data["test"])
    trainer.save_model(folder)
    tokenizer.save_pretrained(folder)
    tagged = [
        [NAMES[best].upper() for best, label in zip(row.argmax(-1), gold, strict=True) if label != -100]
        for row, gold in zip(logits, labels, strict=True)
    ]
    gold = [[tag.upper() for tag in tags] for _, tags in data["test"].sentences]
    report = classification_report(gold, tagged, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    return folder, logits, report["micro avg"]["f1-score"]


def request_for(folder, data_dir, task="ner/cities", **changes):
    return ScoreRequest("", task, str(folder), data_dir=str(data_dir), **({"recipe": SENTENCES} | changes))


def test_a_checkpoint_of_a_plain_script_scores_as_in_the_script(script, data_dir):
    folder, logits, f1 = script
    planned = plan(request_for(folder, data_dir))
    assert planned.cell.model == json.loads((folder / "config.json").read_text())["model_type"]
    parts = Parts(planned.encoder, planned.weights, planned.task, fine_tuned=planned.fine_tuned)
    data = planned.task.load("cities", str(data_dir))
    found = headed(planned.cell, parts, data)
    features = found.task.encode(data.splits["test"], data.labels, found.tokenizer, 48).features
    ours = predict(found.model, features, found.tokenizer, "fp32")
    for mine, theirs in zip(ours, logits, strict=True):
        np.testing.assert_allclose(mine, theirs[: len(mine)], atol=1e-6)
    record = run(planned).record
    assert 0.05 < f1 < 1.0
    assert record["scores"]["test"]["entity_f1_strict"] == pytest.approx(f1, abs=1e-12)
    assert record["trained"] == {"where": "elsewhere"}
    assert record["recipe"] == {**SENTENCES, "protocol": 2, "trained": "elsewhere"}
    assert record["task"]["n_train"] == 0


@pytest.fixture(scope="module")
def tagger(tokenizer, tmp_path_factory):
    """An untrained BERT tagger with the labels of ner/cities."""
    return save_head(tmp_path_factory.mktemp("tagger"), tokenizer, "AutoModelForTokenClassification", NAMES)


def save_head(folder, tokenizer, auto, names):
    save_bert(folder, tokenizer)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    torch.manual_seed(1)
    getattr(transformers, auto).from_config(config).save_pretrained(folder)
    return folder


def changed(folder, to, **values):
    """A copy of a checkpoint with other values in its config.json; those that are None are left out."""
    shutil.copytree(folder, to)
    config = json.loads((folder / "config.json").read_text()) | values
    (to / "config.json").write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    return to


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        ("ner/cities", {"id2label": None}, "has no id2label, so nobody knows which label each output is"),
        ("nli/docstrings", {}, "holds a BertForTokenClassification, and nli needs a model with a head of its own"),
        ("span/docstrings", {}, "needs a model with a head of its own, ...ForQuestionAnswering"),
        ("ner/cities", {"architectures": None}, "does not say which class it is of"),
        ("ner/cities", {"id2label": {str(n): f"LABEL_{n}" for n in range(5)}}, "does not say which of city, person"),
        (
            "ner/cities",
            {"id2label": dict(enumerate(["O", "B-city", "I-city", "B-GPE", "I-GPE"]))},
            "no output for the label person of the dataset; its outputs are city, GPE",
        ),
        (
            "ner/cities",
            {"id2label": dict(enumerate(["O", "B-city", "B-CITY", "B-person", "I-person"]))},
            "ambiguous which output of the checkpoint is the label B-city: B-city, B-CITY",
        ),
        ("ner/cities", {"model_type": "no-such"}, "architecture 'no-such', which transformers does not know"),
        ("lm/docstrings", {}, "score takes tasks with a head or with vectors, not lm"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(tagger, data_dir, tmp_path, capsys, task, values, message):
    folder = changed(tagger, tmp_path / "changed", **values)
    out = tmp_path / "runs"
    code = run_command(
        [
            "score",
            "--weights",
            str(folder),
            "--task",
            task,
            "--data-dir",
            str(data_dir),
            "--out",
            str(out),
            "--max-length",
            "48",
        ]
    )
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert last.startswith("harness: ")
    assert message in last
    assert not list(out.glob("*/run.json"))


def test_weights_must_be_a_checkpoint(capsys, tmp_path):
    for weights, message in (("hub", "takes a fine-tuned checkpoint"), (str(tmp_path), "holds no config.json")):
        assert run_command(["score", "--weights", weights, "--task", "ner"]) == 2
        assert message in capsys.readouterr().err


def test_a_head_without_weights_is_refused(tokenizer, data_dir, tmp_path, capsys):
    folder = save_bert(tmp_path / "bare", tokenizer)
    bare = changed(
        folder, tmp_path / "odd", architectures=["BertForTokenClassification"], id2label=dict(enumerate(NAMES))
    )
    arguments = [
        "--task",
        "ner/cities",
        "--data-dir",
        str(data_dir),
        "--out",
        str(tmp_path / "runs"),
        "--max-length",
        "48",
    ]
    assert run_command(["score", "--weights", str(bare), *arguments]) == 2
    assert "lacks 2 tensors of BertForTokenClassification, classifier.bias first" in capsys.readouterr().err


def test_bare_types_are_scored_as_entities(tokenizer, data_dir, tmp_path):
    names = ["PERSON", "O", "City"]
    folder = save_head(tmp_path / "types", tokenizer, "AutoModelForTokenClassification", names)
    done = run(plan(request_for(folder, data_dir)))
    assert any("converted to IOB2" in note for note in done.record["task"]["notes"])
    for row in done.predictions:
        for before, tag in zip(["O", *row["predicted"]], row["predicted"], strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


@pytest.mark.parametrize("labels", [("no", "yes"), ("LABEL_0", "LABEL_1")])
def test_pairs_of_texts_are_scored_with_the_head_of_the_checkpoint(labels, tokenizer, tmp_path):
    folder = save_head(tmp_path / "pairs", tokenizer, "AutoModelForSequenceClassification", labels)
    data = tmp_path / "nli" / "small"
    data.mkdir(parents=True)
    rows = [
        {"premise": f"Ada {n} saw", "hypothesis": f"Grace {n * n}", "label": "NO" if n % 3 else "YES"}
        for n in range(30)
    ]
    for split in ("train", "dev", "test"):
        (data / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given = {} if labels[0] == "no" else {"LABEL_0": "NO", "LABEL_1": "YES"}
    done = run(plan(request_for(folder, tmp_path, "nli/small", labels=given)))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for row in (row for row in done.predictions if row["split"] == "test"):
        with torch.inference_mode():
            logits = model(**tokenizer(row["text"], row["pair"], return_tensors="pt")).logits[0]
        assert row["predicted"] == ("NO", "YES")[int(logits.argmax())]
        by_label = dict(zip(("NO", "YES"), logits.softmax(-1).tolist(), strict=True))
        assert row["probabilities"] == pytest.approx(by_label, abs=1e-4)


def test_data_with_a_test_split_alone_are_scored_without_dev(tokenizer, tmp_path):
    folder = save_head(tmp_path / "pairs", tokenizer, "AutoModelForSequenceClassification", ("no", "yes"))
    data = tmp_path / "nli" / "small"
    data.mkdir(parents=True)
    rows = [{"premise": f"Ada {n} saw", "hypothesis": "Grace", "label": ("no", "yes")[n % 2]} for n in range(12)]
    (data / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = run(plan(request_for(folder, tmp_path, "nli/small")))
    assert done.record["scores"]["dev"] == {}
    assert 0 <= done.record["scores"]["test"]["accuracy"] <= 1
    assert {row["split"] for row in done.predictions} == {"test"}
    assert (done.record["task"]["n_dev"], done.record["task"]["n_test"]) == (0, 12)
    with pytest.raises(InputError, match=r"train\.jsonl is missing"):
        plan(Request("bert", "nli/small", data_dir=str(tmp_path)))


@pytest.mark.parametrize("name", ["nli", "multilabel", "sts", "span", "ner"])
def test_a_split_without_examples_has_no_scores_and_no_rows(name):
    data = Data({"train": [], "dev": [], "test": []}, ("no", "yes"), "embedded", "f" * 64)
    nothing = {"dev": [], "test": []}
    assert scores_of(TASKS[name], data, nothing) == {"dev": {}, "test": {}}
    assert rows_of(TASKS[name], data, nothing) == []


def test_answers_are_scored_with_the_head_of_the_checkpoint(tokenizer, tmp_path):
    from tests.harness.pipelines.test_pipeline_tasks import squad_file

    folder = save_head(tmp_path / "answers", tokenizer, "AutoModelForQuestionAnswering", ("LABEL_0", "LABEL_1"))
    data = tmp_path / "qa" / "places"
    data.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (data / f"{split}.json").write_text(squad_file(0, 20, 0))
    record = run(plan(request_for(folder, tmp_path, "span/places"))).record
    assert 0 <= record["scores"]["test"]["answer_f1"] <= 1


def test_reports_show_scored_checkpoints_apart_from_runs(tagger, small_bert, data_dir, tmp_path, capsys):
    out = tmp_path / "runs"
    scored = harness.score(tagger, "ner/cities", data_dir=data_dir, out=out, **SENTENCES)
    harness.run("bert", "ner/cities", weights=small_bert, data_dir=data_dir, out=out, max_steps=1, **SENTENCES)
    assert harness.score(tagger, "ner/cities", data_dir=data_dir, out=out, **SENTENCES) == scored  # from the store
    reading = read(out)
    assert (len(reading.runs), reading.broken) == (2, [])
    found = comparisons(reading.runs, lambda entries: ([""] * len(entries), ""))
    assert len(found) == 2
    assert {one.recipe.get("trained") for one in found} == {None, "elsewhere"}
    assert sorted(next(word for word in one.title.split(", ") if "fine-tuned" in word) for one in found) == [
        "fine-tuned elsewhere",
        "fine-tuned in its run",
    ]
    (of_score,) = (one for one in found if one.recipe.get("trained"))
    assert recipe_sentence(of_score.recipe) == "fine-tuned elsewhere, at most 48 tokens, fp32"
    assert run_command(["report", "--out", str(out), "--html", str(tmp_path / "report.html")]) in (0, 2)
    frame = harness.load_results(out)
    assert set(frame["trained"].dropna()) == {"elsewhere"}
    assert frame[frame["trained"].notna()]["learning_rate"].isna().all()


def test_the_labels_that_a_user_gives_are_another_cell(tagger, data_dir):
    plain = plan(request_for(tagger, data_dir)).cell
    told = plan(request_for(tagger, data_dir, labels={"B-City": "B-city"})).cell
    assert plain.key != told.key
    assert (
        "--label B-City=B-city" in plan(request_for(tagger, data_dir, labels={"B-City": "B-city"})).resolved.command()
    )


def test_a_store_keeps_a_scored_checkpoint(tagger, data_dir, tmp_path):
    outcome = run_one(request_for(tagger, data_dir), str(tmp_path), False)
    (entry,) = entries(Store(tmp_path).records())
    assert entry.runs[0] == outcome.record
    assert entry.learning_rate == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "quantize"), [("onnxruntime", "none"), ("openvino", "none"), ("openvino", "int8"), ("torch", "int8")]
)
def test_a_checkpoint_is_scored_as_it_is_deployed(script, data_dir, engine, quantize):
    folder, _, f1 = script
    request = request_for(folder, data_dir, engine=engine, quantize=quantize)
    done, usual = run(plan(request)), run(plan(request_for(folder, data_dir)))
    record, plain = done.record, usual.record
    if quantize == "none":
        for one, other in zip(done.predictions, usual.predictions, strict=True):
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=2e-4)
    assert record["key"] != plain["key"]
    assert record["trained"]["deployment"] == request.deployment
    tolerance = 1e-12 if quantize == "none" else 0.2
    assert record["scores"]["test"]["entity_f1_strict"] == pytest.approx(f1, abs=tolerance)
    assert len(entries([record, plain])) == 2


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_int8_scores_a_classifier_at_the_precision_that_is_usual_here(engine, small_bert, tmp_path):
    """On processors with bf16 products bf16 is the default; int8 layers of torch take float32 alone."""
    folder = tmp_path / "classification" / "mine"
    folder.mkdir(parents=True)
    lines = "".join(f'{{"text": "the river {word}", "label": "{word}"}}\n' for word in ("left", "right") * 8)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.jsonl").write_text(lines)
    saved = tmp_path / "saved"
    recipe = {"max_steps": 2, "max_length": 48, "precision": "bf16"}
    request = Request("bert", "classification/mine", str(small_bert), data_dir=str(tmp_path), recipe=recipe)
    run_one(request, str(tmp_path / "runs"), False, keep=Keep(saved))
    scored = ScoreRequest(
        "",
        "classification/mine",
        str(saved),
        data_dir=str(tmp_path),
        engine=engine,
        quantize="int8",
        recipe={"precision": "bf16"},
    )
    assert run(plan(scored)).record["status"] == "ok"


ENGINES = [
    ("torch", "int8", 0.1),
    ("torch", "bf16", 0.1),
    ("onnxruntime", "none", 1e-4),
    pytest.param("onnxruntime", "int8", 0.1, marks=pytest.mark.slow),
    pytest.param("openvino", "none", 1e-4, marks=pytest.mark.slow),
    pytest.param("openvino", "int8", 0.1, marks=pytest.mark.slow),
    pytest.param("compile", "none", 1e-4, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("engine", "quantize", "far"), ENGINES)
def test_a_retriever_ranks_as_it_is_deployed(engine, quantize, far, small_bert, tmp_path):
    write_world(tmp_path / "retrieval" / "codes", {"dev": 5, "test": 20})
    reading = {"max_length": 32, "precision": "fp32"}
    done, usual = (
        run(plan(request_for(small_bert, tmp_path, "retrieval/codes", recipe=reading, engine=one, quantize=rounded)))
        for one, rounded in ((engine, quantize), ("torch", "none"))
    )
    assert done.record["trained"]["deployment"]
    for one, other in zip(done.predictions, usual.predictions, strict=True):
        best, score = other["predicted"][0]
        assert dict(one["predicted"])[best] == pytest.approx(score, abs=far)


@pytest.mark.parametrize(
    ("engine", "quantize", "computes"),
    [
        ("torch", "none", None),
        ("compile", "none", None),
        ("onnxruntime", "none", "fp32"),
        ("openvino", "int8", "fp32"),
        ("torch", "int8", "fp32"),
        ("torch", "bf16", "bf16"),
        ("openvino", "bf16", "bf16"),
    ],
)
def test_a_cell_has_the_precision_in_which_its_engine_computes(engine, quantize, computes, tagger, data_dir):
    """`None` stands for torch without quantisation, which follows the recipe."""
    cells = {
        asked: plan(request_for(tagger, data_dir, recipe={"precision": asked}, engine=engine, quantize=quantize)).cell
        for asked in ("fp32", "bf16")
    }
    assert {asked: cell.recipe.precision for asked, cell in cells.items()} == {
        asked: computes or asked for asked in cells
    }
    assert (cells["fp32"].key == cells["bf16"].key) == (computes is not None)


@pytest.mark.slow
def test_dev_may_have_longer_texts_than_test_in_an_engine(tokenizer, tmp_path, monkeypatch):
    """Avey-B exported with a text of one split cannot read several."""
    monkeypatch.setitem(NARROW["avey-b"], "chunk_size", 32)
    labels = ("O", "B-city", "I-city", "B-person", "I-person")
    model = with_head("token", narrow("avey-b", tokenizer), len(labels))
    save_model(Trained(model, tokenizer, labels, None), run_record("avey-b"), "token", tmp_path / "saved")
    folder = tmp_path / "ner" / "lengths"
    folder.mkdir(parents=True)
    random, recipe = np.random.default_rng(0), {"max_length": 80, "precision": "fp32"}
    for split, words in {"train": 4, "dev": 60, "test": 4}.items():
        lines = [f"{word}\tO\n" for word in random.choice(FILLER, words)]
        (folder / f"{split}.conll").write_text("".join(["Oslo\tB-city\n", *lines]))
    done, usual = (
        run(plan(request_for(tmp_path / "saved", tmp_path, "ner/lengths", recipe=recipe, engine=engine)))
        for engine in ("onnxruntime", "torch")
    )
    for one, other in zip(done.predictions, usual.predictions, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=2e-4)


def test_an_engine_is_part_of_the_command_and_checked_at_once(tagger, data_dir, capsys):
    request = request_for(tagger, data_dir, engine="openvino", quantize="int8")
    assert "--engine openvino --quantize int8" in request.command()
    assert request_for(tagger, data_dir).deployment == ""
    words = ["score", "--weights", str(tagger), "--task", "ner/cities", "--data-dir", str(data_dir)]
    assert run_command([*words, "--engine", "onnxruntime", "--quantize", "bf16"]) == 2
    assert "no bf16" in capsys.readouterr().err
