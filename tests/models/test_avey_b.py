"""Avey-B: the published numbers, the direct formulation, padding, and bad input."""

import json
import random
import shutil

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from models.avey_b import AveyBConfig, AveyBForMaskedLM, AveyBModel
from tests.models.avey_b_reference import Reference

GOLDEN = [("avey_b_small", length) for length in (1, 5, 8, 9, 16, 23, 64, 131)]
GOLDEN += [("avey_b_k3", length) for length in (40, 300, 700)]


def small(model_class=AveyBModel, **options):
    """A model of random weights, its biases included: at their start of zero, padding rows would stay zero anyway."""
    torch.manual_seed(0)
    model = model_class(
        AveyBConfig(**{"vocab_size": 61, "d_embed": 24, "n_layers": 3, "chunk_size": 8, "k": 2} | options)
    )
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return model.eval()


def deviation(got, want):
    """Largest difference, relative to the tensor's scale."""
    return ((got - want).abs().max() / want.abs().max()).item()


def padded(texts, *, extra=0, side="right"):
    """(ids, mask) of texts, padded with an id that is also a word."""
    width = max(len(text) for text in texts) + extra
    ids, mask = torch.full((len(texts), width), 7), torch.zeros(len(texts), width, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(0, len(text)) if side == "right" else slice(width - len(text), width)
        ids[row, place], mask[row, place] = text, 1
    return ids, mask


def texts_of(lengths, vocab_size=61):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(vocab_size, (length,), generator=generator) for length in lengths]


@pytest.fixture
def published(shared, tmp_path):
    def folder(name):
        shutil.copy(shared / "golden" / name / "config.json", tmp_path / "config.json")
        shutil.copy(shared / "golden" / name / "weights.safetensors", tmp_path / "model.safetensors")
        return tmp_path

    return folder


@pytest.mark.parametrize(("name", "length"), GOLDEN)
def test_published_numbers(shared, published, name, length):
    model = AveyBForMaskedLM.from_pretrained(published(name))
    model.load_state_dict(load_file(shared / "golden" / name / "weights.safetensors"), strict=True)
    case = load_file(shared / "golden" / name / "cases.safetensors")
    ids, labels, want = (case[f"{length}.{key}"] for key in ("input_ids", "labels", "last_hidden_state"))

    output = model(ids, labels=labels, output_hidden_states=True)
    with torch.no_grad():
        without_gradient = AveyBModel.from_pretrained(published(name))(ids).last_hidden_state
    assert deviation(output.hidden_states[-1], want) < 1e-5
    assert deviation(without_gradient, want) < 1e-5
    # A loss near zero is the logarithm of a number near one, of which float32 holds seven digits and no more.
    assert abs(output.loss.item() - case[f"{length}.loss"].item()) < 1e-5 * max(1e-1, output.loss.item())

    model.double().zero_grad()
    loss = model(ids, labels=labels).loss
    assert deviation(loss, case[f"{length}.loss"].double()) < 1e-6
    loss.backward()
    gradients = dict(model.named_parameters())
    names = [key.removeprefix(f"{length}.grad.") for key in case if key.startswith(f"{length}.grad.")]
    assert names
    for key in names:
        assert deviation(gradients[key].grad, case[f"{length}.grad.{key}"].double()) < 1e-5, key


@pytest.mark.parametrize("name", ["avey_b_small", "avey_b_k3"])
def test_published_gradients_in_single_precision(shared, published, name):
    model = AveyBForMaskedLM.from_pretrained(published(name))
    case = load_file(shared / "golden" / name / "cases.safetensors")
    for length in (length for folder, length in GOLDEN if folder == name and length > 1):
        model.zero_grad()
        model(case[f"{length}.input_ids"], labels=case[f"{length}.labels"]).loss.backward()
        for key, parameter in model.named_parameters():
            if (want := case.get(f"{length}.grad.{key}")) is not None:
                assert deviation(parameter.grad, want) < 1e-5, (length, key)


def test_base_size_has_the_published_parameters():
    with torch.device("meta"):
        model = AveyBForMaskedLM(AveyBConfig())
    layer = (768 * 3072 + 3072) + (2304 * 768 + 768) + 768 + 1
    embedding, compression, static = 50368 * 768, 256 * 1024, 256 * 256
    assert (
        sum(p.numel() for p in model.parameters()) == embedding + compression + 30 * layer + 15 * static == 163_929_118
    )


CHOICES = {
    "d_embed": [23, 24],
    "n_layers": [1, 2, 3, 4],
    "chunk_size": [1, 3, 4, 8],
    "k": [1, 2, 3],
    "arrangement": [
        "interleaved",
        "dynamic_first",
        "all_static",
        "all_dynamic",
        "static_then_dynamic",
        "dynamic_then_static",
    ],
    "similarity": ["divide_by_sum", "softmax", "rms_norm", "none"],
    "ranker_direction": ["left", "bidirectional"],
    "compression": [True, False],
    "compression_residual": [True, False],
    "padding": ["live", "zero"],
}


