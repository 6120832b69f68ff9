# SPDX-License-Identifier: MIT
"""``landproof ci``: a ready workflow on standard output."""

import argparse
import re

from reports.ci.workflows import services, workflow
from suite.cli.report import emit
from suite.errors import Exit, UsageError
from vm.catalogue import DEFAULT_SET
from vm.names import called
from vm.store import Store

_INSTALL = "pip install landproof"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "ci",
        description="Print a workflow that tests one kernel a job, merges the results, reports "
        "them, and fails when something is worse than in the last good run.",
        epilog="Such as: landproof ci github > .github/workflows/landlock.yml",
    )
    parser.add_argument(
        "service", choices=services(), metavar="SERVICE", help=f"one of {', '.join(services())}"
    )
    parser.add_argument(
        "--kernels",
        default=",".join(DEFAULT_SET),
        metavar="[LABEL=]NAME[,...]",
        help="which ones (default: those of landproof matrix)",
    )
    parser.add_argument(
        "--install",
        default=_INSTALL,
        metavar="COMMAND",
        help=f"how landproof is installed, in a checkout (default: {_INSTALL})",
    )
    parser.add_argument(
        "--branch",
        default="main",
        metavar="NAME",
        help="the branch to compare with (default: main)",
    )
    parser.add_argument(
        "--runner",
        default="",
        metavar="LABEL",
        help="Debian machines of your own (default: the service's, in a container)",
    )
    parser.set_defaults(handler=_ci)


def _ci(arguments: argparse.Namespace) -> int:
    store = Store()
    kernels = called((name for name in arguments.kernels.split(",") if name), store)
    if not kernels:
        raise UsageError("--kernels: no kernel is named")
    for name in kernels.values():
        store.check(name)
    if not arguments.install.strip():
        raise UsageError("--install: no command is given")
    if not re.fullmatch(r"[\w./+-]+", arguments.branch):
        raise UsageError(f"--branch: {arguments.branch!r} is not the name of a branch")
    if not re.fullmatch(r"[\w.-]*", arguments.runner):
        raise UsageError(f"--runner: {arguments.runner!r} is not the label of a runner")
    text = workflow(
        arguments.service,
        # Each job runs one kernel, and none knows what the others call theirs.
        kernels=[label if label == name else f"{label}={name}" for label, name in kernels.items()],
        install=arguments.install,
        branch=arguments.branch,
        runner=arguments.runner,
    )
    emit(text, None)
    return Exit.CONFORMS
