"""A report shows pretrainings beside runs: a table, a figure and a section of the page."""

import json

from harness.cli import run_command
from harness.pretraining.journal import tokens_to
from harness.pretraining.labels import labels_of
from tests.harness.pretraining.conftest import record_of


def test_a_store_of_pretrainings_gives_a_table_a_figure_and_a_section(words, tmp_path, capsys):
    assert run_command(words(out="a", tokens="4K")) == 0
    assert run_command(words(out="b", tokens="4K", lr="1e-3")) == 0
    capsys.readouterr()
    assert run_command(["report", "--out", str(tmp_path / "store"), "--report", str(tmp_path / "report")]) == 0
    assert "2 pretrainings" in capsys.readouterr().out
    table = (tmp_path / "report" / "tables" / "pretraining-1.md").read_text()
    losses = {name: record_of(tmp_path / name)["scores"]["heldout"]["loss"] for name in "ab"}
    assert f"**{min(losses.values()):.3f}**" in table
    assert f" {max(losses.values()):.3f} " in table
    for suffix in ("png", "svg"):
        assert (tmp_path / "report" / "figures" / f"pretraining-1.{suffix}").stat().st_size > 1000
    page = (tmp_path / "report" / "report.html").read_text()
    section = page[page.index('id="pretraining"') :].partition("</section>")[0]
    assert f"{losses['a']:.3f}" in section
    assert "2 pretrainings, and no finished run yet." in page
    assert "<svg" in section


def test_several_encoders_have_a_table_at_equal_tokens_operations_and_time(words, tmp_path, capsys):
    assert run_command(words(out="bert", tokens="8K", branch_at="4K")) == 0
    assert run_command(words(out="neobert", model="neobert", tokens="8K")) == 0
    assert run_command(["report", "--out", str(tmp_path / "store"), "--report", str(tmp_path / "report")]) == 0
    rows = (tmp_path / "report" / "tables" / "pretraining-1-budgets.md").read_text().splitlines()
    head = next(row for row in rows if row.startswith("| encoder"))
    assert "at 0.00819M tokens" in head
    assert "PFLOP" in head
    assert "of processor time" in head
    for name in ("bert", "neobert"):
        row = next(row for row in rows if row.startswith(f"| {name} ") or f"| {name} tiny" in row)
        assert f"{record_of(tmp_path / name)['scores']['heldout']['loss']:.3f}" in row
    figures = tmp_path / "report" / "figures"
    assert (figures / "pretraining-1-budgets.png").stat().st_size > 1000
    assert "`pretraining-1-budgets`: Held-out masked-LM loss" in (figures / "captions.md").read_text()
    drawn = (figures / "pretraining-1-budgets.svg").read_text()
    assert all(
        f"<!-- {axis} -->" in drawn for axis in ("tokens, millions", "operations, PFLOP", "processor time, minutes")
    )
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Equal budgets" in page or "at 0.00819M tokens" in page


def test_a_record_without_a_curve_is_named_and_left_out(words, tmp_path, capsys):
    assert run_command(words(tokens="4K")) == 0
    (file,) = (tmp_path / "store").glob("*/run.json")
    record = json.loads(file.read_text()) | {"curve": []}
    del record["sha256"]
    file.write_text(json.dumps(record))
    assert run_command(["report", "--out", str(tmp_path / "store"), "--report", str(tmp_path / "report")]) == 2
    assert "has no curve" in capsys.readouterr().err


def test_a_label_names_the_values_in_which_runs_of_one_encoder_differ():
    def record(model="bert", seed=0, **recipe):
        settings = {"tokens": 3_000_000, "learning_rate": 1e-3, "warmup": 0.02, "warmup_steps": 2, "rows": [256, 512]}
        return {"model": {"name": model, "size": "tiny"}, "recipe": settings | recipe, "seed": seed}

    same = [record(), record("neobert", warmup=0.1, warmup_steps=9)]
    assert labels_of(same) == ["bert tiny", "neobert tiny"]
    slower = {"warmup": 0.1, "warmup_steps": 9}
    differ = [record(), record(learning_rate=2e-3, **slower), record(rows=[512, 512], seed=1, **slower)]
    assert labels_of(differ, shown=("seed",)) == [
        "bert tiny, lr 0.001, rows 256:512, warm-up 0.02",
        "bert tiny, lr 0.002, rows 256:512, warm-up 0.1",
        "bert tiny, lr 0.001, rows 512:512, warm-up 0.1",
    ]
    helped = [record(), record(first_rows=[32, 1_000_000], positions="sinusoids")]
    assert labels_of(helped) == ["bert tiny", "bert tiny, first rows 32:1M, positions from sinusoids"]
    branch_and_run = [record(learning_rate=2e-3), record(warmup=0.1)]
    assert labels_of(branch_and_run) == ["bert tiny, lr 0.002", "bert tiny, lr 0.001"]


def test_tokens_to_a_loss_lie_on_the_straight_line_between_points():
    curve = [
        {"tokens": 0, "loss": 9.0},
        {"tokens": 100, "loss": 6.0},
        {"tokens": 200, "loss": 4.0},
        {"tokens": 300, "loss": 5.5},
    ]
    assert tokens_to(curve) == 150
    assert tokens_to(curve, 9.5) == 0
    assert tokens_to(curve, 3.9) is None


def test_tensorboard_gets_the_curves_of_a_run(words, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert run_command(words(tokens="4K", report_to="tensorboard", log_dir=tmp_path / "curves")) == 0
    held, losses = [], []
    (folder,) = (tmp_path / "curves").iterdir()
    for file in sorted(folder.iterdir()):
        events = EventAccumulator(str(file)).Reload()
        held += [(event.step, event.value) for event in events.Scalars("eval/loss")]
        losses += [event.step for event in events.Scalars("train/loss")]
    record = record_of(tmp_path / "out")
    assert dict(held).keys() == {point["step"] for point in record["curve"]}
    assert sorted(losses) == [step for step, _ in record["losses"]]
