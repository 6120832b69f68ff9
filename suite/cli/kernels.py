# SPDX-License-Identifier: MIT
"""``landproof kernels``: what there is, fetch, prune."""

import argparse
import logging
import textwrap
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import msgspec

from suite.cli.fetching import display, labelled, megabytes
from suite.cli.outlet import put, put_table, screen, tell
from suite.errors import Exit, LandproofError, UsageError
from suite.judge import labels
from vm import catalogue
from vm.archives import ARCHIVES, FLAVOURS
from vm.catalogue import DEFAULT_FLAVOUR, DEFAULT_SET, Build
from vm.kernel import Kernel
from vm.names import called
from vm.source import LOG
from vm.stall import GIVEN_UP_AFTER_S
from vm.store import Removed, Store
from vm.tools import FullError, UnreachableError

_NAMES = """\
names: a version or a release, whole or cut off at a component, means the newest
build that begins so; +FLAVOUR may follow
  6.12  6.12.43  6.1.0-50  7.3-rc7  6.12+amd64
of other architectures, emulated (arm64/ is the newest)
  arm64/6.12  riscv64/6.12  s390x/6.12  arm64/
of Ubuntu (ubuntu:noble is the release's own)
  ubuntu:noble  ubuntu:jammy/5.15  ubuntu:noble/6.14  ubuntu:noble+aws
of Debian's archive as it was
  snapshot:2024-07-01/6.8  snapshot:20240701T120000Z/6.8+amd64
plain versions, built by Ubuntu, downloaded by virtme-ng, with no checksum
  mainline:v6.6
of your own; path: may be left out where there is a slash or such a file
  path:VMLINUZ
  path:FOLDER     a build tree, an unpacked package
  path:PACKAGE    deb, rpm, pkg.tar.zst, apk; + joins several of one kernel
  host            the running kernel
  installed       all of this machine
LABEL=NAME calls a kernel otherwise in reports
  mine=arch/x86/boot/bzImage  old=6.12.43"""

_SUITE = 24
"""Characters of a suite in a table."""


class Told(logging.Handler):
    """A log of warnings that says each as a message of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        tell(record.getMessage())


LOG.addHandler(Told())


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command ``kernels``; each of its verbs sets ``handler``."""
    parser = subparsers.add_parser(
        "kernels",
        description="Real distribution kernels: what there is, and what is stored on this machine.",
        epilog=_NAMES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = _verb(verbs, "list", _list, "the newest build of each series, and whether it is stored")
    verb.add_argument("--all", action="store_true", help="every build")
    add_archive_options(verb)

    verb = _verb(verbs, "fetch", _fetch, "download kernels that are not stored")
    verb.add_argument(
        "names", nargs="*", metavar="NAME", help=f"by default: {' '.join(DEFAULT_SET)}"
    )
    add_archive_options(verb)

    verb = _verb(verbs, "prune", _prune, "remove kernels that a newer stored one of the series made"
                 " superfluous, such trees of clients, and what was left half done")  # fmt: skip
    what = verb.add_mutually_exclusive_group()
    what.add_argument(
        "--all", action="store_true", help="remove every stored kernel, every tree, and the index"
    )
    what.add_argument(
        "--keep", nargs="+", metavar="NAME", help="remove every stored kernel but these"
    )


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which store; `open_store` reads them."""
    parser.add_argument(
        "--store",
        type=_path,
        metavar="FOLDER",
        help="where kernels are kept (default: $LANDPROOF_STORE, or the user's cache)",
    )
    parser.add_argument(
        "--flavour",
        choices=list(FLAVOURS),
        default=DEFAULT_FLAVOUR,
        metavar="FLAVOUR",
        help=f"of names that say none: {', '.join(FLAVOURS)} (default: {DEFAULT_FLAVOUR}, the "
        "smallest download)",
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


def add_archive_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where kernels come from; `open_store` reads them."""
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="the archive of the kernels named (default: that of this machine's apt, else the "
        "public one of Ubuntu or of Debian's past); "
        f"given up when nothing comes from it for {GIVEN_UP_AFTER_S:g} s",
    )
    parser.add_argument(
        "--keyring", type=Path, metavar="FILE", help="its keys (default: Debian's or Ubuntu's)"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="ask the mirror for newer builds, however new ours"
    )


def open_store(arguments: argparse.Namespace) -> Store:
    """Return the store that the options name."""
    return Store(
        arguments.store,
        mirror=getattr(arguments, "mirror", None),
        flavour=arguments.flavour,
        keyring=getattr(arguments, "keyring", None),
    )


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    handler: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=text,
        # argparse wraps none of a parser whose epilog is laid out.
        description=textwrap.fill(f"{text[0].upper()}{text[1:]}.", 80),
        epilog=_NAMES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=handler)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_options(parser)
    return parser


