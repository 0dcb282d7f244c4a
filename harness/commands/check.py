"""``python -m harness check``: certify an encoder."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from harness.commands import Commands
from harness.commands.cell_options import MODEL_HELP, add_weights_options, weights_of
from harness.values import valid_model
from models.architectures import is_location

EXAMPLES = """examples:
  python -m harness check --model avey-b
  python -m harness check --model my-encoder --plugin my_encoder.py
  python -m harness check --model path/to/model --json
"""


def add_parser(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    check = commands.add_parser(
        "check", parents=[common], epilog=EXAMPLES, help="certify an encoder: padding, determinism, gradients, saving"
    )
    check.add_argument("--model", type=valid_model, required=True, help=MODEL_HELP)
    add_weights_options(check)
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(command=check_encoder)


def check_encoder(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from harness.conformance.certify import check_one
    from harness.report.terminal import check_table
    from harness.terminal import show_json

    weights = weights_of(options.model, options.weights)
    checks = check_one(options.model, weights, options.size)
    title = options.model if is_location(options.model) else f"{options.model}, weights {weights}"
    if options.json:
        show_json([asdict(check) for check in checks])
    else:
        print(check_table.as_text(title, checks), end="")
    return 0 if all(check.passed for check in checks) else 1
