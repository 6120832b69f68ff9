# SPDX-License-Identifier: MIT
"""``landproof plan``: what each shard of a run would run."""

import argparse

import msgspec

from suite.cli import check, kernels, shards
from suite.cli.outlet import put, put_table, tell
from suite.cli.targets import choose
from suite.errors import Exit
from vm.catalogue import DEFAULT_SET


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "plan",
        description="Say what each of N machines would run of a matrix: which kernels, or which "
        "part of the cases of one. Nothing is fetched, and nothing runs.",
        epilog=f"A shard is run by the same words after landproof matrix, with --measured if it is "
        f"given here, and {shards.VARIABLE}=I/N in the environment; landproof merge makes one file "
        "of all.",
    )
    parser.add_argument(
        "--shards", type=check.positive, required=True, metavar="N", help="how many machines"
    )
    check.add_kernels_option(parser)
    check.add_target_option(parser, "run the cases there too")
    check.add_case_options(parser)
    kernels.add_store_options(parser)
    shards.add_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(handler=_plan)


def _plan(arguments: argparse.Namespace) -> int:
    asked_for = arguments.kernels or (() if arguments.targets else DEFAULT_SET)
    store = kernels.open_store(arguments)
    chosen = choose(arguments.targets, asked_for, lambda: store)
    for name in chosen.kernels.values():
        store.check(name)
    with check.hinting(arguments.select):
        cases, parts, times = shards.planned(
            arguments, chosen.names, arguments.shards, brief=check.is_brief(arguments)
        )
    rows = shards.told(cases, parts, times, arguments.shards)
    if arguments.json:
        put(f"{msgspec.json.format(msgspec.json.encode(rows)).decode()}\n")
        return Exit.CONFORMS
    table = [
        [it.shard, it.target, f"{it.cases} of {it.of}", it.first, it.last, f"{it.seconds:.0f}"]
        for it in rows
    ]
    head = ["shard", "target", "cases", "first", "last", "seconds"]
    put_table(table, head, ["left", "left", "right", "left", "left", "right"])
    shortest, longest = shards.longest(cases, parts, times)
    how = "as measured" if arguments.measured else "guessed (--measured FILE knows better)"
    tell(f"a shard takes {shortest:.0f} to {longest:.0f} s, {how}")
    return Exit.CONFORMS
