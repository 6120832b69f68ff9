# SPDX-License-Identifier: MIT
"""``python -m tests.tables_page``: writes docs/tables.md anew, of cases/tables.toml."""

from pathlib import Path

from reports.tables import render
from suite.cli.collect import declared_cases
from suite.judge.tables import tables

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"

if __name__ == "__main__":
    PAGE.write_text(render(tables(), declared_cases()), encoding="utf-8")