@settings(max_examples=40, deadline=None)
@given(
    options=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()}),
    lengths=st.lists(st.integers(1, 33), min_size=1, max_size=4),
    extra=st.integers(0, 5),
    shuffle=st.integers(0, 2**32),
)
def test_equals_the_direct_formulation(options, lengths, extra, shuffle):
    model = small(vocab_size=2000, **options).double()
    reference = Reference(dict(model.named_parameters()), model.config)
    texts = texts_of(lengths, vocab_size=2000)
    assume(all(not has_near_ties(reference, text) for text in texts))
    width = max(lengths) + extra
    chooser, ids, mask = random.Random(shuffle), torch.zeros(len(texts), width, dtype=torch.long), None
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for row, text in enumerate(texts):
        # Padding may stand anywhere: a masked position is no part of its text.
        mask[row, sorted(chooser.sample(range(width), len(text)))] = True
        ids[row, mask[row]] = text

    got = model(ids, mask).last_hidden_state
    want = torch.zeros_like(got)
    for row, text in enumerate(texts):
        want[row, mask[row]] = reference.hidden_states(text)
    with torch.no_grad():
        in_place = model(ids, mask).last_hidden_state
    assert deviation(got, want) < 1e-10
    assert deviation(in_place, want) < 1e-10

    pull = torch.randn(got.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    names, parameters = zip(*model.named_parameters(), strict=True)
    ours = torch.autograd.grad((got * pull).sum(), parameters, allow_unused=True)
    theirs = torch.autograd.grad((want * pull).sum(), parameters, allow_unused=True)
    for name, one, other in zip(names, ours, theirs, strict=True):
        if one is not None and other is not None and float(other.abs().max()) > 1e-9:
            assert deviation(one, other) < 1e-8, name
        else:
            assert all(gradient is None or float(gradient.abs().max()) < 1e-9 for gradient in (one, other)), name


def has_near_ties(reference, text):
    """Whether some split's choice of neighbours hangs on rounding."""
    size = reference.config.chunk_size
    count = -(-len(text) // size)
    rows = torch.nn.functional.embedding(text, reference.weights["embed.weight"].detach())
    splits = torch.nn.functional.pad(rows, (0, 0, 0, count * size - len(text))).view(count, size, -1)
    scores = reference.maxsim(splits, (torch.arange(count * size) < len(text)).view(count, size))
    gaps = [row.sort().values.diff() for row in scores]
    return any(bool((gap < 1e-9).any()) for gap in gaps) or any(bool((row.abs() < 1e-3).any()) for row in scores)


@pytest.mark.parametrize("padding", ["live", "zero"])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("gradient", [True, False])
def test_a_text_has_the_same_output_alone_and_in_any_batch(padding, side, gradient):
    model = small(padding=padding)
    texts = texts_of([1, 5, 8, 9, 30, 17, 64, 23])
    with torch.set_grad_enabled(gradient):
        alone = [model(text[None]).last_hidden_state[0] for text in texts]
        for chosen in ([0, 1], [6, 0, 4], list(range(8)), [7, 3]):
            for extra in (0, 1, 40):
                ids, mask = padded([texts[i] for i in chosen], extra=extra, side=side)
                output = model(ids, mask).last_hidden_state
                for row, i in enumerate(chosen):
                    assert deviation(output[row, mask[row].bool()], alone[i]) < 1e-5
                    assert not output[row, ~mask[row].bool()].any()


def test_losses_ignore_padding():
    model = small(AveyBForMaskedLM)
    text = texts_of([20])[0]
    ids, mask = padded([text], extra=30)
    labels = torch.where(mask.bool(), ids, -100)
    assert deviation(model(ids, mask, labels=labels).loss, model(text[None], labels=text[None]).loss) < 1e-5


def test_padding_that_stays_zero_is_not_read():
    """With "zero" what stands in a split's rows of padding cannot matter: a short text costs its own length."""
    model = small(padding="zero")
    text = texts_of([3])[0]
    seen = []
    for layer in model.layers:
        layer.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape))
    model(text[None])
    assert seen == [(1, 3, 24)] * 3
    live = small(padding="live")
    assert deviation(live(text[None]).last_hidden_state, model(text[None]).last_hidden_state) > 1e-3


def test_splits_that_are_all_padding_are_not_computed():
    model = small()
    rows = []
    model.layers[0].register_forward_hook(lambda _, inputs, __: rows.append(inputs[0].shape[:2].numel()))
    model(*padded(texts_of([3, 9, 33])))
    assert sum(rows) == (1 + 2 + 5) * 8


