# SPDX-License-Identifier: MIT
"""Start a program in a domain that a Python library makes: ``library.py NAME WORDS -- PROGRAM``.

It takes the words of landproof's protocol (docs/clients.md) and asks the library as its own
documentation has it. It runs in the Python of a tree, where the library is, and imports nothing of
ours. Its exit code is 125 if the library has no words for the policy, 126 if it refuses.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NO_WORDS = 125
REFUSED = 126


@dataclass(frozen=True)
class Policy:
    """What is asked for, by landproof's names of rights: ``fs.read_file``."""

    restricted: Sequence[str]
    paths: Sequence[tuple[str, str]]
    """Rights, between commas, and what they are allowed beneath."""
    ports: Sequence[tuple[str, str]]
    strict: bool

    def handled(self, kind: str) -> list[str]:
        """Those restricted that are of a kind: ``fs``, ``net`` or ``scope``."""
        return [it for it in self.restricted if it.startswith(f"{kind}.")]


class NoWordsError(Exception):
    """The library has none for a right."""


def flags(kind: Any, labels: Iterable[str]) -> Any:
    """Rights as flags of a library, which all have the kernel's names."""
    found = kind(0)
    for label in labels:
        name = label.partition(".")[2].upper()
        if name not in kind.__members__:
            raise NoWordsError(f"no words for {label}")
        found |= kind[name]
    return found


def only_files(policy: Policy) -> None:
    """Refuse what is not about files."""
    for label in (*policy.handled("net"), *policy.handled("scope")):
        raise NoWordsError(f"no words for {label}")


def landlock(policy: Policy, program: Sequence[str]) -> None:
    """Its set of all rights is what the kernel has; one's own set is taken as it is."""
    from landlock import FSAccess, Ruleset

    only_files(policy)
    handled = flags(FSAccess, policy.restricted)
    if not policy.strict:
        handled &= FSAccess.all()
    ruleset = Ruleset(handled)
    for labels, path in policy.paths:
        ruleset.allow(path, rules=flags(FSAccess, labels.split(",")) & handled)
    ruleset.apply()
    execute(program)


def landlockpy_ruleset(policy: Policy) -> Any:
    """A ruleset that is not enforced yet."""
    from landlockpy import AccessFS, AccessNet, Ruleset, Scope

    ruleset = Ruleset(
        handled_fs=flags(AccessFS, policy.handled("fs")),
        handled_net=flags(AccessNet, policy.handled("net")),
        scoped=flags(Scope, policy.handled("scope")),
        best_effort=not policy.strict,
    )
    for labels, path in policy.paths:
        ruleset.allow_path(path, flags(AccessFS, labels.split(",")))
    for labels, port in policy.ports:
        ruleset.allow_port(int(port), flags(AccessNet, labels.split(",")))
    return ruleset


def landlockpy(policy: Policy, program: Sequence[str]) -> None:
    """It handles what it is asked for, and all that kernels have."""
    with landlockpy_ruleset(policy) as ruleset:
        ruleset.restrict()
    execute(program)


def sandboxkit(policy: Policy, program: Sequence[str]) -> None:
    """It starts the program itself, in a ruleset of landlockpy's, here without namespaces."""
    from sandboxkit import Namespace, Sandbox

    restore_signals()
    with landlockpy_ruleset(policy) as ruleset:
        sandbox = Sandbox(
            namespaces=Namespace(0), landlock=ruleset, strict=policy.strict, capture=False
        )
        sys.exit(sandbox.run_argv(program).returncode)


def py_landlock(policy: Policy, program: Sequence[str]) -> None:
    """It handles all rights of files that it knows, whatever is asked for, and all of the rest."""
    from py_landlock import AccessFs, AccessNet, Landlock, Scope

    flags(AccessFs, policy.handled("fs"))
    flags(AccessNet, policy.handled("net"))
    ruleset = Landlock(strict=policy.strict)
    if not policy.handled("net"):
        ruleset.allow_all_network()
    scoped = flags(Scope, policy.handled("scope"))
    if not scoped:
        ruleset.allow_all_scope()
    elif left := (Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) & ~scoped:
        ruleset.allow_scope(left)
    for labels, path in policy.paths:
        ruleset.add_path_rule(path, access=flags(AccessFs, labels.split(",")))
    for labels, port in policy.ports:
        ruleset.add_net_rule(int(port), access=flags(AccessNet, labels.split(",")))
    ruleset.apply()
    execute(program)


READABLE = {"fs.execute", "fs.read_file", "fs.read_dir"}


def _sandlock(policy: Policy, **more: Any) -> Any:
    from sandlock import Protection, Sandbox

    readable = [path for labels, path in policy.paths if READABLE.issuperset(labels.split(","))]
    writable = [path for _, path in policy.paths if path not in readable]
    degraded = [] if policy.strict else list(Protection)
    return Sandbox(fs_readable=readable, fs_writable=writable, allow_degraded=degraded, **more)


def sandlock(policy: Policy, program: Sequence[str]) -> None:
    """Its sandbox: it starts the program, and supervises it by seccomp as well."""
    ports: dict[str, list[str]] = {"net.bind_tcp": [], "net.connect_tcp": []}
    for labels, port in policy.ports:
        for label in labels.split(","):
            if label not in ports:
                raise NoWordsError(f"no words for {label}")
            ports[label].append(port)
    restore_signals()
    sandbox = _sandlock(
        policy,
        net_allow=[f"*:{it}" for it in ports["net.connect_tcp"]],
        net_allow_bind=[int(it) for it in ports["net.bind_tcp"]],
    )
    sys.exit(sandbox.run_interactive(list(program)))


def sandlock_confine(policy: Policy, program: Sequence[str]) -> None:
    """Its other way: the process itself gets a domain, about files and with both scopes."""
    from sandlock import confine

    if policy.handled("net"):
        raise NoWordsError("no words for ports")
    confine(_sandlock(policy))
    execute(program)


LIBRARIES: dict[str, Callable[[Policy, Sequence[str]], None]] = {
    it.__name__: it
    for it in (
        landlock, landlockpy, py_landlock, sandboxkit, sandlock, sandlock_confine,
    )
}  # fmt: skip


def restore_signals() -> None:
    """Python ignores them; a program has a right to their defaults."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def execute(program: Sequence[str]) -> None:
    """Become the program."""
    restore_signals()
    os.execvp(program[0], list(program))  # noqa: S606 (that is its purpose; no shell)


def main(words: Sequence[str]) -> None:
    """Read the words, and start the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--best-effort", action="store_true")
    parser.add_argument("--restrict", action="append", default=[])
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--port", action="append", default=[])
    parser.add_argument("program", nargs="+")
    given = parser.parse_args(words)
    policy = Policy(
        restricted=given.restrict,
        paths=[(labels, path) for labels, _, path in (it.partition(":") for it in given.allow)],
        ports=[(labels, port) for labels, _, port in (it.partition(":") for it in given.port)],
        strict=not given.best_effort,
    )
    try:
        LIBRARIES[given.library](policy, given.program)
    except NoWordsError as error:
        sys.stderr.write(f"{given.library}: {error}\n")
        sys.exit(NO_WORDS)
    except Exception as error:  # noqa: BLE001 (libraries raise what they like)
        sys.stderr.write(f"{given.library}: {type(error).__name__}: {error}\n")
        sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
