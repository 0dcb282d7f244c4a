import math
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from tasks.ner import IGNORED, NER, Tagging
from tasks.sources.sentence import Sentence
from tasks.sources.splits import fingerprint

LABELS = ("O", "B-X", "I-X")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.split)


def oracle_logits(encoded, labels):
    """Logits that say the gold label where there is one and nonsense everywhere else."""
    random = np.random.default_rng(0)
    logits = []
    for feature in encoded.features:
        scores = random.normal(size=(len(feature["input_ids"]), len(labels))).astype(np.float32)
        for position, label in enumerate(feature["labels"]):
            if label != IGNORED:
                scores[position, label] = 100.0
        logits.append(scores)
    return logits


@settings(max_examples=60, deadline=None)
@given(
    sentences=st.lists(
        st.lists(st.tuples(WORDS, st.sampled_from(LABELS)), min_size=1, max_size=60), min_size=1, max_size=4
    ),
    max_length=st.integers(8, 40),
)
def test_every_word_is_predicted_once_whatever_the_text_and_the_window(tokenizer, sentences, max_length):
    examples = [
        Sentence(tuple(word for word, _ in pairs), tuple(tag for _, tag in pairs), str(number))
        for number, pairs in enumerate(sentences)
    ]
    encoded = NER.encode(examples, LABELS, tokenizer, max_length)
    assert all(len(feature["input_ids"]) <= max_length for feature in encoded.features)
    assert encoded.n_truncated == 0
    predictions = NER.decode(examples, LABELS, encoded, oracle_logits(encoded, LABELS))
    assert [found.tags for found in predictions] == [list(example.tags) for example in examples]


def test_the_label_sits_on_the_first_sub_token(tokenizer):
    example = Sentence(("the", "Xyzzyqux"), ("O", "B-X"), "0")
    encoded = NER.encode([example], LABELS, tokenizer, 64)
    labels = encoded.features[0]["labels"]
    assert labels[:3] == [IGNORED, 0, 1]
    assert set(labels[3:]) == {IGNORED}
    assert len(labels) > 5  # the strange word has several sub-tokens


def test_a_long_sentence_is_windowed_and_each_word_asked_where_it_has_context(tokenizer):
    example = Sentence(("the", "river") * 40, ("O", "B-X") * 40, "0")
    encoded = NER.encode([example], LABELS, tokenizer, 32)
    assert encoded.n_windowed == 1
    assert len(encoded.features) > 2
    asked = [[p for p, label in enumerate(feature["labels"]) if label != IGNORED] for feature in encoded.features]
    assert sum(map(len, asked)) == 80
    assert all(positions[0] > 2 for positions in asked[1:])  # not at the left edge of a later window
    assert all(positions[-1] < 30 for positions in asked[:-1])  # nor at the right edge of an earlier one


def test_windows_are_the_same_whichever_side_the_tokenizer_truncates(tokenizer):
    left = deepcopy(tokenizer)
    left.truncation_side = "left"
    examples = [Sentence(("the", "Xyzzyqux", "river") * 20, ("O", "B-X", "I-X") * 20, "0")]
    encoded = NER.encode(examples, LABELS, left, 48)
    assert encoded.features == NER.encode(examples, LABELS, tokenizer, 48).features
    assert NER.decode(examples, LABELS, encoded, oracle_logits(encoded, LABELS))[0].tags == list(examples[0].tags)
    assert left.truncation_side == "left"


def test_labels_have_b_and_i_of_every_type_in_train(data_dir):
    data = NER.load("cities", str(data_dir))
    assert data.labels == ("O", "B-city", "I-city", "B-person", "I-person")
    assert len(data.splits["test"]) == 40
    assert data.fingerprint == fingerprint(data.splits)


def test_rows_hold_gold_and_prediction():
    example = Sentence(("Oslo",), ("B-X",), "test.conll:1")
    [row] = NER.rows([example], [Tagging(["O"])])
    assert row == {"id": "test.conll:1", "tokens": ("Oslo",), "gold": ("B-X",), "predicted": ["O"], "terms": [0, 1]}
    assert NER.rows([example], [Tagging(["B-X"])])[0]["terms"] == [2, 2]


def test_each_word_has_the_probability_of_its_tag(tokenizer):
    example = Sentence(("the", "river"), ("O", "B-X"), "0")
    encoded = NER.encode([example], LABELS, tokenizer, 64)
    logits = np.zeros((len(encoded.features[0]["input_ids"]), len(LABELS)), np.float32)
    logits[:, 1] = math.log(4)
    [found] = NER.decode([example], LABELS, encoded, [logits])
    share = 4 / (4 + len(LABELS) - 1)
    assert found.probabilities == pytest.approx([share, share])
    assert NER.rows([example], [found])[0]["probabilities"] == [round(share, 4)] * 2
    # Two outputs that mean the same tag, as on a test set without the type of one of them, add up.
    merged = ["O" if place == 2 else "B-X" if place < 2 else label for place, label in enumerate(LABELS)]
    [found] = NER.decode([example], merged, encoded, [logits])
    assert found.probabilities == pytest.approx([5 / (4 + len(LABELS) - 1)] * 2)


def dropping_control_characters(**special):
    """A tokenizer that gives control characters no tokens, as WordPiece does."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"[UNK]": 0, "Oslo": 1, "[PAD]": 2}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=False)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", **special)


@pytest.mark.parametrize("words", [("\u200b", "Oslo"), ("\x00", "\x01"), ("\ufeff",)])
def test_a_word_without_any_token_still_gets_a_prediction(words):
    """Such a word must not move the labels of the words after it."""
    dropping = dropping_control_characters(unk_token="[UNK]")
    examples = [Sentence(words, ("B-X",) * len(words), "0")]
    encoded = NER.encode(examples, LABELS, dropping, 16)
    assert NER.decode(examples, LABELS, encoded, oracle_logits(encoded, LABELS))[0].tags == ["B-X"] * len(words)


def test_a_word_without_any_token_is_refused_by_a_tokenizer_without_an_unknown_token():
    examples = [Sentence(("Oslo", "\u200b"), ("O", "O"), "0")]
    with pytest.raises(InputError, match=r"the word '\\u200b' no tokens and has no unknown token"):
        NER.encode(examples, LABELS, dropping_control_characters(), 16)
    assert NER.encode([Sentence(("Oslo",), ("O",), "0")], LABELS, dropping_control_characters(), 16).n_truncated == 0
