"""What the README promises."""

import re
from pathlib import Path

from harness.registry import load_plugin
from models import MODELS, loading

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_plugin_registers_an_encoder_that_builds(tmp_path, tokenizer, monkeypatch):
    plugin = tmp_path / "my_encoder.py"
    plugin.write_text(re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1))
    assert len(plugin.read_text().splitlines()) < 30
    # Another test may have registered an encoder of this name in the same process.
    monkeypatch.setattr(
        MODELS, "_entries", {name: MODELS._entries[name] for name in MODELS.names() if name != "my-encoder"}
    )
    load_plugin(plugin)
    monkeypatch.setattr("models.tokenizer.embedded", lambda: tokenizer)
    encoder = MODELS["my-encoder"]
    model, _ = loading.load(encoder, "tiny", loading.Weights("scratch", "", None, ""))
    assert model.config.hidden_size == 256
    assert loading.max_length(model, encoder, "tiny") == 512


def test_ci_runs_the_command_that_the_readme_gives_for_the_tests():
    command = next(line for line in README.splitlines() if line.endswith(".venv/bin/tox"))
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_file_that_the_readme_links_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
