# SPDX-License-Identifier: MIT
"""A case as one file in C.

The file performs the same system calls in the same processes, in the order in which they were made,
and holds what they come to against what the kernel owes. What all such files have is in the files
of C beside this one, in parts: a file has the parts that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from suite.agent.wire import OpKind
from suite.judge.outcome import Allowed, Denied, Outcome, Rejected
from suite.landlock.abi import CREATE
from suite.process.promise import Call
from suite.process.syscalls import NUMBERS
from suite.repro.errors import UnwritableError
from suite.repro.functions import Functions
from suite.repro.headers import STRUCTS, definitions, includes, narrow_definitions
from suite.repro.script import Script, Seen, refuse_places, script, without_root

_HERE = Path(__file__).parent


class Shape(StrEnum):
    """What the file is to be."""

    PROGRAM = "program"
    """A program of its own."""
    KSELFTEST = "kselftest"
    """A test of the kernel's own harness, for tools/testing/selftests/landlock."""


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
    commands: tuple[str, ...] = ()
    """What a shell has to do first, such as to make and mount a file system."""


def program(
    owed: Owed,
    calls: Sequence[Call],
    seen: Seen,
    shape: Shape = Shape.PROGRAM,
) -> str:
    """The file.

    Args:
        owed: What the kernel owes.
        calls: All that the case did, settled, in order.
        seen: Which of them were looked at.
        shape: What the file is to be.

    Raises:
        UnwritableError: It can't be written yet; the message says why.
    """
    outcomes = "".join(f"\t{_outcome(it)},\n" for it in owed.outcomes)
    written = script(calls, seen)
    if written.narrow and owed.arch != "x86_64":
        raise UnwritableError("it makes 32-bit system calls, as only x86_64 can")
    refuse_places(calls, owed.place, owed.agent)
    functions = Functions(owed.place, written, calls, ", or ".join(map(str, owed.outcomes)))
    if not functions.refers_to(written.steps[0].call):
        written = functions.script = without_root(written)
    text = "\n".join(functions.all())
    ends = _ends(owed, shape)
    where = " | MAP_32BIT" if written.narrow else ""
    ends = (
        ends.replace(" | WHERE", where)
        .replace("FIRST", functions.first)
        .replace("@PREPARE@", _prepared(owed, functions))
    )
    top, runtime, ends = _used(text, _read("turns.c"), _read("runtime.c"), ends)
    return "\n".join(
        (
            _comment(owed, shape),
            _beginning(owed, functions, written, shape, text + runtime + ends),
            _constants(owed, functions, written, seen),
            functions.variables(),
            f"static char scratch[{functions.expressions.scratch}]; /* what nobody looks at */\n"
            if "scratch" in text
            else "",
            top,
            f"/* What the kernel owes{': any of these' if len(owed.outcomes) > 1 else ''}. */\n"
            f"static const struct outcome owed[] = {{\n{outcomes}}};\n"
            if re.search(r"\bowed\[", ends)
            else "",
            "/* ---- The case. ---- */\n",
            text,
            functions.names(),
            runtime,
            ends,
        )
    )


def _comment(owed: Owed, shape: Shape) -> str:
    lines = [owed.title, "", *owed.notes, ""]
    if shape is Shape.KSELFTEST:
        lines.append("Build: in tools/testing/selftests/landlock, as one of its *_test.c")
    else:
        lines.append("Build: cc -Wall -Wextra -static -o repro THIS_FILE")
        lines.append(
            "Exit code: 0 the kernel does what it owes, 1 it does not, 2 the set-up failed"
        )
    body = "\n".join(f" * {line}".rstrip() for line in lines).replace("*/", "* /")
    licence = "GPL-2.0" if shape is Shape.KSELFTEST else "MIT"
    return f"// SPDX-License-Identifier: {licence}\n/*\n{body}\n */\n"


def _beginning(owed: Owed, functions: Functions, written: Script, shape: Shape, text: str) -> str:
    """The headers, and what they may lack."""
    expressions = functions.expressions
    made = [it for it in written.steps if it.kind is OpKind.CALL]
    names = {it.call.name for it in made if not it.is_narrow}
    names |= set(re.findall(r"\bSYS_(\w+)", text)) - {"##name"}
    constants = {**expressions.names, CREATE.VERSION.constants[0]: int(CREATE.VERSION)}
    harness = ['"../kselftest_harness.h"'] if shape is Shape.KSELFTEST else []
    return "\n".join(
        (
            "#define _GNU_SOURCE",
            includes(expressions.tags, harness),
            definitions(names & NUMBERS[owed.arch].keys(), constants, owed.arch),
            narrow_definitions(it.call.name for it in made if it.is_narrow),
            *(STRUCTS[tag] for tag in sorted(expressions.tags & STRUCTS.keys())),
        )
    )


