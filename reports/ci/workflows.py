# SPDX-License-Identifier: MIT
"""Ready workflows: kernels on many machines, then a report. Every file in ``templates`` is one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

_FOLDER = Path(__file__).parent / "templates"
_MKFS = (
    "btrfs-progs dosfstools e2fsprogs erofs-utils exfatprogs f2fs-tools ntfs-3g squashfs-tools "
    "xfsprogs"
)
_SUFFIX = ".jinja"
ACTIONS = {
    "actions/cache": "v5",
    "actions/checkout": "v6",
    "actions/download-artifact": "v7",
    "actions/upload-artifact": "v6",
}
"""What GitHub's workflow uses: the tags of the releases it was written for."""


def services() -> list[str]:
    """The names of the services that there is a workflow for."""
    return sorted(_templates())


def _templates() -> dict[str, str]:
    """The file of each service, which is called as its workflow will be."""
    return {path.name.partition(".")[0]: path.name for path in _FOLDER.glob(f"*{_SUFFIX}")}


def workflow(
    service: str,
    *,
    kernels: Sequence[str],
    install: str,
    branch: str,
    runner: str = "",
    shards: int = 0,
    digests: Mapping[str, str] | None = None,
) -> str:
    """A workflow for a service.

    Args:
        service: One of ``services()``.
        kernels: Names as ``landproof matrix --kernels`` takes them.
        install: Shell commands that install landproof, run in a checkout and a virtual environment.
        branch: The branch whose last good run others are compared with.
        runner: The label of Debian machines of one's own; empty for the service's.
        shards: Of kubernetes, how many pods; by default one a kernel.
        digests: Of github, the commit of each of `ACTIONS`; those that have none are used by tag.
    """
    # Doubled braces are GitHub's own, and a sign of the dollar is the shell's.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=False,  # noqa: S701 (YAML)
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters["json"] = json.dumps
    template = environment.get_template(_templates()[service])
    return template.render(
        kernels=kernels,
        install=install.strip(),
        branch=branch,
        runner=runner,
        shards=shards or len(kernels),
        uses={name: _used(name, tag, digests or {}) for name, tag in ACTIONS.items()},
        sudo="sudo " if runner else "",
        mkfs=_MKFS,
    )


def _used(name: str, tag: str, digests: Mapping[str, str]) -> str:
    return f"{name}@{digests[name]} # {tag}" if name in digests else f"{name}@{tag}"
