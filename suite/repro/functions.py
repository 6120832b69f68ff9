# SPDX-License-Identifier: MIT
"""The functions of a reproducer: one a process, or several where one executes a program."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from suite.agent.wire import OpKind
from suite.process.promise import Call, Mode
from suite.process.quoting import quoted
from suite.process.strace import shown
from suite.process.syscalls import SYSCALLS, Opens
from suite.process.uapi import CLONE_VM
from suite.repro.errors import UnwritableError
from suite.repro.expressions import Expressions
from suite.repro.script import ROOT, Script, Step, Turn, kind_of
from suite.repro.sources import Given, Sources, referred, size_of_data
from suite.values import Out, Pack

_NAMES = {
    "openat": "file", "openat2": "file", "open": "file", "creat": "file", "fork": "child",
    "vfork": "child", "thread": "thread", "landlock_create_ruleset": "ruleset",
    "pidfd_open": "pidfd", "mmap": "memory", "accept4": "accepted", "pipe2": "pipe",
    "give": "given", "getpid": "pid", "gettid": "tid", "socketpair": "pair",
}  # fmt: skip
_WIDTH = 96
"""Columns, with a tab of eight."""
_BREAKS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|(?!, | \| ).)+(?:, | \| |$)')
"""Words of C that a line may begin with; strings stay whole."""


class Functions:
    """Writes the functions of a script.

    Args:
        place: The folder of the files.
        written: The script; whoever leaves something out of it later sets ``script``.
        calls: All calls of the case.
        owed: What the kernel owes, in words.
    """

    def __init__(self, place: str, written: Script, calls: Sequence[Call], owed: str) -> None:
        self.script = written
        self._owed = owed
        self._calls = calls
        sources = Sources(place=place)
        self._given: dict[int, list[Given]] = {id(it): sources.arguments(it) for it in calls}
        values, data = self._referred(calls)
        self.expressions = Expressions(place, _named(values), _named(data, "_data"))
        self.expressions.pairs = {
            id(it) for it in data if kind_of(it) is OpKind.CALL and _opens_two(it)
        }
        self._sizes = {id(call): size_of_data(call) for call in data}
        self._resumed: list[str] = []
        self._said: set[str] = set()

    def uses(self, path: str) -> bool:
        """Whether a call names it."""
        return any(path in str(argument) for call in self._calls for argument in call.arguments)

    def refers_to(self, call: Call) -> bool:
        """Whether what a call gives is used later on."""
        return id(call) in self.expressions.variables

    @property
    def first(self) -> str:
        """The function that begins the case."""
        return _function(self.script.processes[0])

    def _referred(self, calls: Sequence[Call]) -> tuple[list[Call], list[Call]]:
        """The calls whose value, and those whose data, is used; pids of who ends by itself, too."""
        values: dict[int, Call] = {}
        data: dict[int, Call] = {}
        for given in self._given.values():
            for found, more in zip((values, data), referred(given), strict=True):
                found.update((id(it), it) for it in more)
        ended = {it.process for it in self.script.steps if it.is_fatal}
        values |= {id(it.call): it.call for it in self.script.steps if it.child in ended - {0}}
        order = {id(call): number for number, call in enumerate(calls)}
        missing = [it for it in (*values.values(), *data.values()) if id(it) not in order]
        if missing:
            raise UnwritableError(f"it builds on {missing[0]}, which was made before the case")
        return _sorted(values, order), _sorted(data, order)

    def variables(self) -> str:
        """The struct of what calls give and later ones take."""
        lines = [f"\tlong {it};\n" for it in self.expressions.variables.values()]
        for call, name in self.expressions.buffers.items():
            if call in self.expressions.pairs:
                lines.append(f"\tint {name}[2];\n")
            else:
                lines.append(f"\tchar {name}[{self._sizes[call]}] __attribute__((aligned(8)));\n")
        members = "".join(lines) or "\tlong none;\n"
        return f"/* What calls give, and later ones take. */\nstruct variables {{\n{members}}};\n"

    def names(self) -> str:
        """The table by which numbers are told in place of variables."""
        members = [*self.expressions.variables.values()]
        for call in self.expressions.pairs:
            name = self.expressions.buffers[call]
            members += [f"{name}[0]", f"{name}[1]"]
        rows = "".join(f"\tNAME({it}),\n" for it in members) or "\t{ NULL, 0, 0 },\n"
        define = (
            "#define NAME(it) { #it, offsetof(struct variables, it), "
            "sizeof(((struct variables *)0)->it) }\n"
            if members
            else ""
        )
        undefine = "#undef NAME\n" if members else ""
        return (
            f"/* By which numbers are told in place of variables. */\n{define}"
            "static const struct name { const char *text; size_t offset, size; } names[] = {\n"
            f"{rows}}};\n{undefine}"
        )

    def all(self) -> Iterator[str]:
        """The functions, those that come first called by later ones."""
        processes = self.script.processes
        for process in reversed(processes[1:]):
            yield f"static void {_function(process)}(void);"
        yield ""
        for process in processes:
            yield from self._process(process)
        if self._resumed:
            cases = "".join(
                f"\tcase {number}:\n{done}" for number, done in enumerate(self._resumed, start=1)
            )
            yield (
                "/* Go on behind an execve(2). */\n"
                f"static void resume(int at)\n{{\n\tswitch (at) {{\n{cases}\t}}\n}}\n"
            )

    def _process(self, process: int) -> Iterator[str]:
        """Its function; behind an execve(2) a new one begins, for the new image to call."""
        name = _function(process)
        parts: list[tuple[str, list[str]]] = [(name, [])]
        for turn in self.script.of(process):
            last = turn.steps[-1]
            if last.kind is not OpKind.EXEC:
                parts[-1][1].append(self._turn(turn))
                continue
            goes_on = turn is not self.script.of(process)[-1]
            after = f"{name}_after_{len(self._resumed) + 1}" if goes_on else ""
            call = f"\t{after}();\n" if after else ""
            self._resumed.append("")
            parts[-1][1].append(self._turn(turn) + call)
            done = self._step(last, done=True) + f"\t{self._pass(turn)}{call}\tbreak;\n"
            self._resumed[-1] = _deeper(done)
            if after:
                parts.append((after, []))
        for number, (part, blocks) in reversed(list(enumerate(parts))):
            about = self._about(process) if not number else ""
            me = f"\tenum {{ me = {process} }};\n\n" if any("(" in it for it in blocks) else ""
            yield f"{about}static void {part}(void)\n{{\n{me}{''.join(blocks)}}}\n"

    def _about(self, process: int) -> str:
        """What a process is for."""
        steps = [step for turn in self.script.of(process) for step in turn.steps]
        parts = []
        if any(it.action == "CONTROL" for it in steps):
            parts.append("makes the control")
        if process in self.script.narrow:
            parts.append("makes 32-bit calls")
        if any(it.call.name == "landlock_restrict_self" for it in steps if not it.action):
            parts.append("enters a domain")
        if any(it.action == "OBSERVED" for it in steps):
            parts.append("is judged")
        parent = self.script.parents.get(process, ROOT)
        of = f", a child of process {parent}" if parent in self.script.processes else ""
        who = f"Process {process}{of}" if process != ROOT else "Process 0, from before the case"
        return f"/* {who}{': ' if parts else ''}{', '.join(parts)}. */\n"

    def _turn(self, turn: Turn) -> str:
        """What a process does in a turn."""
        first, lines = turn.steps[0], [f"\tawait_turn({turn.number});\n"]
        if turn.number == 1:
            lines.clear()
        before = next((it for it in self.script.turns if it.number == turn.number - 1), None)
        if before is not None and before.steps[-1].is_fatal:
            maker = next(it for it in self.script.steps if it.child == before.process)
            lines.append(f"\tawait_end({self.expressions.value(maker.call)});\n")
        if first.passes_first:
            lines.append(f"\tpass_turn({turn.number + 1});\n")
        lines += [self._remark(step) + self._step(step) for step in turn.steps]
        if not first.passes_first:
            lines.append(f"\t{self._pass(turn)}")
        return "".join(lines)

    def _pass(self, turn: Turn) -> str:
        following = str(turn.number + 1)
        if turn.skips:
            following = f"s->came_to[{turn.skips}].error ? {turn.skips_to} : {following}"
        return f"pass_turn({following});\n"

    def _remark(self, step: Step) -> str:
        """What begins with a step; said once."""
        said = {
            "CONTROL": "The control: this has to succeed, or nothing is shown.",
            "OUTSIDE": "Outside of the domain: if this fails in the same way, nothing is denied.",
            "OBSERVED": f"What is judged. Owed: {self._owed}.",
        }.get(step.action, "")
        if not said or step.action in self._said:
            return ""
        self._said.add(step.action)
        return f"\n\t/* {said} */\n"

    def _step(self, step: Step, *, done: bool = False) -> str:
        """A call as a statement; ``done``: in the image that it has executed."""
        call = step.call
        name = self.expressions.variables.get(id(call))
        gives = name and (step.kind is not OpKind.GIVE or step.takes)
        target = f"v->{name} = " if gives else ""
        verb, action = _verb(step)
        label = "clone" if step.kind is OpKind.FORK else call.name
        if done:
            more = f'{action}, "{label}", ' if action else f'"{label}", ' if verb == "GATE" else ""
            function = {"TRY": "tried", "GATE": "gate", "MAY": "may", "MUST": "must"}[verb]
            return f"\t{function}(s->noted - 1, {more}0);\n"
        if step.kind is OpKind.CALL:
            arguments = self.expressions.arguments(call, self._given[id(call)])
            verb += "32" if step.is_narrow else ""
            return _folded(f"{target}{verb}(", [*([action] if action else []), label, *arguments])
        text = self._text(call)
        parts = [*([action] if action else []), f'"{label}"', text, self._operation(step)]
        return _folded(f"{target}{verb}_DO(", parts)

    def _text(self, call: Call) -> str:
        """What an operation of the agent is told as."""
        if kind_of(call) is OpKind.EXEC:
            at, path, flags = self.expressions.exec_arguments(call, self._given[id(call)])
            return quoted(f'{at}, {path}, ["repro"], [...], {flags}'.encode())
        if kind_of(call) in (OpKind.PEEK, OpKind.POKE):
            size = sum(it.size for it in call.arguments if isinstance(it, Out | Pack))
            size += sum(len(it) for it in call.arguments if isinstance(it, bytes))
            address = self.expressions.value(self._given[id(call)][0])
            return quoted(f"{address}, <{size} bytes>".encode())
        text = shown(call.name, call.arguments, call.known, call.known_data)
        if kind_of(call) is OpKind.GIVE:
            text = "give(a file)"
        return self.expressions.text(text.partition("(")[2].removesuffix(")"))

    def _operation(self, step: Step) -> str:
        call = step.call
        given = self._given[id(call)]
        match step.kind:
            case OpKind.FORK:
                flags = call.arguments[1]
                number = int(flags) if isinstance(flags, int) else 0
                if call.batch.sender.shares_memory and call.name == "fork":
                    number &= ~CLONE_VM  # which is for speed, and changes no verdict
                spawn = "spawn_low" if step.child in self.script.narrow else "spawn"
                return f"{spawn}({_function(step.child)}, {self.expressions.flags(number)})"
            case OpKind.GIVE:
                return "take()" if step.takes else f"give({self.expressions.value(given[0])})"
            case OpKind.EXEC:
                parts = ", ".join(self.expressions.exec_arguments(call, given))
                return f"execute({len(self._resumed)}, {parts})"
            case OpKind.PEEK | OpKind.POKE:
                return self.expressions.memory(call, given)
            case _:
                raise UnwritableError(f"{call.name} has no words yet")


def _function(process: int) -> str:
    return "before" if process == ROOT else f"process_{process}"


def _verb(step: Step) -> tuple[str, str]:
    """What a failure means: the macro, and the action if it is one of one."""
    if step.is_fatal or step.call.mode is Mode.DEATH:
        return "MAY", ""
    if step.call.mode is Mode.GATE:
        return "GATE", ""
    return ("TRY", step.action) if step.action else ("MUST", "")


def _opens_two(call: Call) -> bool:
    return SYSCALLS[call.name].opens is Opens.TWO


def _deeper(text: str) -> str:
    return "".join(f"\t{line}\n" for line in text.splitlines())


def _folded(begin: str, parts: Sequence[str]) -> str:
    """A statement, on several lines if one would be long."""
    lines, line = [], "\t"
    room = _WIDTH - len("\t\t".expandtabs(8))
    items = [f"{it}, " for it in parts[:-1]] + [f"{parts[-1]});"]
    items[0] = begin + items[0]
    for whole in items:
        for item in [whole] if len(whole.rstrip()) <= room else _BREAKS.findall(whole):
            if len(line.expandtabs(8)) + len(item.rstrip()) > _WIDTH and line.strip():
                lines.append(line.rstrip())
                line = "\t\t"
            line += item
    return "\n".join([*lines, line]) + "\n"


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
        pair = kind_of(call) is OpKind.CALL and _opens_two(call)
        names[id(call)] = f"{name}{number}{'' if pair else suffix}"
    return names
