"""The result is an ordinary checkpoint: transformers and the harness load it, and it says where it comes from."""

import shlex

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer, pipeline

import models.avey_b
import models.neobert  # noqa: F401  registers the classes
from harness.cli import command_parser, run_command
from harness.commands.pretrain import request_of
from harness.pretraining import export
from harness.pretraining.heldout import evaluate
from harness.pretraining.model import build
from harness.pretraining.planned import resolve
from harness.store import Store
from models import MODELS
from tests.harness.pretraining.conftest import SMALL, record_of

TEXT = "the train met a tall green house and a dog"


@pytest.fixture(params=sorted(SMALL), scope="module")
def result(request, corpus, small_tokenizer, tmp_path_factory, cache, matmul_rates):
    """The folder of a pretrained encoder, its name and the store."""
    folder = tmp_path_factory.mktemp(f"result-{request.param}")
    words = ["pretrain", "--model", request.param, "--tokens", "4K", "--batch-tokens", "512", "--rows", "32:64"]
    words += [f"--model-option={name}={value}" for name, value in SMALL[request.param].items()]
    words += ["--corpus", corpus, "--tokenizer", small_tokenizer, "--out", folder / "out", "--store", folder / "store"]
    words += ["--eval-tokens", "2048", "--lr", "3e-3", "--precision", "fp32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE_DIR", str(cache))
        patch.setattr("harness.pretraining.run.matmul_rate", matmul_rates)
        assert run_command([str(word) for word in words]) == 0
    return folder / "out", request.param, folder / "store"


def test_transformers_computes_the_same_logits_as_training(result):
    folder, name, _ = result
    trained, tokenizer = export.load(MODELS[name], folder)
    native, found = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert not found["mismatched_keys"]
    ids = tokenizer([TEXT], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        theirs = native.eval()(input_ids=ids).logits[0]
        ours = trained(ids, torch.arange(ids.shape[1])[None])["logits"]
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)
    assert native.get_input_embeddings().weight.shape[0] == len(tokenizer)


def test_the_bare_encoder_loads_without_its_head(result):
    folder, name, _ = result
    bare = AutoModel.from_pretrained(folder)
    trained, _ = export.load(MODELS[name], folder)
    state = bare.state_dict()
    for key, value in trained.encoder.state_dict().items():
        torch.testing.assert_close(state[key], value)


def test_the_pipeline_fills_a_mask(result):
    folder, _, _ = result
    answers = pipeline("fill-mask", model=str(folder))("the train met a [MASK] house", top_k=3)
    assert len(answers) == 3
    assert len(AutoTokenizer.from_pretrained(folder).tokenize("a [MASK]")) == 2
    assert all(0 < answer["score"] < 1 and answer["token_str"] for answer in answers)


def test_run_and_check_take_the_folder_as_weights(result, data_dir, tmp_path):
    folder, name, _ = result
    words = ["run", "--model", name, "--weights", folder, "--task", "ner/cities", "--data-dir", data_dir]
    words += ["--max-steps", "2", "--max-length", "96", "--out", tmp_path]
    assert run_command([str(word) for word in words]) == 0
    (run,) = Store(tmp_path).records()
    pretraining = record_of(folder)
    assert run["model"]["identity"] == pretraining["model"]["identity"]
    origin = run["model"]["pretraining"]
    assert (origin["key"], origin["seed"], origin["tokens"]) == (pretraining["key"], 0, 4096)
    assert any("pretrained on rows of 64" in note for note in run["task"]["notes"])
    assert run_command(["check", "--model", name, "--weights", str(folder)]) == 0


def test_fine_tuning_gets_the_dropout_of_the_size(result):
    folder, name, _ = result
    rate = {"bert": 0.1, "roberta": 0.1}.get(name)
    if rate is not None:
        assert AutoConfig.from_pretrained(folder).hidden_dropout_prob == rate


