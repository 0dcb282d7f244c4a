"""Bad input: one sentence, exit code 2, nothing written."""

import json

import pytest

from harness.cli import run_command
from tests.harness.pretraining.conftest import texts


def refused(words, capsys):
    assert run_command(words) == 2
    message = capsys.readouterr().err
    assert message.count("harness: ") == 1
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n\t\n", "is empty"),
        (b"words\n\x00\x01\x02", "is binary (line 2"),
        (b"words\nmore \xff words", "is not UTF-8 (line 2, byte 0xff)"),
        (b"a few words", "less than one batch of 512"),
    ],
)
def test_files_that_are_no_text(words, tmp_path, capsys, content, sentence):
    file = tmp_path / "texts.txt"
    file.write_bytes(content)
    assert sentence in refused(words(corpora=[file]), capsys)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_texts_and_a_path_that_is_not_there(words, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "holds no *.txt" in refused(words(corpora=[tmp_path / "empty"]), capsys)
    assert "there is no file or folder" in refused(words(corpora=[tmp_path / "nowhere"]), capsys)
    assert "write hf:OWNER/NAME" in refused(words(corpora=["hf:nothing"]), capsys)


def test_a_held_out_part_that_is_smaller_than_a_row(words, tmp_path, capsys):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(texts(3, 300))
    (tmp_path / "texts" / "heldout.txt").write_text("few words")
    assert "less than one row of" in refused(words(corpora=[tmp_path / "texts"]), capsys)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lr": 0}, "--lr must lie between 0 and 1"),
        ({"lr": "nan"}, "--lr must lie between 0 and 1"),
        ({"mask_rate": "0.3:1.0"}, "--mask-rate must lie between 0 and 1"),
        ({"mask_rate": "0"}, "--mask-rate must lie between 0 and 1"),
        ({"mask_rate": "0.1:0.2:0.3"}, "--mask-rate takes 2 numbers"),
        ({"corruption": "80:10:20"}, "three percentages that make 100"),
        ({"warmup": 1.5}, "--warmup must be at least 0 and less than 1"),
        ({"warmup": 0.9, "decay": 0.5}, "more than the whole run"),
        ({"rows": "48:64"}, "cannot be cut into rows of 48"),
        ({"rows": "x"}, "--rows takes 2 numbers"),
        ({"first_rows": "16"}, "--first-rows takes a length and a number of tokens such as 32:1M, not '16'"),
        ({"first_rows": "16:some"}, "--first-rows takes a number of tokens"),
        ({"first_rows": "4:1K"}, "--first-rows must be 8 to 64 tokens long, not 4"),
        ({"first_rows": "128:1K"}, "--first-rows must be 8 to 64 tokens long, not 128"),
        ({"first_rows": "24:1K"}, "rows of 64 cannot be cut into rows of 24"),
        ({"first_rows": "16:16K"}, "the first rows, for 16000 tokens, outlast the trunk of the result at 15872 tokens"),
        ({"first_rows": "16:4K", "branch_at": "4K"}, "outlast the trunk of the result at 4096 tokens"),
        ({"model": "modernbert", "positions": "sinusoids"}, "modernbert learns no position vectors"),
        ({"batch_tokens": 100}, "use --batch-tokens 128"),
        ({"rows": "512:1024", "batch_tokens": 1024}, "takes at most 512 tokens"),
        ({"eval_rows": "64,1024"}, "takes at most 512 tokens, not rows of 1024"),
        ({"eval_rows": "64,x"}, "--eval-rows takes a number of tokens"),
        ({"tokens": "1K"}, "fewer than four batches"),
        ({"tokens": "many"}, "--tokens takes a number of tokens"),
        ({"tokens": "9" * 400}, "--tokens takes a number of tokens such as 300K or 10M, not '999"),
        ({"tokens": "999999999999999B"}, "or --passes"),
        ({"tokens": "4M", "branch_at": "1M,1.004M"}, "1000000 and 1004000 would share the folder branch-1M"),
        ({"tokens": "100M"}, "or --passes"),
        ({"branch_at": "32K"}, "branches differ and end before --tokens"),
        ({"branch_at": "4K,4K"}, "branches differ and end before --tokens"),
        ({"branch_at": "1K", "warmup": 0.2}, "outlasts the trunk"),
        ({"size": "huge"}, "has no size 'huge'"),
        ({"tokenizer": "nowhere"}, "--tokenizer takes embedded, a folder or a hub id"),
        ({"model_option": "hidden_sise=3"}, "did you mean"),
        ({"model_option": "layer_norm_eps=wide"}, "takes a value like"),
        ({"model_option": "hidden_act=foo"}, "cannot be built with these options: there is no 'foo'"),
        ({"model_option": "vocab_size=10"}, "vocab_size is decided by the tokenizer"),
        ({"model_option": "num_attention_heads=3"}, "is given twice"),
        ({"seed": -1}, "--seed takes a whole number"),
        ({"points": 0}, "--points takes at least 1"),
    ],
)
def test_values_that_cannot_be(words, tmp_path, capsys, options, sentence):
    assert sentence in refused(words(**options), capsys)
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_built(words, capsys, monkeypatch):
    from tests.harness.pretraining import conftest

    monkeypatch.setitem(conftest.SMALL, "bert", {"hidden_size": 32, "num_attention_heads": 5})
    assert "cannot be built with these options" in refused(words(), capsys)


