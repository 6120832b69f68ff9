# SPDX-License-Identifier: MIT
"""Ready workflows: one kernel a job, then one report of all. Every file in ``templates`` is one."""

import json
from collections.abc import Sequence
from pathlib import Path

import jinja2

_FOLDER = Path(__file__).parent / "templates"
_MKFS = "btrfs-progs dosfstools e2fsprogs f2fs-tools xfsprogs"
_SUFFIX = ".yml.jinja"


def services() -> list[str]:
    """The names of the services that there is a workflow for."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in _FOLDER.glob(f"*{_SUFFIX}"))


def workflow(
    service: str, *, kernels: Sequence[str], install: str, branch: str, runner: str = ""
) -> str:
    """A workflow for a service.

    Args:
        service: One of ``services()``.
        kernels: Names as ``landproof matrix --kernels`` takes them.
        install: Shell commands that install landproof, run in a checkout and a virtual environment.
        branch: The branch whose last good run others are compared with.
        runner: The label of Debian machines of one's own; empty for the service's.
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
    template = environment.get_template(f"{service}{_SUFFIX}")
    return template.render(
        kernels=kernels,
        install=install.strip(),
        branch=branch,
        runner=runner,
        sudo="sudo " if runner else "",
        mkfs=_MKFS,
    )
