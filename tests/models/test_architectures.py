"""Encoders that are found by the config.json of a folder or hub id: what runs, and what is refused."""

import json

import pytest
import torch
import transformers

from harness.errors import InputError
from harness.values import valid_model
from models import MODELS, architectures, loading
from models.weights import find_weights

NARROW = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
KINDS = {
    "deberta-v2": ("DebertaV2", NARROW | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
    "distilbert": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}),
    "electra": ("Electra", NARROW | {"embedding_size": 16}),
    "xlm-roberta": ("XLMRoberta", NARROW | {"max_position_embeddings": 66}),
    "eurobert": ("EuroBert", NARROW | {"num_key_value_heads": 2}),
    "nomic_bert": ("NomicBert", NARROW),
    "gte": ("Gte", NARROW),
    "ultrabert": ("Ultrabert", NARROW),
}
"""Kind -> beginning of the names of its classes in transformers, and the values of a narrow config."""


def saved(folder, tokenizer, classes, values):
    torch.manual_seed(0)
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": None, "eos_token_id": None}
    config = getattr(transformers, f"{classes}Config")(vocab_size=len(tokenizer), **special, **values)
    model = getattr(transformers, f"{classes}Model")(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.eval()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_encoders_without_a_plugin_give_the_states_of_their_own_class(kind, tokenizer, tmp_path):
    expected = saved(tmp_path, tokenizer, *KINDS[kind])
    encoder = architectures.encoder_at(str(tmp_path))
    assert encoder.name == kind
    weights = find_weights(encoder, "custom", str(tmp_path))
    model, read = loading.load(encoder, "custom", weights)
    batch = read(["Ada met Grace in Oslo", "Plain words"], padding=True, return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        ours, theirs = (each.eval()(**inputs).last_hidden_state for each in (model, expected))
    real = inputs["attention_mask"].bool()
    torch.testing.assert_close(ours[real], theirs[real])


def test_the_longest_input_is_that_of_the_class_if_the_config_leaves_it_out(tokenizer, tmp_path):
    saved(tmp_path, tokenizer, *KINDS["deberta-v2"])
    config = json.loads((tmp_path / "config.json").read_text())
    config.pop("max_position_embeddings", None)
    (tmp_path / "config.json").write_text(json.dumps(config))
    encoder = architectures.encoder_at(str(tmp_path))
    assert loading.longest_input(encoder.config_class.from_pretrained(tmp_path), encoder, "custom") == 512


def test_positions_after_the_padding_id_are_no_room_for_text(tokenizer, tmp_path):
    model = saved(tmp_path, tokenizer, *KINDS["xlm-roberta"])
    encoder = architectures.encoder_at(str(tmp_path))
    limit = loading.max_length(model, encoder, "custom")
    assert limit == 66 - tokenizer.pad_token_id - 1
    words = torch.full((1, limit + 1), 7)
    model(input_ids=words[:, :limit])
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=words)


def test_a_registered_encoder_is_found_by_its_kind(small_bert):
    assert architectures.encoder_at(str(small_bert)) is MODELS["bert"]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"model_type": "gpt2"}, r"is a decoder \(gpt2\), which reads in one direction; choose a text encoder"),
        ({"model_type": "llama"}, r"is a decoder \(llama\)"),
        ({"model_type": "bert", "is_decoder": True}, r"is a decoder \(is_decoder in its config.json\)"),
        ({"model_type": "t5"}, r"is an encoder-decoder \(t5\), and only encoders are compared; choose"),
        ({"model_type": "bart"}, r"is an encoder-decoder \(bart\)"),
        ({"model_type": "vit"}, "is of the kind vit, which is no encoder of texts; choose"),
        ({"model_type": "ultravbert"}, "is of the kind ultravbert, which is no encoder of texts"),
        (
            {"model_type": "new-thing", "auto_map": {"AutoModel": "modeling.Thing"}},
            r"does not know without code of the checkpoint \(auto_map\), which is never run; choose another checkpoint",
        ),
        ({"model_type": "new-thing"}, "'new-thing', which transformers does not know; register the encoder"),
        ({"hidden_size": 3}, "does not say which architecture it is of"),
        (
            {"model_type": "distilbert", "dim": "wide"},
            "config.json of .* cannot be used .*field 'dim': .*'dim' expected int, got str.*; save the model again",
        ),
    ],
)
def test_other_models_are_refused_in_one_sentence(config, sentence, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=sentence) as refused:
        architectures.encoder_at(str(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_bidirectional_decoder_is_an_encoder(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "gemma3_text", "use_bidirectional_attention": True})
    )
    assert architectures.encoder_at(str(tmp_path)).name == "gemma3_text"


def test_a_known_architecture_runs_without_the_code_that_its_checkpoint_brings(tokenizer, tmp_path):
    saved(tmp_path, tokenizer, *KINDS["nomic_bert"])
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling.Nomic"}}))
    (tmp_path / "modeling.py").write_text("raise SystemExit('code of a checkpoint was run')")
    encoder = architectures.encoder_at(str(tmp_path))
    loading.load(encoder, "custom", find_weights(encoder, "custom", str(tmp_path)))


def test_folders_without_config_weights_or_tokenizer_are_refused(tokenizer, tmp_path):
    with pytest.raises(InputError, match=r"holds no config.json"):
        architectures.encoder_at(str(tmp_path))
    saved(tmp_path / "whole", tokenizer, *KINDS["electra"])
    encoder = architectures.encoder_at(str(tmp_path / "whole"))
    for file in (tmp_path / "whole").glob("tokenizer*"):
        file.unlink()
    with pytest.raises(InputError, match=r"tokenizer"):
        loading.load(encoder, "custom", find_weights(encoder, "custom", str(tmp_path / "whole")))
    (tmp_path / "whole" / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no \*.safetensors"):
        find_weights(encoder, "custom", str(tmp_path / "whole"))


def test_hub_ids_and_paths_that_cannot_be_read_name_the_next_step(offline):
    with pytest.raises(InputError, match="hf download no-such-owner/no-such-model --local-dir DIR"):
        architectures.encoder_at("no-such-owner/no-such-model")
    with pytest.raises(
        InputError, match=r"there is no folder \./nowhere; --model takes a registered name, a folder or a hub id"
    ):
        architectures.encoder_at("./nowhere")


def test_a_hub_id_is_read_from_the_cache_of_the_hub(tokenizer, tmp_path, monkeypatch, offline):
    commit = "0123456789" * 4
    repository = tmp_path / "models--owner--tiny-electra"
    expected = saved(repository / "snapshots" / commit, tokenizer, *KINDS["electra"])
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    encoder = architectures.encoder_at("owner/tiny-electra")
    weights = find_weights(encoder, "custom", "owner/tiny-electra")
    assert weights.revision == commit
    assert weights.identity.startswith(f"owner/tiny-electra@{commit}")
    model, _ = loading.load(encoder, "custom", weights)
    torch.testing.assert_close(model.state_dict(), expected.state_dict())


def test_locations_are_told_from_names(small_bert, tmp_path, monkeypatch):
    assert architectures.is_location(str(small_bert))
    assert architectures.is_location("owner/name")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert").mkdir()
    (tmp_path / "mine").mkdir()
    assert not architectures.is_location("bert")
    assert not architectures.is_location("bm25")
    assert not architectures.is_location("brt")
    assert architectures.is_location("mine")
    assert valid_model("mine/") == "mine/"
