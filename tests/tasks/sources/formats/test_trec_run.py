"""Rankings in TREC's format: the order of trec_eval, and what is refused."""

import pytest

from harness.errors import InputError
from tasks.sources.formats import trec_run


def test_a_run_is_read_by_its_scores_and_of_equal_ones_the_greater_id_comes_first(tmp_path):
    file = tmp_path / "some.run"
    file.write_text("q1 Q0 a 1 0.5 mine\nq1\tQ0\tb\t2\t7e-1\tmine\n\nq2 Q0 a 9 -1 mine\nq1 Q0 c 3 0.5 mine\n")
    assert trec_run.load(file, {"a", "b", "c"}) == {"q1": [("b", 0.7), ("c", 0.5), ("a", 0.5)], "q2": [("a", -1.0)]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q1 Q0 gone 2 1 mine", "some.run:2 has the candidate 'gone', which is not in the corpus"),
        ("q1 Q0 a 2 1 mine", "some.run:2 has the candidate 'a' of the query 'q1' a second time"),
        ("q1 a 2", "some.run:2 does not hold query, Q0, document, rank, score"),
        ("q1 Q0 b 2 high mine", "some.run:2 does not hold"),
        ("q1 Q0 b 2 nan mine", "some.run:2 does not hold"),
    ],
)
def test_what_is_no_run_over_the_corpus_is_refused_by_its_line(tmp_path, line, said):
    file = tmp_path / "some.run"
    file.write_text(f"q1 Q0 a 1 2 mine\n{line}\n")
    with pytest.raises(InputError, match=said):
        trec_run.load(file, {"a", "b"})
