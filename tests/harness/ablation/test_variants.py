"""Which variants a study has, and the sentence for what is no variant."""

import pytest

from harness.ablation.variants import Base, published, varied
from harness.errors import InputError
from harness.pretraining.recipe import PretrainRecipe
from models import MODELS
from models.ablations import Ablation
from models.avey_b.configuration import AveyBConfig

RECIPE = PretrainRecipe(10**6)
VALUES = {
    "k": 3,
    "chunk_size": 64,
    "num_attention_heads": 4,
    "hidden_size": 256,
    "compression": True,
    "arrangement": "x",
}
BASE = Base("m", VALUES, {}, RECIPE)


def test_every_published_ablation_of_avey_b_changes_one_value_to_one_that_it_takes():
    ablations = MODELS["avey-b"].published_ablations
    usual = AveyBConfig().to_dict()
    assert len({ablation.name for ablation in ablations}) == len(ablations)
    for ablation in ablations:
        assert len(ablation.options) + len(ablation.recipe) == 1
        for name, text in ablation.options.items():
            kind = type(usual[name])
            value = text == "true" if kind is bool else kind(text)
            assert value != usual[name]
            AveyBConfig(**{name: value})
    varied_values = {name for ablation in ablations for name in (*ablation.options, *ablation.recipe)}
    assert varied_values == {
        "arrangement",
        "similarity",
        "ranker_direction",
        "compression",
        "compression_residual",
        "chunk_size",
        "k",
        "mask_rate",
        "rows",
    }


def test_every_finding_has_its_source_and_the_families_it_speaks_of():
    found = [ablation.finding for ablation in MODELS["avey-b"].published_ablations if ablation.finding]
    assert found
    assert all(finding.source and finding.words and finding.families for finding in found)


def test_other_encoders_have_none():
    with pytest.raises(InputError, match="bert has no published ablations; name values with --vary"):
        published(Base("bert", {}, {}, RECIPE), MODELS["bert"].published_ablations)


def test_published_ablations_change_the_baseline_and_what_is_the_baseline_is_left_out():
    ablations = [
        Ablation("k-1", {"k": "1"}),
        Ablation("k-3", {"k": "3"}),
        Ablation("mask", recipe={"mask_rate": "0.2"}),
    ]
    found = published(BASE, ablations)
    assert [variant.name for variant in found] == ["baseline", "k-1", "mask"]
    assert found.others[0].options == {"k": "1"}
    assert found.others[1].recipe.mask_rate == (0.2, 0.2)
    assert found.notes == ("k-3 is the baseline itself and is left out",)
    assert [variant.name for variant in published(BASE, ablations, ["mask"]).others] == ["mask"]
    with pytest.raises(InputError, match="k-3 is what the baseline is already"):
        published(BASE, ablations, ["k-3"])


def test_the_usual_value_is_the_baseline_wherever_it_stands():
    found = varied(BASE, ["k=1,3,5"])
    assert [(variant.name, dict(variant.options)) for variant in found] == [
        ("baseline", {"k": "3"}),
        ("k=1", {"k": "1"}),
        ("k=5", {"k": "5"}),
    ]
    found = varied(BASE, ["mask-rate=0.15,0.3:0.15"])
    assert found.baseline.recipe == RECIPE
    assert [variant.recipe.mask_rate for variant in found.others] == [(0.15, 0.15)]


def test_the_first_value_is_the_baseline_where_the_usual_one_is_not_given():
    found = varied(BASE, ["heads=2,8", "optimizer=muon,adamw"])
    assert found.baseline.options == {"num_attention_heads": "2"}
    assert found.baseline.recipe.optimizer == "adamw"
    assert [(variant.name, dict(variant.options), variant.recipe.optimizer) for variant in found.others] == [
        ("num_attention_heads=8", {"num_attention_heads": "8"}, "adamw"),
        ("optimizer=muon", {"num_attention_heads": "2"}, "muon"),
    ]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["k"], "--vary takes NAME=V1,V2"),
        (["k=3"], "--vary takes NAME=V1,V2"),
        (["k=3,"], "--vary takes NAME=V1,V2"),
        (["=1,2"], "--vary takes NAME=V1,V2"),
        (["k=1,1"], "--vary k has '1' twice"),
        (["k=1,3", "k=3,5"], "--vary has 'k' twice"),
        (["rows=256,256:256"], "twice"),
        (["chunk_sise=1,2"], "did you mean 'chunk_size'"),
        (["mask_rate=0.2,2"], "mask_rate=2 cannot be pretrained: --mask-rate must lie between"),
        (["rows=256,x"], "--rows takes 2 numbers"),
        (["optimizer=adamw,sgd"], "--optimizer is one of adamw, muon"),
        (["lr=1e-3,high"], "--lr takes a number"),
    ],
)
def test_what_is_no_variant_is_one_sentence(texts, sentence):
    with pytest.raises(InputError, match=sentence):
        varied(BASE, texts)
