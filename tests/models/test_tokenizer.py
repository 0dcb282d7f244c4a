import pytest
from transformers import AutoTokenizer

from models.tokenizer import embedded, of_numbers, train, with_mask_for_words

TEXT = ["The quick brown fox jumps over the lazy dog.", "Returns a `dict` of str -> Tensor, or None."] * 20


def test_the_same_text_gives_the_same_tokenizer():
    one, other = train(TEXT), train(iter(TEXT))
    assert one.backend_tokenizer.to_str() == other.backend_tokenizer.to_str()


@pytest.fixture
def made(monkeypatch):
    """The embedded tokenizer is made of a short text; counts how often."""
    trained = []
    monkeypatch.setattr("tasks.sources.docstrings.packages.prose", lambda split: trained.append(split) or TEXT)
    return trained


def test_the_embedded_tokenizer_is_trained_once_for_all_users_of_a_cache(made, tmp_path, monkeypatch, closed_to_others):
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    first, second = embedded(), embedded()
    assert first.get_vocab() == second.get_vocab()
    assert made == ["train"]
    assert closed_to_others(tmp_path) == set()
    assert [path.name[:10] for path in (tmp_path / "encoder-harness").iterdir()] == ["tokenizer-"]


def test_without_a_cache_that_can_be_read_the_embedded_tokenizer_is_trained_again(made, tmp_path, monkeypatch):
    # No file of such a long name can be looked for, as in a folder that is closed to this user, which root is not subject to.
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / ("x" * 300)))
    assert embedded().get_vocab() == train(TEXT).get_vocab()


def test_a_text_stands_between_cls_and_sep_and_comes_back(tokenizer):
    ids = tokenizer("Ünïcode, 漢字 and the river")["input_ids"]
    assert tokenizer.convert_ids_to_tokens([ids[0], ids[-1]]) == ["[CLS]", "[SEP]"]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "Ünïcode, 漢字 and the river"


def test_a_pair_has_segments(tokenizer):
    pair = tokenizer("the river", "a house")
    names = tokenizer.convert_ids_to_tokens(pair["input_ids"])
    assert names.count("[SEP]") == 2


def test_special_tokens_have_ids_and_pad_is_zero(tokenizer):
    assert tokenizer.pad_token_id == 0
    assert len({tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id, tokenizer.unk_token_id}) == 4


def test_a_mask_in_running_text_stands_for_a_word_with_its_space(tmp_path):
    tokenizer = train(TEXT)
    with_mask_for_words(tokenizer).save_pretrained(tmp_path)
    saved = AutoTokenizer.from_pretrained(tmp_path)
    text = "over the [MASK] dog"
    masked = tokenizer("over the lazy dog", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(masked) == ["Ġover", "Ġthe", "Ġlazy", "Ġdog"]
    masked[2] = tokenizer.mask_token_id
    assert saved(text, add_special_tokens=False)["input_ids"] == masked
    assert tokenizer(text, add_special_tokens=False)["input_ids"] != masked  # the given one is as it was
    assert saved.get_vocab() == tokenizer.get_vocab()
    assert with_mask_for_words(saved) is saved


def test_a_mask_between_words_needs_no_change():
    whole_words = of_numbers(8)
    assert with_mask_for_words(whole_words) is whole_words
