"""Writes the command-line reference into the page ``reference/cli.md`` from the parsers themselves, when the site is built."""

from __future__ import annotations

import argparse
from typing import Any

from harness.cli import command_parser

PAGE = "reference/cli.md"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for every page."""
    return f"{markdown}\n{reference(command_parser())}" if page.file.src_uri == PAGE else markdown


def reference(parser: argparse.ArgumentParser) -> str:
    """A section for each command, as Markdown."""
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    summaries = {action.dest: action.help or "" for action in commands._choices_actions}
    return "\n".join(_section(name, command, summaries[name]) for name, command in commands.choices.items())


def _section(name: str, parser: argparse.ArgumentParser, summary: str) -> str:
    formatter = argparse.HelpFormatter(prog=f"python -m harness {name}", width=80)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    parts = [f"## {name}", parser.description or f"{summary[:1].upper()}{summary[1:]}."]
    parts.append(f"```text\n{formatter.format_help().strip()}\n```")
    for group in parser._action_groups:
        rows = [_row(formatter, action) for action in group._group_actions if action.dest != "help"]
        if rows:
            about = f": {_cell(group.description)}" if group.description else ""
            parts.append(f"**{_cell(group.title or '')}**{about}")
            parts.append("\n".join(["| argument | meaning |", "| --- | --- |", *rows]))
    if parser.epilog:
        parts.append(f"```text\n{parser.epilog.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def _row(formatter: argparse.HelpFormatter, action: argparse.Action) -> str:
    invocation = formatter._format_action_invocation(action).replace("|", "\\|")
    return f"| `{invocation}` | {_cell(formatter._expand_help(action) if action.help else '')} |"


def _cell(text: str) -> str:
    """Text as Markdown shows it literally: help holds names such as ``<stdin>`` or ``A_B`` but no markup."""
    for sign in "\\`*_<>|[]":
        text = text.replace(sign, f"\\{sign}")
    return text