def _list(arguments: argparse.Namespace) -> int:
    console = screen()
    with console.status("package index") if console.is_terminal else nullcontext():
        store = open_store(arguments)
        builds = store.available(refresh=arguments.refresh)
    saved = store.saved()
    # What --flavour can't choose is another source's, which names it otherwise.
    chosen = {it.flavour_of(arguments.flavour) for it in ARCHIVES}
    others = FLAVOURS.keys() - chosen
    mine = [b for b in builds if b.flavour not in others or b.stored]
    shown = catalogue.ordered(mine) if arguments.all else catalogue.newest(mine)
    rows = [
        _row(
            build,
            _name(build, builds, store, others, whole=arguments.all),
            saved.get(build.name, 0),
        )
        for build in shown
    ]
    if arguments.json:
        _print_json(rows)
    else:
        table = [
            [
                row["name"], row["release"], row["version"], _suite(row["name"], row["suite"]),
                megabytes(row["size"]), "yes" if row["stored"] else "",
                megabytes(row["saved"]) if row["saved"] else "",
                "" if row["modules"] else "no modules left in the archive",
            ]
            for row in rows
        ]  # fmt: skip
        headers = ["name", "release", "version", "suite", "size", "stored", "saved", "note"]
        put_table(table, headers, ("left",) * 4 + ("right", "left", "right"))
    return Exit.CONFORMS


def _fetch(arguments: argparse.Namespace) -> int:
    store = open_store(arguments)
    names = called(arguments.names or DEFAULT_SET, store)
    kernels: dict[str, Kernel] = {}
    failed = Exit.CONFORMS
    with display() as show:
        for label, name in names.items():
            try:
                shows = labelled(label, show)
                kernels[label] = store.fetch(name, refresh=arguments.refresh, progress=shows)
            except (FullError, UnreachableError):
                # The next one would fail likewise, minutes later.
                raise
            except LandproofError as error:
                if len(names) == 1:
                    raise
                show(f"{label}: {error}")
                failed = failed or error.exit
    rows = [
        {**msgspec.to_builtins(kernel.build), "label": label, "path": str(kernel.vmlinuz)}
        for label, kernel in kernels.items()
    ]
    if arguments.json:
        _print_json(rows)
    elif rows:
        fields = ("label", "release", "version", "source", "path")
        table = [[row[field] for field in fields] for row in rows]
        put_table(table, ("name", *fields[1:]))
    return failed


def _prune(arguments: argparse.Namespace) -> int:
    store = open_store(arguments)
    if arguments.all:
        keep: Sequence[str] = ()
    elif arguments.keep:
        keep = list(called(arguments.keep, store).values())
    else:
        keep = store.newest()
    removed: list[Removed] = store.prune(keep)
    if arguments.json:
        _print_json([{"name": item.name, "freed": item.freed} for item in removed])
    else:
        table = [[item.name, megabytes(item.freed)] for item in removed]
        table.append(["total", megabytes(sum(item.freed for item in removed))])
        put_table(table, ["removed", "freed"], ("left", "right"))
    return Exit.CONFORMS


def _name(
    build: Build, builds: Sequence[Build], store: Store, others: Collection[str], *, whole: bool
) -> str:
    """What to ask for a build by: its series, if that is enough; not all sources go by series.

    Its flavour, too, if it is one of the others than names without one mean.
    """
    flavour = f"+{build.flavour}" if build.flavour in others else ""
    short = f"{build.scheme}{build.series}{flavour}"
    if not whole:
        of_source = [it for it in builds if it.scheme == build.scheme]
        with suppress(UsageError):
            if store.choose(short, of_source).release == build.release:
                return short
    return f"{build.scheme}{build.upstream}{flavour}"


def _suite(name: str, suite: str) -> str:
    """A suite; where that is files of the user's, what the first of them is called."""
    if not name.startswith(labels.PATH):
        return suite
    (label,) = labels.of_paths([suite]).values()
    return label if len(label) <= _SUITE else f"{label[: _SUITE - 1]}…"


def _row(build: Build, name: str, saved: int) -> dict[str, Any]:
    return {
        "name": name,
        "release": build.release,
        "version": build.version,
        "flavour": build.flavour,
        "suite": build.suite,
        "size": build.size,
        "stored": build.stored,
        "saved": saved,
        "modules": build.whole,
    }


def _print_json(value: object) -> None:
    put(f"{msgspec.json.format(msgspec.json.encode(value)).decode()}\n")