def test_the_store_has_a_record_and_the_folder_a_card(result):
    folder, name, store = result
    (record,) = Store(store).records("pretraining")
    assert record == record_of(folder)
    assert list(Store(store).records()) == []
    assert record["model"]["name"] == name
    assert record["task"]["tokens"]["train"] > 4000
    assert record["curve"][0]["tokens"] == 0
    assert record["curve"][-1]["tokens"] == record["recipe"]["tokens"] == 4096
    assert record["curve"][-1]["loss"] < record["curve"][0]["loss"]
    assert record["throughput"]["tokens_per_s"] > 0
    assert record["throughput"]["mfu"] is None or 0 < record["throughput"]["mfu"] <= 1
    assert record["curve"][0]["processor_s"] == 0 < record["curve"][-1]["processor_s"]
    assert record["baselines"]["bigram"]["loss"] < record["baselines"]["unigram"]["loss"]
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense:")
    assert record["command"] in card
    assert "Still on the plateau" in card
    assert (folder / "curve.png").read_bytes()[:4] == b"\x89PNG"
    assert len(AutoTokenizer.from_pretrained(folder)) == record["task"]["tokenizer"]["vocabulary"]


@pytest.mark.parametrize("native", [True, False], ids=["native class", "head beside"])
def test_states_without_a_final_norm_are_brought_to_unit_scale_and_nothing_else_changes(
    native, small_tokenizer, monkeypatch, tmp_path
):
    tokenizer = AutoTokenizer.from_pretrained(small_tokenizer)
    options = {name: str(value) for name, value in SMALL["avey-b"].items()}
    trained, config = build(MODELS["avey-b"], "tiny", options, tokenizer)
    with torch.no_grad():
        for layer in trained.eval().encoder.layers:
            layer.alpha.fill_(40.0)
    ids = tokenizer([TEXT], return_tensors="pt")["input_ids"]
    places = torch.arange(ids.shape[1])[None]
    with torch.no_grad():
        states, logits = trained.encoder(ids).last_hidden_state, trained(ids, places)["logits"]
    assert states.square().mean().sqrt() > 10
    if not native:
        monkeypatch.setattr(export, "NATIVE", {})
    export.save(trained, config, tokenizer, tmp_path / "out")
    loaded, _ = export.load(MODELS["avey-b"], tmp_path / "out")
    with torch.no_grad():
        assert 0.4 < loaded.encoder(ids).last_hidden_state.square().mean().sqrt() < 2.5
        assert torch.equal(loaded(ids, places)["logits"], logits)
        assert torch.equal(trained(ids, places)["logits"], logits)  # training goes on with what it had


def test_an_encoder_that_transformers_has_no_class_for_keeps_its_head_beside_it(result, monkeypatch, tmp_path):
    folder, name, _ = result
    trained, tokenizer = export.load(MODELS[name], folder)
    monkeypatch.setattr(export, "NATIVE", {})
    export.save(trained, AutoConfig.from_pretrained(folder), tokenizer, tmp_path / "bare")
    again, _ = export.load(MODELS[name], tmp_path / "bare")
    for key, value in trained.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, atol=0, rtol=0)


def test_further_rows_are_scored_as_the_result_reads_them(words, tmp_path):
    assert run_command(words(tokens="4K", rows="32", eval_rows="16,64")) == 0
    record = record_of(tmp_path / "out")
    scores = record["scores"]["heldout_by_rows"]
    assert scores.keys() == {"32", "16", "64"}
    options = command_parser().parse_args(shlex.split(record["command"])[3:])
    planned = resolve(request_of(options, "fp32"))
    model, _ = export.load(MODELS["bert"], tmp_path / "out")
    for rows in (16, 64):
        again = evaluate(model, planned.held(rows), torch.device("cpu"))
        assert again["bits_per_byte"] == pytest.approx(scores[str(rows)]["bits_per_byte"], rel=1e-4)
