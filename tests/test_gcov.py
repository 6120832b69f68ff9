# SPDX-License-Identifier: MIT
"""What is made of the counters of a kernel's code; to take them needs a kernel built for it."""

import json
from pathlib import Path

from suite.cli.gcov import sources, warnings
from suite.cli.unreached import page, reasons

PAGE = Path(__file__).parents[1] / "docs" / "unreached.md"

CODE = """\
int hook(int mode)
{
	if (WARN_ON_ONCE(!mode ||
			is_odd(mode)))
		return -EINVAL;
	if (mode > 1)
		WARN_ONCE(1, "unknown (%d)", mode);
	return WARNING(mode);
}
"""


def report(file: str, *counts: tuple[int, int, list[int]]) -> str:
    """A document of gcov: the line, how often it was run, and how often each of its branches."""
    lines = [
        {"line_number": line, "count": count, "branches": [{"count": it} for it in branches]}
        for line, count, branches in counts
    ]
    return json.dumps({"files": [{"file": file, "lines": lines}]})


def test_warnings_are_known_by_their_lines() -> None:
    assert warnings(CODE) == {3, 4, 7}


def test_counts_of_a_file_are_added_up() -> None:
    """A header is counted with each file that includes it; other folders' are left out."""
    header = "../linux/security/landlock/cred.h"
    found = sources(
        [
            report(header, (7, 1, [1, 0])),
            report(f"/build/{header}", (7, 2, [0, 0]), (8, 0, [])),
            report("include/linux/slab.h", (1, 5, [])),
        ]
    )
    assert list(found) == ["cred.h"]
    assert found["cred.h"].lines == {7: 3, 8: 0}
    assert found["cred.h"].branches == {(7, 0): 1, (7, 1): 0}


def test_what_no_call_should_reach_is_left_out() -> None:
    """Warnings, and where memory runs out, as far as that was not reached."""
    text = [*CODE.splitlines(), "\tif (!cred)", "\t\treturn;"]
    (source,) = sources(
        [
            report(
                "security/landlock/cred.h",
                (4, 2, [2, 0]),
                (6, 2, [1, 1]),
                (10, 2, [2, 0]),
                (11, 0, []),
            )
        ]
    ).values()
    found = source.reachable("cred.h", text)
    assert found.lines == {6: 2, 10: 2, 11: 0}
    assert list(found.branches.values()) == [1, 1, 2]


def test_each_line_has_one_reason() -> None:
    listed = [
        (file, line)
        for it in reasons().values()
        for file, lines in it.lines.items()
        for line in lines
    ]
    assert len(set(listed)) == len(listed) > 100
    assert [line for _, line in listed if line != line.strip()] == []


def test_the_page_in_docs_is_of_the_list() -> None:
    assert page() == PAGE.read_text(), "run python -m suite.cli.unreached > docs/unreached.md"