def test_a_ranker_has_nothing_to_pretrain(words, capsys, monkeypatch):
    from tests.harness.pretraining import conftest

    monkeypatch.setitem(conftest.SMALL, "bm25", {})
    assert "bm25" in refused(words(model="bm25"), capsys)


def test_a_folder_of_another_run_or_of_other_files_is_left_alone(words, corpus, tmp_path, capsys):
    assert run_command(words(tokens="4K")) == 0
    capsys.readouterr()
    for options, what in (
        ({"tokens": "8K"}, "recipe"),
        ({"tokens": "4K", "seed": 1}, "seed"),
        ({"tokens": "4K", "model": "roberta"}, "model"),
        ({"tokens": "4K", "corpora": [corpus, corpus / "a.txt"]}, "corpus"),
    ):
        assert f"differs in {what}" in refused(words(**options), capsys)
    assert (tmp_path / "out" / "model.safetensors").is_file()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    assert "holds other files, such as thesis.txt" in refused(words(out="other"), capsys)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_checkpoints_of_another_config_are_refused(words, tmp_path, capsys):
    work = tmp_path / "out" / ".pretraining"
    work.mkdir(parents=True)
    (work / "identity.json").write_text(json.dumps({"model": {"name": "roberta"}}))
    assert "differs in" in refused(words(), capsys)


def test_two_runs_do_not_share_a_folder(words, tmp_path, capsys):
    from harness.store.lock import held

    (tmp_path / "out").mkdir()
    with held(tmp_path / "out" / ".pretraining.lock"):
        assert "another process pretrains into" in refused(words(), capsys)


def test_a_hub_that_cannot_be_reached(words, capsys, monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.HfApi.dataset_info", lambda *_, **__: (_ for _ in ()).throw(OSError("no network"))
    )
    message = refused(words(corpora=["hf:HuggingFaceFW/fineweb:sample-10BT"]), capsys)
    assert "HuggingFaceFW/fineweb could not be read from the hub (no network)" in message


def test_a_cache_that_cannot_take_the_tokens(words, tmp_path, cache, capsys, monkeypatch):
    def failing(error):
        def fail(*_, **__):
            raise error

        return fail

    (tmp_path / "texts.txt").write_text("not tokenised before\n\n" + texts(11, 100))
    monkeypatch.setattr("harness.pretraining.tokens._write", failing(OSError(28, "No space left on device")))
    message = refused(words(corpora=[tmp_path / "texts.txt"]), capsys)
    assert "(No space left on device); free some space, or choose another folder with HARNESS_CACHE_DIR" in message
    monkeypatch.setattr("harness.pretraining.tokens._write", failing(PermissionError(13, "Permission denied")))
    message = refused(words(corpora=[tmp_path / "texts.txt"]), capsys)
    assert "(Permission denied); choose another folder with HARNESS_CACHE_DIR" in message
    assert not list((cache / "encoder-harness").glob(".tokens-*"))
