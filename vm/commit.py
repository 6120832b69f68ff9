# SPDX-License-Identifier: MIT
"""The commit that a kernel of one's own was built from, as far as its tree can tell."""

import re
from collections.abc import Iterable
from pathlib import Path

from suite.errors import InfrastructureError
from vm.tools import output, tool

_ABBREVIATED = re.compile(r"-g([0-9a-f]{7,40})(-dirty)?$")
"""At the end of a release. Source: scripts/setlocalversion of the kernel."""


def commit(release: str, near: Iterable[Path]) -> str:
    """The full hash of the commit that a release names by its first digits; empty if unknown.

    Where the tree is now says nothing: it may have moved on since the kernel was built.

    Args:
        release: What uname(2) says.
        near: Folders around the image; some of them, or the ``source`` that a build folder links
            to, may be in a git tree.
    """
    named = _ABBREVIATED.search(release)
    if not named:
        return ""
    try:
        git = tool("git")
    except InfrastructureError:
        return ""
    for folder in (place for it in near for place in (it, it / "source") if place.is_dir()):
        question = ("rev-parse", "--verify", "--quiet", f"{named[1]}^{{commit}}")
        # It answers nothing of a repository of another user's, and runs no hook.
        answer = output([git, "-C", str(folder), *question]).decode("ascii", "replace").strip()
        if re.fullmatch(r"[0-9a-f]{40}", answer):
            return answer
    return ""
