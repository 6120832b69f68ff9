# SPDX-License-Identifier: MIT
"""The manual page, made from the parser: ``python -m tests.manual`` writes ``docs/landproof.1``."""

from __future__ import annotations

import argparse
import os
import re
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

from argparse_manpage.manpage import Manpage

from suite.cli import verbs

PAGE = Path(__file__).resolve().parents[1] / "docs" / "landproof.1"
_ENVIRONMENT = {
    "LANDPROOF_STORE": "The folder of stored kernels, in place of the one in the user's cache.",
    "LANDPROOF_SHARD": "I/N: landproof matrix or check is the I-th of N parts; see landproof plan.",
    "LANDPROOF_TRACEBACK": "If it is 1, a fault in landproof itself is told with its traceback.",
    "NO_COLOR": "If it is not empty, nothing is coloured.",
    "COLUMNS": "How wide reports are that no terminal shows; by default 120 columns.",
}


def page() -> str:
    """The whole page, as roff."""
    whole = verbs.whole()
    codes = (whole.epilog or "").removeprefix("exit codes:\n")
    whole.epilog = None
    _keep_epilogs(whole)
    made = Manpage(
        whole,
        {
            "project_name": whole.prog,
            "version": version("landproof"),
            "description": "prove what a kernel's Landlock really does",
            "manual_title": "User Commands",
            "date": " ",  # none: what is made of one parser is the same on every day
        },
        format="single-commands-section",
    )
    codes = re.sub(r"^ *(\d) +", r".TP\n.B \1\n", codes, flags=re.MULTILINE)
    made.add_section("exit status", "=", codes)
    made.add_section(
        "environment", "=", "\n".join(f".TP\n.B {it}\n{says}" for it, says in _ENVIRONMENT.items())
    )
    made.add_section("see also", "=", ".BR landlock (7)")
    with patch.dict(os.environ, COLUMNS="80"):  # how wide usages are
        return _for_readers(str(made))


def _keep_epilogs(parser: argparse.ArgumentParser, above: str = "") -> None:
    """Have what help ends with behind the description: argparse-manpage leaves it out of verbs.

    What the verb ``above`` ends with is not said again.
    """
    end = parser.epilog
    if end and parser.formatter_class is argparse.RawDescriptionHelpFormatter:
        end = f".nf\n{end}\n.fi"
    if end and end != above:
        parser.description = f"{parser.description}\n\n{end}"
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                _keep_epilogs(verb, end or "")


def _for_readers(roff: str) -> str:
    """The page in ASCII, with its usages as they are laid out, and lines that can be broken."""
    roff = re.sub(r"^usage: (.*?)\n\n", r".nf\n\1\n.fi\n\n", roff, flags=re.DOTALL | re.MULTILINE)
    roff = re.sub(r"(?<=\w),(?=[\w.])", r",\\:", roff)
    roff = roff.replace("…", "...")
    roff = roff.replace("POSITIONAL ARGUMENTS", "COMMANDS")
    head, _, rest = roff.replace('"1" " "', '"1" ""', 1).partition("\n")
    return f"{head}\n.ad l\n.nh\n{rest}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
