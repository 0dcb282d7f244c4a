"""NeoBERT: the published numbers, padding, bad input, and its place among the Auto classes."""

import copy
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
    pipeline,
)

from models.neobert import NeoBERTConfig, NeoBERTForMaskedLM, NeoBERTModel

SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_length": 40,
    "embedding_init_range": 1.0,
    "decoder_init_range": 0.3,
}


def small(model_class=NeoBERTModel, **options):
    torch.manual_seed(0)
    return model_class(NeoBERTConfig(**SMALL | options)).eval()


def ids(*shape):
    return torch.randint(1, SMALL["vocab_size"], shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "golden" / "neobert_small"
    config = json.loads((folder / "config.json").read_text())
    lengths = config.pop("lengths")
    del config["model"]
    return config, lengths, load_file(folder / "weights.safetensors"), load_file(folder / "cases.safetensors")


# --- the published numbers ---


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("masked", [True, False])
def test_equals_the_published_implementation(golden, attention, masked):
    config, lengths, weights, cases = golden
    model = NeoBERTForMaskedLM(NeoBERTConfig(**config, attn_implementation=attention)).eval()
    model.load_state_dict(weights, strict=True)
    compared = 0
    for length in lengths:
        input_ids, mask = cases[f"{length}.input_ids"], cases[f"{length}.attention_mask"]
        rows = slice(None) if masked else mask.bool().all(dim=1)  # unmasked: only the texts without padding
        with torch.no_grad():
            output = model(input_ids[rows], mask[rows] if masked else None, output_hidden_states=True)
        real = mask[rows].bool()
        hidden = cases[f"{length}.last_hidden_state"][rows][real]
        torch.testing.assert_close(output.hidden_states[-1][real], hidden, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(output.logits[real], cases[f"{length}.logits"][rows][real], atol=1e-5, rtol=1e-5)
        compared += int(real.sum())
    assert compared > 0


def test_a_published_checkpoint_loads_into_the_head_and_into_the_bare_model(golden, tmp_path):
    config, _, weights, cases = golden
    published = NeoBERTForMaskedLM(NeoBERTConfig(**config))
    published.load_state_dict(weights, strict=True)
    published.save_pretrained(tmp_path)
    assert set(load_file(tmp_path / "model.safetensors")) == set(weights)
    for model_class in (NeoBERTForMaskedLM, NeoBERTModel):
        model, report = model_class.from_pretrained(tmp_path, output_loading_info=True)
        assert not report["missing_keys"]
        assert not report["mismatched_keys"]
        hidden = getattr(model, "model", model)(cases["7.input_ids"], cases["7.attention_mask"]).last_hidden_state
        torch.testing.assert_close(hidden, cases["7.last_hidden_state"], atol=1e-5, rtol=1e-5)


def test_one_block_equals_an_independent_formula():
    """Rotary attention by explicit 2 x 2 rotations and loops, SwiGLU by its definition, in float64."""
    model = small(num_hidden_layers=1).double()
    tokens = ids(1, 6)
    block, width, heads = model.transformer_encoder[0], 32, 4
    size = width // heads

    def norm(x, layer):
        return x / (x.pow(2).mean(-1, keepdim=True) + model.config.norm_eps).sqrt() * layer.weight

    def turned(vector, position):
        out = torch.empty_like(vector)
        for pair in range(size // 2):
            angle = torch.tensor(position * 10_000.0 ** (-2 * pair / size), dtype=torch.float64)
            matrix = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
            out[2 * pair : 2 * pair + 2] = matrix @ vector[2 * pair : 2 * pair + 2]
        return out

    x = model.encoder.weight[tokens[0]]
    qkv = (norm(x, block.attention_norm) @ block.qkv.weight.T).view(6, heads, 3, size)
    attended = torch.zeros(6, heads, size, dtype=torch.float64)
    for head in range(heads):
        queries = torch.stack([turned(qkv[t, head, 0], t) for t in range(6)])
        keys = torch.stack([turned(qkv[t, head, 1], t) for t in range(6)])
        attended[:, head] = (queries @ keys.T / size**0.5).softmax(-1) @ qkv[:, head, 2]
    x = x + attended.flatten(1) @ block.wo.weight.T
    gate, value = (norm(x, block.ffn_norm) @ block.ffn.w12.weight.T).chunk(2, dim=-1)
    x = x + (gate * gate.sigmoid() * value) @ block.ffn.w3.weight.T
    expected = norm(x, model.layer_norm)
    # The angles are float32 by design, whatever the weights are.
    torch.testing.assert_close(model(tokens).last_hidden_state[0], expected, atol=1e-5, rtol=1e-5)


# --- padding ---


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), extra=st.integers(0, 15), left=st.booleans())
def test_padding_changes_no_token(lengths, extra, left):
    """Rotary attention knows distances only, so even padding on the left is harmless."""
    model, width = small(), max(lengths) + extra
    texts = [ids(1, length) for length in lengths]
    batch, mask = torch.full((len(texts), width), 7), torch.zeros(len(texts), width, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(width - text.shape[1], width) if left else slice(0, text.shape[1])
        batch[row, place], mask[row, place] = text[0], 1
    with torch.no_grad():
        together = model(batch, mask).last_hidden_state
        for row, text in enumerate(texts):
            alone = model(text).last_hidden_state[0]
            torch.testing.assert_close(together[row][mask[row].bool()], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_text_that_is_padding_alone_stays_finite_and_harms_no_other(attention):
    model, tokens = small(attn_implementation=attention), ids(2, 9)
    mask = torch.ones_like(tokens)
    mask[1] = 0
    output = model(tokens, mask).last_hidden_state
    assert output.isfinite().all()
    torch.testing.assert_close(output[0], model(tokens[:1]).last_hidden_state[0], atol=1e-5, rtol=1e-5)


# --- bad input ---


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"input_ids": torch.tensor([[3, 50]])}, "id 50 is outside the vocabulary of 50"),
        ({"input_ids": torch.tensor([[3, -1]])}, "id -1 is outside the vocabulary"),
        ({"input_ids": ids(2, 5), "attention_mask": torch.ones(2, 4)}, r"shape \(2, 4\) and the texts have \(2, 5\)"),
        ({"input_ids": ids(2, 5), "attention_mask": torch.ones(2, 1, 5, 5)}, "they must agree"),
        ({"input_ids": ids(1, 41)}, "41 tokens and NeoBERT takes at most 40"),
        ({"input_ids": torch.zeros(1, 0, dtype=torch.long)}, "none empty"),
        ({"input_ids": ids(5)}, r"ids of shape \(batch, length\)"),
        ({}, "either input_ids or inputs_embeds"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(inputs, sentence):
    with pytest.raises(ValueError, match=sentence):
        small()(**inputs)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_attention_heads": 5}, "does not divide into 5 heads"),
        ({"hidden_size": 12}, "heads of even width"),
        ({"num_hidden_layers": 0}, "at least 1 as num_hidden_layers"),
        ({"max_length": 0}, "at least 1 as max_length"),
    ],
)
def test_a_config_that_cannot_be_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        NeoBERTConfig(**SMALL | options)


