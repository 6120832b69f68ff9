# SPDX-License-Identifier: MIT
"""A case as one file in C.

The file performs the same system calls in the same processes, in the order in which they were made,
and holds what they come to against what the kernel owes. ``runtime.c`` and ``surroundings.c`` are
what all such files have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.agent.wire import OpKind
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected
from suite.landlock.abi import RULESET_ATTR
from suite.process.promise import Call, Mode
from suite.process.syscalls import NUMBERS
from suite.process.uapi import CLONE_VM
from suite.repro.errors import UnwritableError
from suite.repro.expressions import Expressions
from suite.repro.script import ROOT, Script, Step, refuse_places, script
from suite.repro.sources import Given, Sources, referred, size_of_data

_RUNTIME = [Path(__file__).with_name(name) for name in ("runtime.c", "surroundings.c")]
_HEADERS = """\
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
"""
_CALL = """\
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) \\
	syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
"""
_STRUCTS = {
    "struct landlock_ruleset_attr": "\n".join(f"\tuint64_t {it.name};" for it in RULESET_ATTR),
    "struct landlock_path_beneath_attr": "\tuint64_t allowed_access;\n\tint32_t parent_fd;",
    "struct landlock_net_port_attr": "\tuint64_t allowed_access;\n\tuint64_t port;",
    "struct how": "\tuint64_t flags;\n\tuint64_t mode;\n\tuint64_t resolve;",
}
"""Those that headers may lack; ``struct how`` is struct open_how."""
_NAMES = {
    "openat": "file", "openat2": "file", "open": "file", "creat": "file", "fork": "child",
    "vfork": "child", "thread": "thread", "landlock_create_ruleset": "ruleset",
    "pidfd_open": "pidfd", "mmap": "memory", "accept4": "accepted", "pipe2": "pipe",
    "give": "given", "getpid": "pid", "gettid": "tid",
}  # fmt: skip

_WIDTH = 70
_ABOUT = {"CONTROL": "\t/* The control. */\n", "OBSERVED": "\t/* What is observed. */\n"}


@dataclass(frozen=True, slots=True)
class Owed:
    """What a case shows of a kernel, and what is written above it."""

    title: str
    """Its id."""
    notes: tuple[str, ...]
    """What it is about, where that is written, what was seen: lines of a comment."""
    outcomes: tuple[Outcome, ...]
    """Each of which a kernel may come to."""
    abi: int
    """Of the kernels that owe it."""
    place: str
    """The folder of the files."""
    agent: str
    """The path of the agent there, for which the reproducer itself stands in."""
    arch: str = "x86_64"
    may_die: bool = False
    """Whether the kernel died or hung over it, so that all it owes is to survive."""


def program(
    owed: Owed, calls: Sequence[Call], observed: Sequence[Call], control: Sequence[Call] | None
) -> str:
    """The file.

    Args:
        owed: What the kernel owes.
        calls: All that the case did.
        observed: The calls of the action that was judged.
        control: Those of its control, if there was one.

    Raises:
        UnwritableError: It can't be written yet; the message says why.
    """
    outcomes = ",\n".join(f"\t{_outcome(it)}" for it in owed.outcomes)
    steps = script(calls, observed, control)
    refuse_places(calls, owed.place, owed.agent)
    writer = _Writer(owed, steps, calls)
    functions = "\n".join(writer.functions())
    runtime = "\n".join(file.read_text(encoding="utf-8") for file in _RUNTIME)
    names = sorted(writer.expressions.names.items())
    return "\n".join(
        (
            _comment(owed),
            _HEADERS,
            _defined((f"SYS_{name}", number) for name, number in writer.numbers()),
            _defined((name, number) for name, number in names if name != "NULL"),
            _CALL,
            *(f"{tag} {{\n{_STRUCTS[tag]}\n}}{_packed(tag)};\n" for tag in writer.own_structs()),
            f"#define PLACE {writer.expressions.quoted_place}",
            f"#define ABI {owed.abi}",
            f"enum {{ STEPS = {len(writer.script.steps)} }};",
            f"enum {{ HAS_CONTROL = {int(control is not None)} }};",
            f"enum {{ MAY_DIE = {int(owed.may_die)} }};",
            f"enum {{ HAS_VALUE = {int(_has_value(owed.outcomes))} }};\n",
            "/* What calls give, and later ones take. */",
            f"struct variables {{\n{writer.members()}}};\n",
            f"static char scratch[{writer.expressions.scratch}] __attribute__((unused));\n",
            "static int prepare(void);",
            runtime.replace("@OWED@", outcomes),
            "/* ---- The case. ---- */\n",
            functions,
        )
    )


def _comment(owed: Owed) -> str:
    lines = [owed.title, "", *owed.notes, "", "Build: cc -Wall -Wextra -static -o repro THIS_FILE"]
    lines.append("Exit code: 0 the kernel does what it owes, 1 it does not, 2 the set-up failed")
    body = "\n".join(f" * {line}".rstrip() for line in lines).replace("*/", "* /")
    return f"/*\n{body}\n */"


def _defined(names: Iterable[tuple[str, int]]) -> str:
    return "".join(
        f"#ifndef {name}\n#define {name} {_number(number)}\n#endif\n" for name, number in names
    )


def _number(number: int) -> str:
    return str(number) if abs(number) < 1 << 31 else hex(number)


def _packed(tag: str) -> str:
    return " __attribute__((packed))" if tag == "struct landlock_path_beneath_attr" else ""


def _has_value(outcomes: Iterable[Outcome]) -> bool:
    return any(isinstance(it, Allowed) and it.value is not None for it in outcomes)


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Allowed(value):
            return f"{{ NULL, 0, {value or 0} }}"
        case Denied(errno):
            return f"{{ NULL, {errno}, -1 }}"
        case Rejected(syscall, errno):
            return f'{{ "landlock_{syscall}", {errno}, -1 }}'
        case _:
            raise UnwritableError(f"what it comes to is no call's result, but was {outcome}")


class _Writer:
    """Writes the functions of a script, one a process, or several where one executes a program."""

    def __init__(self, owed: Owed, written: Script, calls: Sequence[Call]) -> None:
        self.script = written
        self._owed = owed
        self._agent_used = any(
            owed.agent in str(argument) for call in calls for argument in call.arguments
        )
        sources = Sources(place=owed.place)
        self._given: dict[int, list[Given]] = {id(it): sources.arguments(it) for it in calls}
        values, data = self._referred(calls)
        self.expressions = Expressions(owed.place, _named(values), _named(data, "_data"))
        self._sizes = {id(call): size_of_data(call) for call in data}
        self._resumed: list[tuple[Step, str, str]] = []

    def _referred(self, calls: Sequence[Call]) -> tuple[list[Call], list[Call]]:
        """The calls whose value, and those whose data, is used; pids of who ends by itself, too."""
        values: dict[int, Call] = {}
        data: dict[int, Call] = {}
        for given in self._given.values():
            for found, more in zip((values, data), referred(given), strict=True):
                found.update((id(it), it) for it in more)
        ended = {it.process for it in self.script.steps if it.is_fatal}
        for call in calls:
            if call.name in ("fork", "vfork", "thread") and call.arguments[0] in ended:
                values[id(call)] = call
        order = {id(call): number for number, call in enumerate(calls)}
        missing = [it for it in (*values.values(), *data.values()) if id(it) not in order]
        if missing:
            raise UnwritableError(f"it builds on {missing[0]}, which was made before the case")
        return _sorted(values, order), _sorted(data, order)

    def members(self) -> str:
        """The members of struct variables."""
        longs = "".join(f"\tlong {it};\n" for it in self.expressions.variables.values())
        buffers = "".join(
            f"\tchar {name}[{self._sizes[call]}] __attribute__((aligned(8)));\n"
            for call, name in self.expressions.buffers.items()
        )
        return (longs + buffers) or "\tint none;\n"

    def numbers(self) -> list[tuple[str, int]]:
        """The numbers of system calls that headers may lack."""
        numbers = NUMBERS[self._owed.arch]
        names = {it.call.name for it in self.script.steps if it.kind is OpKind.CALL} | {
            "landlock_create_ruleset",
            "clone3",
            "execveat",
            "memfd_create",
            "pidfd_open",
        }
        return sorted((name, numbers[name]) for name in names)

    def own_structs(self) -> list[str]:
        """The structs that the file has to say itself."""
        return sorted(self.expressions.tags & _STRUCTS.keys())

    def functions(self) -> Iterator[str]:
        """The functions of the processes, and those that the runtime calls."""
        processes = [ROOT, *self.script.parents]
        for process in reversed(processes):
            if process != ROOT:
                yield f"static void process_{process}(void);"
        yield ""
        for process in processes:
            yield from self._process(process)
        cases = "\n".join(
            f"\tcase {step.number}:\n\t\t{done}\n\t\t{after}();\n\t\tbreak;"
            for step, done, after in self._resumed
        )
        body = f"\tswitch (step) {{\n{cases}\n\t}}" if cases else "\t(void)step;"
        yield f"/* Go on behind an execve(2). */\nstatic void resume(int step)\n{{\n{body}\n}}\n"
        agent = self.expressions.text(self._owed.agent)
        copied = f"copy_self({agent})" if self._agent_used else "0"
        yield f"static int prepare(void)\n{{\n\treturn {copied};\n}}"

    def _process(self, process: int) -> Iterator[str]:
        """Its function; behind an execve(2) a new one begins, for the new image to call."""
        parent = self.script.parents.get(process, ROOT)
        name = "root" if process == ROOT else f"process_{process}"
        of = "who was there before" if parent == ROOT else f"process {parent}"
        about = f"/* Process {process}, a child of {of}. */\n" if process != ROOT else ""
        parts: list[tuple[str, list[str]]] = [(name, [])]
        for block in self.script.blocks(process):
            parts[-1][1].append(self._block(process, block))
            if block[-1].kind is OpKind.EXEC:
                after = f"{name}_after_{block[-1].number}"
                parts[-1][1].append(f"\t{after}();\n")
                self._resumed.append((block[-1], self._turn([block[-1]], exec_done=True), after))
                parts.append((after, []))
        for part, blocks in reversed(parts):
            yield f"{about}static void {part}(void)\n{{\n{''.join(blocks)}}}\n"

    def _block(self, process: int, block: list[Step]) -> str:
        first = block[0]
        before = next((it for it in self.script.steps if it.number == first.number - 1), None)
        waits = ""
        if before is not None and before.is_fatal:
            maker = next(it for it in self._forks() if it.arguments[0] == before.process)
            waits = f"\t\tawait_end({self.expressions.value(maker)});\n"
        if first.passes_first:
            waits += f"\t\tpass_turn({first.number + 1});\n"
        what = _ABOUT.get(first.group, "")
        turn = self._turn(block)
        return f"{what}\tif (my_turn({first.number})) {{\n{waits}\t\t{turn}\n\t}}\n"

    def _forks(self) -> list[Call]:
        return [it.call for it in self.script.steps if it.kind is OpKind.FORK]

    def _turn(self, block: list[Step], *, exec_done: bool = False) -> str:
        """The calls of a block, and whose turn it is afterwards."""
        last = block[-1]
        calls = [self._step(it, done=exec_done) for it in block]
        if last.passes_first and not exec_done:
            return f"{calls[0]};"
        if last.group:
            joined = " &&\n\t\t\t  ".join(calls)
            if last.number + 1 == last.end:
                return f"(void)({joined});\n\t\tpass_turn({last.end});"
            return f"pass_turn({joined}\n\t\t\t  ? {last.number + 1} : {last.end});"
        return "\n\t\t".join([*(f"{it};" for it in calls), f"pass_turn({last.number + 1});"])

    def _step(self, step: Step, *, done: bool) -> str:
        call = step.call
        label = "clone" if step.kind is OpKind.FORK else call.name
        result = "0" if done else self._call(step)
        name = self.expressions.variables.get(id(call))
        if name and (step.kind is not OpKind.GIVE or step.takes):
            result = f"s->v.{name} = {result}"
        who = f'{step.number}, {step.process}, "{label}"'
        if step.is_fatal or call.mode is Mode.DEATH:
            return _folded("may", who, result)
        if call.mode is Mode.GATE:
            return _folded("gate", who, result)
        if step.group:
            who = f'{step.number}, {step.process}, {step.group}, "{label}"'
            return _folded("tried", who, result)
        return _folded("must", who, result)

    def _call(self, step: Step) -> str:
        call = step.call
        given = self._given[id(call)]
        match step.kind:
            case OpKind.CALL:
                arguments = self.expressions.arguments(call, given)
                return f"CALL({', '.join([f'SYS_{call.name}', *arguments])})"
            case OpKind.FORK:
                child, flags = call.arguments
                number = int(flags) if isinstance(flags, int) else 0
                if call.batch.sender.shares_memory and call.name == "fork":
                    number &= ~CLONE_VM  # which is for speed, and changes no verdict
                return f"spawn(process_{child!s}, {self.expressions.flags(number)})"
            case OpKind.GIVE:
                return "take()" if step.takes else f"give({self.expressions.value(given[0])})"
            case OpKind.EXEC:
                parts = ", ".join(self.expressions.exec_arguments(call, given))
                return f"execute({step.number}, {parts})"
            case OpKind.PEEK | OpKind.POKE:
                return self.expressions.memory(call, given)
            case _:
                raise UnwritableError(f"{call.name} has no words yet")


def _folded(function: str, first: str, last: str) -> str:
    """A call of a function of the runtime, on two lines if one would be long."""
    between = "\n\t\t\t" if len(first) + len(last) > _WIDTH else " "
    return f"{function}({first},{between}{last})"


def _sorted(calls: dict[int, Call], order: dict[int, int]) -> list[Call]:
    return [calls[it] for it in sorted(calls, key=order.__getitem__)]


def _named(calls: Sequence[Call], suffix: str = "") -> dict[int, str]:
    """A name for each call, with a number where there are several."""
    plain = [_NAMES.get(it.name, it.name) for it in calls]
    count = Counter(plain)
    seen: Counter[str] = Counter()
    names: dict[int, str] = {}
    for call, name in zip(calls, plain, strict=True):
        seen[name] += 1
        number = f"_{seen[name]}" if count[name] > 1 else ""
        names[id(call)] = f"{name}{number}{suffix}"
    return names
