"""The table of imported results."""

from harness.report.files import imported


def test_imported_rows_are_marked_and_stand_in_a_table_of_their_own():
    record = {
        "kind": "imported",
        "protocol": "mteb",
        "model": {"name": "e5"},
        "scores": {"test": {"ndcg_at_10": 0.42}},
        "task": {"dataset": "mteb/NFCorpus", "metric": "ndcg_at_10", "subset": "default"},
    }
    table = imported.table([record, record | {"scores": {}}])
    assert [cell.text for cell in table.rows[0]] == [
        "e5",
        "mteb/NFCorpus",
        "mteb",
        "ndcg_at_10 (test)",
        "0.4200",
        "not our protocol",
    ]
    assert table.title == "Imported results (not comparable)"
    assert len(table.rows) == 1
    assert imported.table([]) is None
