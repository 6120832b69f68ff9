# SPDX-License-Identifier: MIT
"""``landproof ci``: a ready workflow on standard output."""

import argparse
import re

from reports.ci.workflows import ACTIONS, services, workflow
from suite.cli.check import positive
from suite.cli.origin import install_command
from suite.cli.outlet import tell
from suite.cli.pins import UnpinnedError, digests
from suite.cli.report import emit
from suite.errors import Exit, UsageError
from vm.catalogue import DEFAULT_SET
from vm.names import called
from vm.store import Store


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "ci",
        description="Print a workflow that tests kernels on many machines: one kernel a job on "
        "github and gitlab, shards in pods of an Indexed Job on kubernetes, one kernel a test of a "
        "tmt plan; all but tmt then merge the results, report them, and fail when something is "
        "worse than in the last good run.",
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
        metavar="COMMAND",
        help="how landproof is installed, in a checkout (kubernetes: in the volume); default: from "
        "where this one came, or a wheel that lies there",
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
    parser.add_argument(
        "--shards",
        type=positive,
        metavar="N",
        help="kubernetes: how many pods (default: one a kernel)",
    )
    parser.add_argument(
        "--tags",
        action="store_true",
        help="github: name actions by tags (default: by the commits that github.com says these are "
        "just now, if it answers)",
    )
    parser.set_defaults(handler=_ci)


def _ci(arguments: argparse.Namespace) -> int:
    store = Store()
    kernels = called((name for name in arguments.kernels.split(",") if name), store)
    if not kernels:
        raise UsageError("--kernels: no kernel is named")
    for name in kernels.values():
        store.check(name)
    if arguments.install is not None and not arguments.install.strip():
        raise UsageError("--install: no command is given")
    if not re.fullmatch(r"[\w./+-]+", arguments.branch):
        raise UsageError(f"--branch: {arguments.branch!r} is not the name of a branch")
    if not re.fullmatch(r"[\w.-]*", arguments.runner):
        raise UsageError(f"--runner: {arguments.runner!r} is not the label of a runner")
    if arguments.shards and arguments.service != "kubernetes":
        raise UsageError("--shards is for kubernetes; elsewhere each job runs one kernel")
    text = workflow(
        arguments.service,
        # Each job runs one kernel, and none knows what the others call theirs.
        kernels=[label if label == name else f"{label}={name}" for label, name in kernels.items()],
        install=_install(arguments.install),
        branch=arguments.branch,
        runner=arguments.runner,
        shards=arguments.shards or 0,
        digests=_digests() if arguments.service == "github" and not arguments.tags else None,
    )
    emit(text, None)
    return Exit.CONFORMS


def _install(given: str | None) -> str:
    if given is not None:
        return given
    command, before = install_command()
    if before:
        tell(before)
    return command


def _digests() -> dict[str, str]:
    try:
        return digests(ACTIONS)
    except UnpinnedError as error:
        tell(
            f"actions are named by tags, not by digests: {error}; print it again where github.com"
            " answers"
        )
        return {}
