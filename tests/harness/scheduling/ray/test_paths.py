"""A request that is sent to a node has absolute paths, because a node works in a folder of its own."""

from harness.cells.request import Request
from harness.scheduling.ray.executor import _with_absolute_paths


def test_every_path_of_a_request_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model", "weights"):
        (tmp_path / name).mkdir()
    (tmp_path / "first.run").touch()
    options = {"candidates": "first.run"}
    sent = _with_absolute_paths(Request("bert", "rerank/x", "weights", data_dir="data", task_options=options))
    assert (sent.weights, sent.data_dir) == (str(tmp_path / "weights"), str(tmp_path / "data"))
    assert sent.task_options == {"candidates": str(tmp_path / "first.run")}
    sent = _with_absolute_paths(Request("model", "ner/x", "hub", task_options={"candidates": "bert@weights"}))
    assert (sent.model, sent.weights) == (str(tmp_path / "model"), "hub")
    assert sent.task_options == {"candidates": f"bert@{tmp_path / 'weights'}"}
    sent = _with_absolute_paths(Request("bert", "ner/x", "owner/name"))
    assert sent.weights == "owner/name"
