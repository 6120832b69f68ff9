# SPDX-License-Identifier: MIT
"""What is made of the counters of a kernel's code; to take them needs a kernel built for it."""

import json

from suite.cli.gcov import sources, warnings

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


def test_branches_of_warnings_are_left_out() -> None:
    (source,) = sources([report("security/landlock/a.c", (4, 2, [2, 0]), (6, 2, [1, 1]))]).values()
    assert list(source.reachable(CODE)) == [1, 1]
