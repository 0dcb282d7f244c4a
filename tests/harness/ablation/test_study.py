"""Studies from beginning to end on tiny models."""

import csv
import json

import pytest

from harness.cli import command_parser, run_command
from harness.commands import ablate
from harness.pretraining import checkpoints
from harness.store import Store
from tests.harness.ablation.conftest import InThisProcess, pretrain_here
from tests.harness.pretraining.conftest import record_of, weights_of
from tests.processes import Program, harness, wait_until


def found_in(tmp_path):
    return json.loads((tmp_path / "study" / "ablations.json").read_text())


def nothing(*_):
    raise AssertionError("nothing is left to run")


def test_a_study_ends_in_tables_and_the_same_command_runs_nothing_again(
    words, in_process, tmp_path, capsys, monkeypatch
):
    study = words("--only", "all-dynamic,rows-64", rows="32", pretraining_seeds="0,1", seeds="0,1")
    monkeypatch.setattr("models.avey_b.ablations.ABLATIONS", with_short_rows())
    assert run_command(study) == 0
    assert "all-dynamic" in capsys.readouterr().out
    found = found_in(tmp_path)
    sizes = {row["variant"]: row for row in found["variants"]}
    assert sizes.keys() == {"baseline", "all-dynamic", "rows-64"}
    # The static layer of the baseline has a matrix of 8 x 8.
    assert sizes["baseline"]["params_total"] - sizes["all-dynamic"]["params_total"] == 64
    assert all(row["tokens"] == 8192 and row["cells"] == 4 for row in sizes.values())
    assert all(row["pretraining_seconds"] > 0 and row["fine_tuning_seconds"] > 0 for row in sizes.values())
    rows = {(row["variant"], row["measure"]): row for row in found["rows"]}
    assert len(rows) == 4
    for (variant, measure), row in rows.items():
        assert row["difference"] == pytest.approx(row["score"] - row["baseline"])
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        claimed = (variant, measure) == ("all-dynamic", "ner/cities")
        assert bool(row["verdict"]) == claimed
        assert row["verdict"] in ("", "agrees", "disagrees", "cannot tell at this scale")
    # The rows by which losses are compared are those of the baseline, whatever a variant was pretrained on.
    longer = record_of(tmp_path / "study/pretrained/rows-64/seed-0")["scores"]["heldout_by_rows"]
    assert longer.keys() == {"32", "64"}
    assert str(tmp_path) not in (tmp_path / "study" / "ablations.json").read_text()
    assert (tmp_path / "study" / "ablations.png").stat().st_size > 10_000
    with (tmp_path / "study" / "ablations.csv").open() as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [row["verdict"] for row in found["rows"]]
    assert "dynamic layers alone are worse" in (tmp_path / "study" / "ablations.md").read_text()

    monkeypatch.setattr(ablate, "_pretrain", lambda options: nothing)
    monkeypatch.setattr(InThisProcess, "run", nothing)
    assert run_command(study) == 0
    assert found_in(tmp_path) == found
    assert run_command([*study, "--dry-run"]) == 0
    assert "4 of 4" in capsys.readouterr().out


def with_short_rows():
    from models.ablations import Ablation
    from models.avey_b.ablations import ABLATIONS

    return (*ABLATIONS, Ablation("rows-64", recipe={"rows": "64"}))


def test_any_encoder_is_varied_and_a_variant_that_breaks_stops_only_itself(
    words, in_process, tmp_path, capsys, monkeypatch
):
    study = words("--vary", "layers=1,2,3", model="bert", seeds="0")
    study = [word for word in study if word != "num_hidden_layers=2"]
    study.remove("--model-option")

    def breaks_once(options):
        pretrain = pretrain_here(options.store)
        return lambda request, tell: (
            "the loss is nan" if request.model_options["num_hidden_layers"] == "3" else pretrain(request, tell)
        )

    sound = ablate._pretrain
    monkeypatch.setattr(ablate, "_pretrain", breaks_once)
    assert run_command(study) == 1
    found = found_in(tmp_path)
    assert found["failures"] == [
        {"what": "num_hidden_layers=3, pretraining seed 0", "error": "the loss is nan"},
    ]
    rows = {(row["variant"], row["measure"]): row for row in found["rows"]}
    assert rows["num_hidden_layers=2", "ner/cities"]["difference"] is not None
    assert rows["num_hidden_layers=2", "ner/cities"]["note"] == "one seed has no interval"
    assert rows["num_hidden_layers=3", "ner/cities"]["note"] == "the variant has no finished runs"
    assert rows["num_hidden_layers=3", "held-out"]["score"] is None
    capsys.readouterr()

    monkeypatch.setattr(ablate, "_pretrain", sound)
    assert run_command(study) == 0
    assert found_in(tmp_path)["failures"] == []


