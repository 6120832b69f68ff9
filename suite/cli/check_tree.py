# SPDX-License-Identifier: MIT
"""``landproof check-tree``: a kernel build tree as ``git bisect run`` asks: good, bad or skip.

Whatever says nothing of the kernel, such as a case that does not exist, has an exit code from 128
on (``suite.cli.main``), at which a bisection stops.
"""

import argparse
from pathlib import Path

from suite.cli import collect
from suite.cli.asking import Asker
from suite.cli.check import add_machine_options
from suite.cli.outlet import put
from suite.errors import UsageError
from suite.judge import labels
from suite.judge.records import Verdict
from vm.names import called
from vm.store import Store

GOOD, BAD, SKIP = 0, 1, 125
"""Source: git-bisect(1), "Bisect run"."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "check-tree",
        description="Boot the kernel of a build tree (its bzImage) with one case only, and say "
        "whether it is good, as git bisect run asks.",
        epilog="Exits with 0 if the kernel is good; 1 if not, such as where the case kills it; "
        "125 (skip) if there is no image, it does not boot, or the case can't be shown there; from "
        "128 on if nothing could be asked, which ends a bisection. Such as: git bisect run sh -c "
        "'make -j8 bzImage || exit 125; landproof check-tree . CASE'",
    )
    parser.add_argument("tree", type=Path, metavar="DIR", help="the build tree")
    parser.add_argument("case", metavar="CASE", help="the case's id, or how it begins")
    parser.add_argument(
        "--good",
        type=_verdicts,
        default=frozenset(it for it in Verdict if it.good),
        metavar="VERDICT[,...]",
        help="the verdicts that are good (default: conforms, absent, unfixed), such as deviates to "
        "find the commit that fixed a bug, absent the one that added a feature",
    )
    # A kernel is built to be booted once: its saved state would only take room.
    add_machine_options(parser, restores=False)
    parser.set_defaults(handler=_check_tree)


def _verdicts(text: str) -> frozenset[Verdict]:
    known = [it for it in Verdict if it.heard]
    given = [word for word in text.split(",") if word]
    if wrong := [word for word in given if word not in known]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(known)}")
    if not given:
        raise argparse.ArgumentTypeError("no verdict is named")
    return frozenset(it for it in known if it in given)


def _check_tree(arguments: argparse.Namespace) -> int:
    if not arguments.tree.exists():
        raise UsageError(f"{arguments.tree} does not exist; name a kernel's build tree")
    case = collect.find(collect.declared_cases(), arguments.case)
    store = Store()
    ((label, name),) = called([f"{labels.PATH}{arguments.tree}"], store).items()
    answer = Asker(case, store, arguments).ask(label, name)
    if answer.verdict is None:
        put(f"skip: {case.id} on {label}: {answer.reason}\n")
        return SKIP
    good = answer.verdict in arguments.good
    put(f"{'good' if good else 'bad'}: {case.id} on {label}: {answer}\n")
    return GOOD if good else BAD