def test_half_precision_ranks_as_single_precision_does():
    model = small(d_embed=64, vocab_size=500).float()
    ids = texts_of([200], 500)[0][None]
    chosen = []
    retrieve = model.ranker.retrieve
    model.ranker.retrieve = lambda *arguments: chosen.append(retrieve(*arguments)) or chosen[-1]
    with torch.no_grad():
        exact = model(ids).last_hidden_state
        with torch.autocast("cpu", torch.bfloat16):
            half = model(ids).last_hidden_state
    assert torch.equal(chosen[0][0], chosen[1][0])
    assert torch.equal(chosen[0][1], chosen[1][1])
    assert 0 < deviation(half, exact) < 0.05


def test_vectors_instead_of_ids():
    model = small()
    ids, mask = padded(texts_of([5, 40, 17]))
    want = model(ids, mask).last_hidden_state
    assert deviation(model(inputs_embeds=model.embed(ids), attention_mask=mask).last_hidden_state, want) < 1e-5


@pytest.mark.parametrize("gradient", [False, True])
def test_the_output_may_be_scaled(gradient):
    ids, mask = padded(texts_of([5, 40, 17]))
    plain, scaled = small(), small(output_scale=0.25)
    with torch.set_grad_enabled(gradient):
        want = plain(ids, mask, output_hidden_states=True).hidden_states
        states = scaled(ids, mask, output_hidden_states=True)
    assert torch.equal(states.last_hidden_state, want[-1] / 4)
    assert torch.equal(states.hidden_states[-1], want[-1] / 4)
    for one, other in zip(states.hidden_states[:-1], want[:-1], strict=True):
        assert torch.equal(one, other)


def test_hidden_states_of_every_layer():
    model = small()
    ids, mask = padded(texts_of([5, 40]))
    with torch.no_grad():
        in_place = model(ids, mask, output_hidden_states=True)
    states = model(ids, mask, output_hidden_states=True)
    assert len(states.hidden_states) == 4
    for one, other in zip(in_place.hidden_states, states.hidden_states, strict=True):
        assert deviation(one, other) < 1e-5
    assert torch.equal(states.hidden_states[-1], states.last_hidden_state)
    assert model(ids, mask).hidden_states is None


def test_starts_as_published():
    torch.manual_seed(0)
    model = AveyBModel(AveyBConfig(vocab_size=400, d_embed=96, n_layers=2, chunk_size=64))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif name.endswith(("alpha", "norm.weight")):
            assert bool((parameter == 1).all()), name
        else:
            xavier = (2 / sum(parameter.shape)) ** 0.5
            assert parameter.detach().std().item() == pytest.approx(xavier, rel=0.05), name


OK = torch.zeros(2, 5, dtype=torch.long)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"input_ids": OK + 61}, "Token id 61 is not in the vocabulary of 61"),
        ({"input_ids": OK - 1}, "Token id -1 "),
        ({"input_ids": OK, "attention_mask": torch.ones(2, 4)}, r"attention_mask has the shape \(2, 4\)"),
        ({"input_ids": OK, "attention_mask": torch.tensor([[1] * 5, [0] * 5])}, "Text 1 of the batch has no token"),
        ({"input_ids": OK[:, :0]}, "at least one token"),
        ({"input_ids": OK[:0]}, "at least one token"),
        ({"input_ids": OK[0]}, "batch of texts"),
        ({}, "either input_ids or inputs_embeds"),
        ({"input_ids": OK, "inputs_embeds": torch.zeros(2, 5, 24)}, "either input_ids or inputs_embeds"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        small()(**arguments)


def test_an_id_out_of_the_vocabulary_may_stand_where_the_mask_is_zero():
    ids, mask = padded(texts_of([4]), extra=3)
    assert torch.isfinite(small()(torch.where(mask.bool(), ids, -100), mask).last_hidden_state).all()


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0},
        {"chunk_size": 0},
        {"n_layers": 0},
        {"d_embed": -3},
        {"vocab_size": 0},
        {"k": 1.5},
        {"k": True},
        {"eps": float("nan")},
        {"n_layers": "4"},
        {"eps": 0},
        {"arrangement": "sandwich"},
        {"similarity": "cosine"},
        {"ranker_direction": "right"},
        {"padding": "none"},
        {"output_scale": 0},
        {"output_scale": float("inf")},
    ],
)
def test_a_config_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="Avey-B") as caught:
        AveyBConfig(**options)
    assert next(iter(options)) in str(caught.value)


def test_a_published_config_keeps_its_meaning(tmp_path):
    keys = {"vocab_size": 9, "d_embed": 4, "n_layers": 2, "chunk_size": 3, "k": 1, "eps": 1e-12, "context_len": 77}
    (tmp_path / "config.json").write_text(json.dumps(keys | {"model_type": "avey-b"}))
    config = AveyBConfig.from_pretrained(tmp_path)
    assert keys.items() <= config.to_dict().items()
    assert (config.padding, config.arrangement, config.similarity) == ("live", "interleaved", "divide_by_sum")
    assert (config.hidden_size, config.max_position_embeddings) == (4, 77)
