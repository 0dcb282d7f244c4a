"""Models that are named by their folder: the same cells as by --weights, under a name of their own, checked once."""

import json

import pytest
import torch
import transformers

from harness.cells.plan import plan
from harness.cells.request import Request
from harness.cli import run_command
from harness.conformance import verdict
from harness.errors import InputError
from harness.pipelines.run_cell import run_one
from harness.store import Store
from tests.conftest import save_bert

QUICK = {"max_steps": 1, "max_length": 32, "batch_size": 4, "train_limit": 8}


def saved(folder, tokenizer, kind, **values):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, hidden_size=16, num_hidden_layers=1,
        intermediate_size=16, **values,
    )  # fmt: skip
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def electra(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "my-electra" / "checkpoint-500"
    return saved(folder, tokenizer, "Electra", num_attention_heads=2, embedding_size=16)


def request(model, data_dir, **changes):
    return Request(str(model), "ner/cities", data_dir=str(data_dir), recipe=QUICK, **changes)


def test_a_folder_as_the_model_is_the_cell_of_its_encoder_with_these_weights(small_bert, data_dir):
    by_weights = plan(request("bert", data_dir, weights=str(small_bert)))
    by_folder = plan(request(small_bert, data_dir))
    assert by_folder.cell.key == by_weights.cell.key
    assert (by_folder.name, by_weights.name) == ("small-bert", "bert")
    assert plan(request(small_bert, data_dir, name="Mine")).cell.key == by_weights.cell.key


def test_the_command_of_a_record_repeats_its_cell_and_keeps_the_name(electra, data_dir):
    words = plan(request(electra, data_dir, name="an <i>Electra</i>", seed=3)).resolved.arguments()
    assert "--weights" not in words
    assert words[words.index("--model") + 1] == str(electra)
    assert words[words.index("--name") + 1] == "an <i>Electra</i>"


def test_an_unregistered_encoder_is_checked_once_and_the_verdict_is_in_every_record(
    electra, data_dir, tmp_path, monkeypatch, capsys
):
    first = run_one(request(electra, data_dir), str(tmp_path), force=False).record
    model = first["model"]
    assert (model["name"], model["architecture"], model["size"]) == ("my-electra", "electra", "custom")
    assert model["conformance"]["failed"] == []
    assert set(model["conformance"]["checks"]) == set(verdict.DEMANDS)
    monkeypatch.setattr(verdict, "check", lambda *_, **__: pytest.fail("it was checked again"))
    second = run_one(request(electra, data_dir, seed=1), str(tmp_path), force=False).record
    assert second["model"]["conformance"] == model["conformance"]


def test_an_encoder_that_depends_on_padding_runs_and_everyone_is_told(tokenizer, data_dir, tmp_path, capsys):
    folder = saved(tmp_path / "my-fnet", tokenizer, "FNet")
    out, report = str(tmp_path / "store"), tmp_path / "report"
    record = run_one(request(folder, data_dir), out, force=False).record
    assert record["status"] == "ok"
    (padding, batch) = record["model"]["conformance"]["failed"]
    assert padding.startswith("its outputs change with padding (padding invariance: ")
    assert batch.startswith("its outputs depend on the other texts of a batch")
    assert "my-fnet fails checks of conformance: its outputs change with padding" in capsys.readouterr().err
    assert run_command(["report", "--out", out, "--report", str(report)]) == 0
    for file in ("report.html", "tables/ner-cities-custom.md", "tables/ner-cities-custom.tex"):
        assert "my-fnet fails checks of conformance: its outputs change with padding" in (report / file).read_text()


def test_a_stored_run_is_renamed_if_a_name_is_given_and_keeps_its_predictions(electra, data_dir, tmp_path, capsys):
    out = str(tmp_path)
    run_one(request(electra, data_dir), out, force=False)
    (record,) = Store(out).records()
    rows = Store(out).predictions(record)
    again = run_one(request(electra, data_dir, name="Better name"), out, force=False).record
    assert "the store called this model my-electra; it is Better name now" in capsys.readouterr().err
    (renamed,) = Store(out).records()
    assert again == renamed
    assert (renamed["model"]["name"], renamed["model"]["architecture"]) == ("Better name", "electra")
    assert "--name 'Better name'" in renamed["command"]
    assert Store(out).predictions(renamed) == rows
    run_one(request(electra, data_dir), out, force=False)
    assert "--name my-electra renames it" in capsys.readouterr().err
    assert next(Store(out).records())["model"]["name"] == "Better name"


def test_reports_escape_names_and_show_parameters_in_place_of_custom(tokenizer, data_dir, tmp_path):
    out, report, name = str(tmp_path / "store"), tmp_path / "report", "<b>A&B</b> $x_1$ 100%"
    folder = save_bert(tmp_path / "mine", tokenizer)
    record = run_one(request(folder, data_dir, name=name), out, force=False).record
    assert "conformance" not in record["model"], "registered encoders are certified by harness check"
    run_command(["report", "--out", out, "--report", str(report)])
    page = (report / "report.html").read_text()
    assert "<b>A" not in page
    assert "&lt;b&gt;A&amp;B&lt;/b&gt; $x_1$ 100%" in page
    total, others = record["model"]["params_total"], record["model"]["params_non_embedding"]
    size = f"{total / 1e6:.2f} M ({others / 1e6:.2f} M without embeddings)"
    assert f"<td>{size}</td>" in page
    assert ">custom<" not in page
    assert size in (report / "tables" / "leaderboard.csv").read_text()
    assert r"\textless{}b\textgreater{}A\&B" in (report / "tables" / "leaderboard.tex").read_text()
    assert "<b>A" not in (report / "tables" / "leaderboard.md").read_text()
    assert str(tmp_path) not in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": "elsewhere/model"}, "names its weights already, so leave --weights elsewhere/model out"),
        ({"size": "base"}, "--size base does not go with the weights"),
        ({"name": "bert"}, "bert is the name of another registered model"),
        ({"name": "bm25"}, "bm25 is the name of another registered model"),
    ],
)
def test_what_does_not_go_with_a_folder_is_refused(electra, data_dir, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        plan(request(electra, data_dir, **changes))


def test_weights_typed_beside_a_folder_are_refused_even_if_they_are_the_default(electra, capsys):
    arguments = ["--model", str(electra), "--weights", "scratch"]
    assert run_command(["run", "--task", "ner/cities", *arguments]) == 2
    assert "so leave --weights scratch out" in capsys.readouterr().err
    assert run_command(["check", *arguments]) == 2
    assert "so leave --weights scratch out" in capsys.readouterr().err


def test_a_sweep_refuses_two_models_of_one_name(tokenizer, data_dir, tmp_path, capsys):
    one, other = (
        save_bert(tmp_path / place / "mine", tokenizer, hidden_size=size) for place, size in (("a", 16), ("b", 32))
    )
    sweep = [
        "sweep",
        "--tasks",
        "ner/cities",
        "--data-dir",
        str(data_dir),
        "--out",
        str(tmp_path / "store"),
        "--dry-run",
    ]
    assert run_command([*sweep, "--models", f"{one},{other}"]) == 2
    assert "are different models of one name, mine; name each with --names" in capsys.readouterr().err
    assert run_command([*sweep, "--models", f"{one},{other}", "--names", "A,A"]) == 2
    assert "two models cannot both be called 'A'" in capsys.readouterr().err
    assert run_command([*sweep, "--models", f"{one},{other}", "--names", "A"]) == 2
    assert "1 names are given for 2 models" in capsys.readouterr().err
    assert run_command([*sweep, "--models", f"{one},{other},bert", "--names", "A,B,bert"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in ("A", "B", "bert tiny"))


def test_a_grid_of_a_file_takes_folders_and_names(small_bert, data_dir, tmp_path, capsys):
    grid = {"models": [str(small_bert)], "names": ["Small, ours"], "tasks": ["ner/cities"], "data_dir": str(data_dir)}
    file = tmp_path / "grid.toml"
    file.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in grid.items()))
    assert run_command(["sweep", str(file), "--out", str(tmp_path / "store"), "--dry-run"]) == 0
    assert "Small, ours" in capsys.readouterr().out