def _constants(owed: Owed, functions: Functions, written: Script, seen: Seen) -> str:
    others = sorted({it.action for it in written.steps} - {"", "CONTROL", "OBSERVED"})
    actions = ", ".join(["CONTROL", "OBSERVED", *others, "ACTIONS"])
    lines = [
        "/* All files are there: on a tmpfs of the program's own, if it may mount one. */",
        f"#define PLACE {functions.expressions.quoted_place}\n",
        f"enum {{ ABI = {owed.abi} }}; /* of the kernels that owe what is owed here */",
        f"enum {{ TURNS = {len(written.turns)}, CALLS = {len(written.steps)} }};",
        f"enum {{ HAS_CONTROL = {int(seen.control is not None)}, MAY_DIE = {int(owed.may_die)} }};",
        f"enum {{ HAS_VALUE = {int(_has_value(owed.outcomes))} }}; /* what is owed is a number */",
        f"enum {{ {actions} }};\n",
    ]
    return "\n".join(lines)


def _prepared(owed: Owed, functions: Functions) -> str:
    """What is made before the case begins."""
    lines = ""
    if functions.uses(owed.agent):
        agent = functions.expressions.text(owed.agent)
        lines += f'\tif (!failed && copy_self({agent}))\n\t\tfailed = "copy";\n'
    for command in owed.commands:
        quoted = functions.expressions.text(command)
        lines += f"\tif (!failed && system({quoted}))\n\t\tfailed = {quoted};\n"
    return lines


def _ends(owed: Owed, shape: Shape) -> str:
    """The surroundings, and the function that a run begins with."""
    last = _read("plain.c")
    if shape is Shape.KSELFTEST:
        name = re.sub(r"\W+", "_", owed.title).strip("_")
        last = _read("kselftest.c").replace("@TEST@", name)
        last = last.replace("@EXPECT@", _expected(owed))
    return f"{_read('surroundings.c')}/* @@ */\n{last}"


def _expected(owed: Owed) -> str:
    """The last lines of a test: what it came to against what is owed."""
    if owed.may_die:
        return '\tEXPECT_EQ(0, s->status)\n\t{\n\t\tTH_LOG("%s", s->why);\n\t}\n'
    log = (
        '\n\t{\n\t\tTH_LOG("Owed: %s; observed: %s", OWED, in_words(s->came_to[OBSERVED]));\n\t}\n'
    )
    log = log.replace("OWED", f'"{" or ".join(map(str, owed.outcomes))}"')
    if len(owed.outcomes) > 1:
        return f"\tEXPECT_TRUE(is_owed(s->came_to[OBSERVED])){log}"
    (only,) = owed.outcomes
    lines = ""
    if isinstance(only, Rejected):
        lines = f'\tEXPECT_STREQ("landlock_{only.syscall}", s->came_to[OBSERVED].refused);\n'
    elif not isinstance(only, Allowed):
        lines = '\tEXPECT_STREQ("", s->came_to[OBSERVED].refused);\n'
    error = "0" if isinstance(only, Allowed) else _errno(only)
    lines += f"\tEXPECT_EQ({error}, s->came_to[OBSERVED].error){log}"
    if isinstance(only, Allowed) and only.value is not None:
        lines += f"\tEXPECT_EQ({only.value}, s->came_to[OBSERVED].value);\n"
    return lines


def _errno(outcome: Outcome) -> str:
    assert isinstance(outcome, Denied | Rejected)  # noqa: S101 (the only ones that have one)
    return outcome.errno


def _read(name: str) -> str:
    """A file of C without the line of its licence, which the whole has."""
    return (_HERE / name).read_text(encoding="utf-8").partition("\n")[2]


_PART = re.compile(r"^/\* @@ ([\w ]*)\*/\n", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def _used(text: str, *files: str) -> list[str]:
    """The files without the parts of which nothing is used.

    A line with ``@@`` begins a part, and has the words that use it; a part without any always is.
    """
    split = [_PART.split(f"/* @@ */\n{file}")[1:] for file in files]
    every = [(parts[at], parts[at + 1]) for parts in split for at in range(0, len(parts), 2)]
    used = {""}
    while True:
        whole = text + "".join(part for words, part in every if words in used)
        found = set(re.findall(r"\w+", _COMMENT.sub("", whole)))
        more = {words for words, _ in every if found & set(words.split())} | {""}
        if more == used:
            break
        used = more
    return [
        "".join(parts[at + 1] for at in range(0, len(parts), 2) if parts[at] in used)
        for parts in split
    ]


def _has_value(outcomes: Iterable[Outcome]) -> bool:
    return any(isinstance(it, Allowed) and it.value is not None for it in outcomes)


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Allowed(None):
            return "{ .error = 0 }"
        case Allowed(value):
            return f"{{ .error = 0, .value = {value} }}"
        case Denied(errno):
            return f"{{ .error = {errno} }}"
        case Rejected(syscall, errno):
            return f'{{ .refused = "landlock_{syscall}", .error = {errno} }}'
        case _:
            raise UnwritableError(f"what it comes to is no call's result, but was {outcome}")