def test_a_study_that_is_stopped_says_what_is_saved(words, in_process, tmp_path, capsys, monkeypatch):
    def stop_at_the_second(options):
        pretrain = pretrain_here(options.store)

        def of(request, tell):
            if "all-dynamic" in str(request.out):
                raise KeyboardInterrupt
            return pretrain(request, tell)

        return of

    monkeypatch.setattr(ablate, "_pretrain", stop_at_the_second)
    assert run_command(words("--only", "all-dynamic", tokens="4K")) == 130
    assert "1 of 2 pretrainings is saved; run the same command to continue." in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_that_is_killed_goes_on_to_the_same_weights(words, tmp_path):
    study = words("--only", "all-dynamic", "--checkpoint-every", "0", "--threads", "1")
    killed = Program(["-m", "harness", *study])
    trunk = tmp_path / "study/pretrained/baseline/seed-0/.pretraining/trunk"
    wait_until(lambda: not killed.runs() or checkpoints.last_in(trunk), "the first checkpoint")
    killed.kill()
    killed.wait()
    again = harness(*study)
    assert again.returncode == 0, again.stderr
    baseline = tmp_path / "study/pretrained/baseline/seed-0"
    assert record_of(baseline)["resumed_from"]
    command = record_of(baseline)["command"].replace(str(baseline), str(tmp_path / "alone")).split()[3:]
    alone = harness(*command, "--store", tmp_path / "other")
    assert alone.returncode == 0, alone.stderr
    assert weights_of(tmp_path / "alone") == weights_of(baseline)
    assert len(list(Store(tmp_path / "store").records())) == 2
    assert len(found_in(tmp_path)["rows"]) == 2


def refused(study, capsys):
    assert run_command(study) == 2
    message = capsys.readouterr().err
    assert message.count("harness: ") == 1
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize(
    ("more", "options", "sentence"),
    [
        (["--vary", "similaritee=softmax,none"], {}, "did you mean 'similarity'"),
        (["--vary", "similarity=softmax,cosine"], {}, "the variant similarity=cosine: avey-b tiny cannot be built"),
        (["--vary", "k=1,3"], {}, "k is given by --model-option and by --vary"),
        (["--vary", "arrangement=all_static,all_static"], {}, "has 'all_static' twice"),
        (["--vary", "similarity=softmax,none", "--only", "softmax"], {}, "leave one of them out"),
        (["--only", "soft-max"], {}, "did you mean 'softmax'"),
        (["--only", "softmax,softmax"], {}, "--only has 'softmax' twice"),
        (["--only", "softmax"], {"tokens": "1K"}, "fewer than four batches"),
        (["--only", "softmax"], {"tokens": "100M"}, "or --passes"),
        (["--only", "softmax"], {"tasks": ""}, "one of the tasks has no name"),
        (["--only", "softmax"], {"tasks": "ner/nowhere"}, "nowhere"),
        (["--only", "softmax"], {"seeds": "0,0"}, "twice"),
        (["--only", "softmax"], {"pretraining_seeds": "1,1"}, "twice"),
        (["--only", "softmax"], {"pretraining_seeds": "x"}, "seeds are numbers"),
        (["--only", "softmax"], {"lrs": "high"}, "--lrs takes numbers"),
        (["--only", "softmax", "--fine-tuning", "epochz=1"], {}, "a recipe has no 'epochz'"),
        (["--only", "softmax", "--fine-tuning", "batch_size=x"], {}, "--fine-tuning batch_size takes a number"),
        (
            ["--only", "softmax", "--fine-tuning", "keep_best=x"],
            {},
            "keep_best of the recipe is true or false, not 'x'",
        ),
        (["--only", "softmax", "--workers", "0"], {}, "--workers must be at least 1"),
        (["--only", "softmax"], {"corpus": "nowhere"}, "there is no file or folder"),
        (["--only", "softmax", "--model", "bm25"], {}, "bm25"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(words, in_process, tmp_path, capsys, more, options, sentence):
    assert sentence in refused(words(*more, **options), capsys)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_a_switch_of_fine_tuning_can_be_given(words, text, value):
    options = command_parser().parse_args(words("--only", "softmax", "--fine-tuning", f"keep_best={text}"))
    assert ablate.study_of(options).scratch_cells()[0].cell.recipe.keep_best is value


def test_a_command_without_tasks_or_without_ablations(words, capsys):
    study = words()
    place = study.index("--tasks")
    assert "--tasks" in refused(study[:place] + study[place + 2 :], capsys)
    assert "bert has no published ablations" in refused(words(model="bert"), capsys)


def test_the_folder_of_another_study_is_left_alone(words, in_process, tmp_path, capsys):
    assert run_command(words("--only", "all-dynamic", tokens="4K")) == 0
    capsys.readouterr()
    said = refused(words("--only", "all-dynamic", tokens="8K"), capsys)
    assert "the variant baseline:" in said
    assert "differs in recipe; choose another --out" in said
