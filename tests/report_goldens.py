# SPDX-License-Identifier: MIT
"""The golden files of reports: every format has one of all that it can write.

``python -m tests.report_goldens`` rewrites them, in ``tests/data/reports``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reports.diff import Diff, compare
from reports.render import Style, formats, render, render_diff
from suite.judge.records import Results
from tests.abi_miniature import at_abi_11
from tests.clients_miniature import clients_zoo
from tests.report_miniatures import compat_zoo, few, known, later, zoo

DATA = Path(__file__).parent / "data" / "reports"


def difference() -> Diff:
    """What became of the zoo."""
    return compare(zoo(), later(), before="old.json", after="new.json")


@dataclass(frozen=True, slots=True)
class Golden:
    """What a golden file shows, and how."""

    fmt: str
    shown: Callable[[], Results | Diff]
    width: int = 120
    verbosity: int = 0

    def text(self) -> str:
        """What the file has to hold."""
        shown, style = self.shown(), Style(width=self.width, verbosity=self.verbosity)
        if isinstance(shown, Diff):
            return render_diff(shown, self.fmt, style)
        return render(shown, self.fmt, style)


CHOSEN = {
    "results-terminal-120.txt": Golden("terminal", zoo),
    "results-terminal-80.txt": Golden("terminal", zoo, width=80),
    "results-terminal-80-v.txt": Golden("terminal", zoo, width=80, verbosity=1),
    "results-terminal-120-vv.txt": Golden("terminal", zoo, verbosity=2),
    "results.md": Golden("markdown", zoo),
    "results.html": Golden("html", zoo),
    "compat.html": Golden("compat-html", compat_zoo),
    "compat.json": Golden("compat", compat_zoo),
    "compat.md": Golden("compat-markdown", compat_zoo),
    "diff-terminal-80.txt": Golden("terminal", difference, width=80),
    "diff.md": Golden("markdown", difference),
    "results.junit.xml": Golden("junit", few),
    "diff.junit.xml": Golden("junit", difference),
    "results.ktap": Golden("ktap", few),
    "results.kselftest": Golden("kselftest", few),
    "results.tmt.yaml": Golden("tmt", few),
    "results.kcidb.json": Golden("kcidb", few),
    "results.summary.md": Golden("summary", zoo),
    "diff.summary.md": Golden("summary", difference),
    "results.github.txt": Golden("github", zoo),
    "diff.github.txt": Golden("github", difference),
    "known-terminal-80.txt": Golden("terminal", known, width=80),
    "known.md": Golden("markdown", known),
    "known.junit.xml": Golden("junit", known),
    "known.ktap": Golden("ktap", known),
    "known.kselftest": Golden("kselftest", known),
    "known.tmt.yaml": Golden("tmt", known),
    "known.kcidb.json": Golden("kcidb", known),
    "known.summary.md": Golden("summary", known),
    "known.github.txt": Golden("github", known),
    "known.badge.json": Golden("badge-shields", known),
    "clients.txt": Golden("clients", clients_zoo),
    "clients-v.txt": Golden("clients", clients_zoo, verbosity=1),
    "clients.md": Golden("clients-markdown", clients_zoo),
    "clients.html": Golden("clients-html", clients_zoo),
    "clients.json": Golden("clients-json", clients_zoo),
    "results.badge.svg": Golden("badge", zoo),
    "results.badge.json": Golden("badge-shields", zoo),
}


def golden_files() -> dict[str, Golden]:
    """Every golden file by its name: those chosen, and what a format writes that has none of it."""
    files = dict(CHOSEN)
    for name, fmt in formats().items():
        shown = {golden.shown for golden in CHOSEN.values() if golden.fmt == name}
        if not shown - {difference}:
            files[f"results.{name}"] = Golden(name, zoo)
        if fmt.diff and difference not in shown:
            files[f"diff.{name}"] = Golden(name, difference)
    return files


@at_abi_11()
def goldens() -> dict[str, str]:
    """The text of every golden file by its name."""
    return {file: golden.text() for file, golden in golden_files().items()}


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    for file, text in goldens().items():
        (DATA / file).write_text(text, encoding="utf-8")
