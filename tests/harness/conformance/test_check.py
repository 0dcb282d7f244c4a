"""The five encoders conform, and an encoder with a planted fault is found out by the check made for it."""

import importlib
import random

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn
from transformers import BertConfig, BertModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput

from harness.conformance.check import check
from harness.conformance.demands import CHECKS, Subject, deviation
from harness.errors import InputError
from models import MODELS
from models.encoder import refuse_longer

IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
VOCABULARY = 300
TEXT = ["Anna lives in Paris and didn't pay 3.50 , said IBM-based U.S. officials (2024) ."] * 20

# The tiny sizes, smaller still: the same code paths in a second each.
SMALLER = {
    "avey-b": {"d_embed": 48, "n_layers": 4, "chunk_size": 64},
    "bert": {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128},
    "roberta": {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128},
    "modernbert": {"hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 96, "max_position_embeddings": 400},
    "neobert": {"hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "max_length": 400},
}


@pytest.fixture(autouse=True)
def _one_thread():
    """Matrices this small are slower on two threads, and much slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def named(path):
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(name, **options):
    torch.manual_seed(0)
    encoder = MODELS[name]
    config = named(encoder.config)(
        **encoder.size("tiny").options | SMALLER[name] | options, **IDS, vocab_size=VOCABULARY
    )
    return named(encoder.model)(config, **encoder.model_options)


def longest(name):
    declared = MODELS[name].size("tiny").max_length
    return SMALLER[name].get("max_position_embeddings", SMALLER[name].get("max_length", declared))


def outcomes(model, max_length=None, **options):
    return {outcome.name: outcome for outcome in check(Subject(model, VOCABULARY, 0, {1, 2}, max_length, **options))}


def failures(model, max_length=None, **options):
    return {name for name, outcome in outcomes(model, max_length, **options).items() if not outcome.passed}


# --- the five ---


@pytest.mark.parametrize("name", SMALLER)
def test_every_built_in_encoder_conforms(name, tokenizer):
    found = outcomes(build(name), longest(name), model_options=MODELS[name].model_options, tokenizer=tokenizer)
    assert list(found) == list(CHECKS)
    assert [outcome for outcome in found.values() if not outcome.passed] == []
    assert all(outcome.measured <= outcome.limit for outcome in found.values())


def test_avey_b_conforms_with_live_padding_too():
    assert failures(build("avey-b", padding="live")) == set()


def test_the_model_and_the_random_states_are_left_as_they_were():
    model = build("bert").train()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before = torch.get_rng_state(), repr(np.random.get_state()), random.getstate()
    check(Subject(model, VOCABULARY, 0, max_length=512))
    after = torch.get_rng_state(), repr(np.random.get_state()), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


# --- planted faults: a small sound encoder, and one way each to break it ---


class SoundConfig(PreTrainedConfig):
    model_type = "sound"
    hidden_size: int = 16
    vocab_size: int = VOCABULARY


class Sound(PreTrainedModel):
    """Every token plus what a projection makes of the mean of all tokens that are not padding."""

    config_class = SoundConfig
    base_model_prefix = ""

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.mix = nn.Linear(config.hidden_size, config.hidden_size)
        self.post_init()

    def _init_weights(self, module):
        torch.nn.init.normal_(module.weight)

    def forward(self, input_ids, attention_mask):
        embedded = self.embed(input_ids)
        mask = attention_mask.unsqueeze(-1).to(embedded.dtype)
        mean = (embedded * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        return BaseModelOutput(last_hidden_state=(embedded + self.mix(mean)).tanh())


class IgnoresTheMask(Sound):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, torch.ones_like(attention_mask))


class FindsPaddingById(Sound):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, (input_ids != 0).long())


class DropsOutInEvaluation(Sound):
    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=nn.functional.dropout(states, 0.1, training=True))


class HasADeadParameter(Sound):
    def __init__(self, config):
        super().__init__(config)
        self.unused = nn.Linear(3, 3)


class HasAParameterTimesZero(Sound):
    def __init__(self, config):
        super().__init__(config)
        self.weak = nn.Parameter(torch.ones(config.hidden_size))

    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=states + 0 * self.weak)


class SeedsGlobally(Sound):
    seed_with = staticmethod(torch.manual_seed)

    def forward(self, input_ids, attention_mask):
        self.seed_with(0)
        return super().forward(input_ids, attention_mask)


class LosesATensor(Sound):
    def save_pretrained(self, folder, **options):
        kept = {name: tensor for name, tensor in self.state_dict().items() if name != "mix.weight"}
        super().save_pretrained(folder, state_dict=kept, **options)


class ForgetsItsConfig(Sound):
    """Half the states depend on a config value that is not saved."""

    def __init__(self, config):
        super().__init__(config)
        self.scale = getattr(config, "_scale", 1.0)

    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=states * self.scale)


class LearnsInEvaluation(Sound):
    def forward(self, input_ids, attention_mask):
        with torch.no_grad():
            self.mix.bias += 1e-9
        return super().forward(input_ids, attention_mask)


class DependsOnItsNeighbours(Sound):
    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=states - 0.01 * states[:, :1].mean(0, keepdim=True))


class IsRoughInBfloat16(Sound):
    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        rough = states.sign() if torch.is_autocast_enabled("cpu") else states
        return BaseModelOutput(last_hidden_state=rough)


class GivesNoNumber(Sound):
    def forward(self, input_ids, attention_mask):
        states = super().forward(input_ids, attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=states / (input_ids.shape[1] < 1000))


def sound(model_class=Sound):
    torch.manual_seed(0)
    return model_class(SoundConfig())


def test_the_sound_encoder_conforms():
    assert failures(sound()) == set()


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (
            IgnoresTheMask,
            {"padding invariance", "batch invariance", "mask respected by pooling", "mask respected by loss"},
        ),
        (FindsPaddingById, {"padding invariance"}),
        (HasADeadParameter, {"gradients reach every parameter"}),
        (HasAParameterTimesZero, {"gradients reach every parameter"}),
        (SeedsGlobally, {"no global seed touched"}),
        (LosesATensor, {"save and load"}),
        (IsRoughInBfloat16, {"bf16 autocast close to float32"}),
        (GivesNoNumber, {"max length honest"}),
    ],
)
def test_a_fault_is_found_by_its_check_alone(fault, found):
    assert failures(sound(fault)) == found


@pytest.mark.parametrize(
    ("fault", "check_name"),
    [
        (DropsOutInEvaluation, "determinism"),
        (LearnsInEvaluation, "evaluation changes no weights"),
        (DependsOnItsNeighbours, "batch invariance"),
    ],
)
def test_a_fault_with_wider_effects_is_found(fault, check_name):
    found = outcomes(sound(fault))
    assert not found[check_name].passed
    assert found[check_name].measured > found[check_name].limit


@pytest.mark.parametrize(("module", "seed"), [("NumPy", np.random.seed), ("Python", random.seed)])
def test_every_global_generator_is_watched(module, seed):
    fault = type("Seeds", (SeedsGlobally,), {"seed_with": staticmethod(seed)})
    outcome = outcomes(sound(fault))["no global seed touched"]
    assert not outcome.passed
    assert module in outcome.detail


def test_seeding_is_found_even_where_that_seed_had_just_been_set():
    model = sound(SeedsGlobally)
    torch.manual_seed(0)
    assert failures(model) == {"no global seed touched"}


def test_a_value_that_is_not_saved_is_found():
    config = SoundConfig()
    object.__setattr__(config, "_scale", 3.0)
    model = ForgetsItsConfig(config)
    model.config = SoundConfig()
    assert failures(model) == {"save and load"}


def test_lost_tensors_and_dead_parameters_are_named():
    assert "mix.weight" in outcomes(sound(LosesATensor))["save and load"].detail
    assert "unused.weight" in outcomes(sound(HasADeadParameter))["gradients reach every parameter"].detail


# --- words ---


def fast(pre_tokenizer, vocabulary_of=TEXT, alphabet=()):
    core = Tokenizer(models.BPE(unk_token="[UNK]"))
    if pre_tokenizer is not None:
        core.pre_tokenizer = pre_tokenizer
    core.train_from_iterator(
        vocabulary_of,
        trainers.BpeTrainer(special_tokens=["[UNK]", "[PAD]"], initial_alphabet=list(alphabet), show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]")


def byte_level():
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return fast(pre_tokenizers.ByteLevel(add_prefix_space=False), alphabet=alphabet)


def words_check(tokenizer):
    return outcomes(sound(), tokenizer=tokenizer)["words as in running text"]


def test_a_byte_level_tokenizer_reads_words_as_in_text():
    outcome = words_check(byte_level())
    assert outcome.passed
    assert outcome.measured == 0


def test_words_that_reach_the_encoder_without_their_spaces_are_found(monkeypatch):
    monkeypatch.setattr("tasks.words._space_before", lambda tokenizer: "")
    outcome = words_check(byte_level())
    assert not outcome.passed
    assert outcome.measured > 20
    assert "Anna, didn't, pay" in outcome.detail


def test_words_are_taken_from_the_vocabulary_where_no_probed_word_is_in_it(monkeypatch):
    vocabulary = ["[UNK]", "[PAD]", " και", " το", "το"]
    greek = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    greek.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=greek, unk_token="[UNK]", pad_token="[PAD]")
    assert words_check(tokenizer).passed
    monkeypatch.setattr("tasks.words._space_before", lambda tokenizer: "")
    outcome = words_check(tokenizer)
    assert outcome.measured == 2
    assert "και" in outcome.detail


def test_a_tokenizer_whose_tokens_span_words_fails_with_the_reason():
    outcome = words_check(fast(None))
    assert not outcome.passed
    assert "different tokens alone than in a text" in outcome.detail


def test_without_a_tokenizer_words_are_not_judged():
    assert "words as in running text" not in outcomes(sound())


# --- the longest input ---


def bert(positions):
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return BertModel(BertConfig(vocab_size=VOCABULARY, max_position_embeddings=positions, **size))


def test_a_declared_length_that_the_model_lacks_is_found():
    outcome = outcomes(bert(positions=64), max_length=65)["max length honest"]
    assert not outcome.passed
    assert "RuntimeError" in outcome.detail


def test_no_declared_length_means_that_long_texts_work():
    assert "max length honest" in failures(bert(positions=512), max_length=None)


@pytest.mark.parametrize("name", ["bert", "modernbert"])
def test_without_the_door_nothing_refuses_with_a_sentence(name):
    outcome = outcomes(build(name), longest(name), door=lambda *_: None)["max length honest"]
    assert not outcome.passed
    assert "nothing refuses" in outcome.detail


def test_a_model_that_refuses_by_itself_needs_no_door():
    outcome = outcomes(build("neobert"), 400, door=lambda *_: None)["max length honest"]
    assert outcome.passed
    assert "the model refuses 401: The text has 401 tokens" in outcome.detail


def test_the_door_lets_in_what_fits_and_names_the_next_step():
    refuse_longer("bert", 512, 512)
    refuse_longer("avey-b", 10**9, None)
    with pytest.raises(InputError, match="bert takes at most 512 tokens, not 513; use --max-length 512 or less"):
        refuse_longer("bert", 513, 512)


# --- the edges ---


def test_an_encoder_that_raises_fails_with_the_reason():
    class Broken(Sound):
        def forward(self, input_ids, attention_mask):
            raise KeyError("layer 7")

    found = outcomes(sound(Broken))
    assert not any(outcome.passed for outcome in found.values())
    assert "KeyError: 'layer 7'" in found["determinism"].detail
    assert found["determinism"].measured is None


@pytest.mark.parametrize("arguments", [{"vocab_size": 1}, {"vocab_size": 300, "max_length": 1}])
def test_what_cannot_be_checked_is_refused(arguments):
    with pytest.raises(InputError):
        check(Subject(sound(), pad_token_id=0, **arguments))


def test_deviation_is_relative_to_the_largest_value_and_infinite_without_numbers():
    reference = torch.tensor([4.0, -8.0])
    assert deviation(torch.tensor([4.0, -8.4]), reference) == pytest.approx(0.05)
    assert deviation(torch.tensor([4.0, float("nan")]), reference) == float("inf")
