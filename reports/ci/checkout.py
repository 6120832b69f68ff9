# SPDX-License-Identifier: MIT
"""Where the source of a kernel came from, in git's terms: what is known, and nothing guessed."""

import re

from suite.judge.records import TargetRecord

_TREES = {
    "mainline": "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git",
    "stable": "https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git",
}
_DEBIAN = re.compile(r"\bDebian (\d+\.\d+(\.\d+)?)(?:~(rc\d+))?-")
"""The package's version in uname(2)'s. Its first part is the release whose source Debian patches.
Source: Debian Policy, 5.6.12, "upstream_version"."""
_OWN = re.compile(r"(\d+\.\d+)(\.\d+)(-rc\d+)?.*?(?:-(\d{5}))?-g([0-9a-f]{7,40})(?:-dirty)?")
"""A release of a kernel that was built in a git tree. Source: scripts/setlocalversion, which says
how many commits there are since the tag, with five digits."""


def git_fields(target: TargetRecord) -> dict[str, str]:
    """Fields of a KCIDB checkout, by name.

    A distribution's kernel has the tag of the release that it patches, in the tree that has the
    tag. A kernel of one's own has the name that it bears itself, and the whole hash where the tree
    could tell. All others have none.
    """
    release = target.facts.release if target.facts else ""
    version = target.facts.version if target.facts else ""
    if debian := _DEBIAN.search(version):
        number, patch, candidate = debian.groups()
        tree = "stable" if patch else "mainline"
        tag = "-".join(filter(None, (f"v{number}", candidate)))
        return {"tree_name": tree, "git_repository_url": _TREES[tree], "git_commit_name": tag}
    said = {}
    if target.kernel and target.kernel.commit:
        said["git_commit_hash"] = target.kernel.commit
    if own := _OWN.fullmatch(release):
        said["git_commit_name"] = _described(own)
    return said


def _described(own: re.Match[str]) -> str:
    """As git describe has it: the kernel writes v6.12 as 6.12.0, and pads the number."""
    series, patch, candidate, commits, commit = own.groups()
    if commits is None:
        return commit
    tag = f"v{series}{'' if patch == '.0' else patch}{candidate or ''}"
    return f"{tag}-{int(commits)}-g{commit}"