def test_the_config_takes_the_published_keys():
    config = NeoBERTConfig(**{"dim_head": 64, "kwargs": {"trust_remote_code": True}, "model_type": "neobert"})
    assert (config.ffn_size, config.head_size, config.max_position_embeddings) == (2048, 64, 4096)


# --- a good citizen of transformers ---


def test_the_decoder_is_not_tied():
    model = small(NeoBERTForMaskedLM)
    assert not model.config.tie_word_embeddings
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight


@pytest.mark.parametrize(
    "auto",
    [
        AutoModel,
        AutoModelForMaskedLM,
        AutoModelForTokenClassification,
        AutoModelForSequenceClassification,
        AutoModelForQuestionAnswering,
    ],
)
def test_saved_and_reloaded_by_the_auto_classes(auto, tmp_path):
    model = auto.from_config(NeoBERTConfig(**SMALL, num_labels=3)).eval()
    model.save_pretrained(tmp_path)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["model.safetensors"]
    assert isinstance(AutoConfig.from_pretrained(tmp_path), NeoBERTConfig)
    again = auto.from_pretrained(tmp_path)
    assert type(again) is type(model)
    tokens = ids(2, 6)
    assert torch.equal(model(tokens)[0], again(tokens)[0])


@pytest.mark.parametrize(
    ("auto", "labels"),
    [
        (AutoModelForMaskedLM, {"labels": ids(2, 6)}),
        (AutoModelForTokenClassification, {"labels": torch.tensor([[0, 1, 2, -100, 1, 0]] * 2)}),
        (AutoModelForSequenceClassification, {"labels": torch.tensor([0, 2])}),
        (
            AutoModelForQuestionAnswering,
            {"start_positions": torch.tensor([1, 2]), "end_positions": torch.tensor([3, 4])},
        ),
    ],
)
def test_a_head_learns(auto, labels):
    torch.manual_seed(0)
    model = auto.from_config(NeoBERTConfig(**SMALL, num_labels=3, classifier_dropout=0.0)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = model(ids(2, 6), **labels).loss
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@pytest.mark.filterwarnings("ignore:.gradient_checkpointing_enable. is deprecated:FutureWarning")
def test_checkpointed_gradients_are_the_same():
    model = small(NeoBERTForMaskedLM).train()
    model(ids(2, 6), labels=ids(2, 6)).loss.backward()
    plain = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    model.gradient_checkpointing_enable()
    model(ids(2, 6), labels=ids(2, 6)).loss.backward()
    for parameter, gradient in zip(model.parameters(), plain, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-5)


def test_training_works_after_inference_mode():
    model = small(NeoBERTForMaskedLM)
    with torch.inference_mode():
        model(ids(1, 6))
    model.train()(ids(1, 6), labels=ids(1, 6)).loss.backward()


def test_angles_stay_exact_in_a_bfloat16_model():
    model = small()
    rounded = copy.deepcopy(model).bfloat16()
    rounded(ids(1, 39))
    assert torch.equal(rounded.rotary(39, torch.device("cpu")), model.rotary(39, torch.device("cpu")))
    assert model.rotary(39, torch.device("cpu")).dtype == torch.float32


def test_the_rotary_table_is_computed_once(monkeypatch):
    model, computed = small(), []
    compute = model.rotary._compute
    monkeypatch.setattr(model.rotary, "_compute", lambda *args: computed.append(args) or compute(*args))
    for length in (5, 30, 12, 40):
        model(ids(1, length))
    assert len(computed) == 1


def test_autocast_is_close_to_float32():
    model, tokens = small(), ids(2, 20)
    with torch.no_grad():
        exact = model(tokens).last_hidden_state
        with torch.autocast("cpu", torch.bfloat16):
            close = model(tokens).last_hidden_state
    assert ((close - exact).norm() / exact.norm()).item() < 0.03


def test_attention_weights_on_request():
    tokens, mask = ids(1, 5), torch.tensor([[1, 1, 1, 0, 0]])
    output = small(attn_implementation="eager")(tokens, mask, output_attentions=True)
    assert [weights.shape for weights in output.attentions] == [(1, 4, 5, 5)] * 2
    assert (output.attentions[0][..., 3:] == 0).all()
    torch.testing.assert_close(output.attentions[0].sum(-1), torch.ones(1, 4, 5))


def test_exported_it_computes_the_same():
    model, tokens = small(), ids(2, 12)
    mask = torch.ones_like(tokens)
    mask[1, 8:] = 0
    program = torch.export.export(model, (tokens, mask))
    exported = program.module()(tokens, mask)["last_hidden_state"]
    torch.testing.assert_close(exported, model(tokens, mask).last_hidden_state, atol=1e-5, rtol=1e-5)


def test_fill_mask_pipeline(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", "[MASK]", *(f"w{i}" for i in range(47))]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    )
    tokenizer.save_pretrained(tmp_path)
    model = small(NeoBERTForMaskedLM)
    model.save_pretrained(tmp_path)
    best = pipeline("fill-mask", model=str(tmp_path), device="cpu")("w1 [MASK] w3")[0]
    logits = model(torch.tensor([[4, 2, 6]])).logits[0, 1]
    assert best["token"] == logits.argmax().item()
    assert best["score"] == pytest.approx(logits.softmax(-1).max().item(), abs=1e-5)
