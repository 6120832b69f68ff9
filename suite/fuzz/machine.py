# SPDX-License-Identifier: MIT
"""The state machine by which Hypothesis writes programs: each rule is an action of the table.

A rule takes its step on the model at once, so that the next one is chosen among what makes sense
then; the kernel gets the whole program when it is written, in one frame.

There are no bundles: which descriptors a process has depends on what it inherited, closed, was
given or lost by execve(2), and the model knows that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import combinations, permutations
from typing import Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import DrawFn, SearchStrategy

from suite.agent.channel import AgentLostError
from suite.fuzz import rulesets
from suite.fuzz.action import Action, Gives, Word
from suite.fuzz.actions import ACTIONS, OPTIONS, files, sockets, tasks
from suite.fuzz.program import Program, Step
from suite.fuzz.rehearsal import Rehearsal, Taken
from suite.fuzz.scene import MOST_PROCESSES
from suite.landlock.abi import FS, MAX_LAYERS, NET, RESTRICT, SCOPE, Feature, known_bits

_T = TypeVar("_T")
STEPS = 24
"""Of a program, at most."""
_WEIGHTS = {
    "open": 4,
    "reopen": 2,
    "ftruncate": 3,
    "write": 2,
    "read": 2,
    "link-file": 2,
    "fork": 3,
    "thread": 2,
    "exec": 2,
    "socket": 3,
    "bind": 2,
    "connect": 2,
}
"""How often an action is there among those of its family; of all others, once."""
_INSIDE = 3
"""How much more often a process acts that is in a domain."""
_RULES = {"domains": 2}
"""Rules of a family; Hypothesis leaves out some rules of each program, and of others it has one."""
_SWARM = len(ACTIONS) // 8 + 1
"""Bytes: a bit an action, which says that a program has none of it."""


def _family(action: Action) -> str:
    """Of which family an action is: as many steps are of one as of another."""
    if action.name == tasks.ENFORCE:
        return "domains"
    if action in tasks.ROWS:
        return "processes"
    if action in sockets.ROWS:
        return "sockets"
    return "descriptors" if Word.FILE in action.takes else "names"


_FAMILIES = {
    family: [
        it
        for it in ACTIONS.values()
        if _family(it) == family
        for _ in range(_WEIGHTS.get(it.name, 1))
    ]
    for family in dict.fromkeys(map(_family, ACTIONS.values()))
}


class Director(Protocol):
    """Who has programs written, and holds kernels against them."""

    @property
    def abi(self) -> int:
        """The ABI version that programs are written for."""

    @property
    def is_private(self) -> bool:
        """Whether programs may mount and change their root."""

    @property
    def corpus(self) -> Sequence[Program]:
        """Programs that met something new in their last step: what others may begin with."""

    def begin(self) -> Rehearsal:
        """A program begins: where it is rehearsed; raises if there is no time for one more."""

    def end(self, program: Program, taken: list[Taken], fault: str) -> None:
        """A program is written: play it; raises if it shows a difference."""


class Writer(RuleBasedStateMachine):
    """One program while it is written."""

    def __init__(self, director: Director) -> None:
        super().__init__()
        self.director = director
        self.steps: list[Step] = []
        self.taken: list[Taken] = []
        self.is_over = False
        self.fault = ""
        """What the model died of."""
        self.without: frozenset[str] = frozenset()
        """Actions that this program has none of, so that there is more of the others."""
        self._offered: dict[str, list[Action]] = {}
        self.rehearsal = director.begin()

    @initialize(swarm=st.binary(min_size=_SWARM, max_size=_SWARM))
    def leave_out(self, swarm: bytes) -> None:
        """Choose the actions that the program has none of."""
        bits = int.from_bytes(swarm, "little")
        self._offered.clear()
        self.without = frozenset(it for place, it in enumerate(ACTIONS) if bits >> place & 1)

    def offered(self, family: str) -> list[Action]:
        """The actions of a family of which a step makes sense now, each as often as it weighs."""
        if self.is_over:
            return []
        if family not in self._offered:
            them = [it for it in _FAMILIES[family] if it.name not in self.without]
            self._offered[family] = [it for it in them if self._offers(it)]
        return self._offered[family]

    def _offers(self, action: Action) -> bool:
        if action.is_private and not self.director.is_private:
            return False
        if action.gives is Gives.PROCESS and self.rehearsal.made >= MOST_PROCESSES:
            return False
        return bool(self.able(action))

    def able(self, action: Action) -> list[str]:
        """The processes that could take a step of an action."""
        live = self.rehearsal.processes
        if Word.OTHER in action.takes and len(live) < 2:
            return []
        if Word.LEADER in action.takes:
            leaders = self.rehearsal.leaders
            return [it for it in live if leaders not in ([], [it])]
        if action.name == tasks.ENFORCE:
            return [it for it in live if self.rehearsal.layers(it) < MAX_LAYERS]
        if action.is_capable:
            live = [it for it in live if self.rehearsal.is_capable(it)]
        for kind in action.takes:
            if kind in _DESCRIPTORS:
                live = [it for it in live if self.rehearsal.descriptors(it, kind)]
        return live

    def take(self, step: Step) -> None:
        """Take a step on the model."""
        self.steps.append(step)
        self._offered.clear()
        try:
            taken = self.rehearsal.take(step)
        except AgentLostError as error:
            self.fault, self.is_over = str(error), True
            return
        self.taken.append(taken)
        self.is_over = taken.is_last or not self.rehearsal.processes

    @precondition(lambda self: not any(map(self.offered, _FAMILIES)))
    @rule()
    def rest(self) -> None:
        """Nothing: the program is over, and Hypothesis asks for more steps."""

    def teardown(self) -> None:
        """Have the program played."""
        self.director.end(tuple(self.steps), self.taken, self.fault)


_DESCRIPTORS = {Word.FILE, Word.SOCKET, Word.DESCRIPTOR}


@st.composite
def _steps(draw: DrawFn, family: str) -> Step:
    writer: Writer = draw(st.runner())
    action = _one(draw, writer.offered(family))
    able = writer.able(action)
    inside = [it for it in able if writer.rehearsal.layers(it)]
    by = _one(draw, [*able, *inside * _INSIDE])
    words: list[str] = []
    for kind in action.takes:
        if kind is Word.RULESET:
            is_home = writer.rehearsal.is_home(by)
            words += draw(_rulesets(writer.director.abi, is_home=is_home))
        else:
            words.append(_one(draw, _choices(writer, by, kind, words)))
    return Step(by, action.name, tuple(words), _given(writer, action, words))


def _given(writer: Writer, action: Action, words: list[str]) -> str:
    """The name of what a step makes."""
    if action.gives is Gives.NOTHING:
        return ""
    prefix = action.gives.value
    if action.gives is Gives.SOCKET:
        prefix = words[0]
    elif action.gives is Gives.SAME:
        prefix = words[0].rstrip("0123456789")
    return writer.rehearsal.fresh(prefix)


def _one(draw: DrawFn, them: Sequence[_T]) -> _T:
    """One of several: `sampled_from` would take a hash of all of them, each time."""
    return them[draw(_below(len(them)))]


@cache
def _below(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


def _choices(writer: Writer, by: str, kind: Word, before: list[str]) -> Sequence[str]:
    match kind:
        case Word.NAME | Word.OPENED | Word.NEW | Word.FOLDER:
            names = _NAMES[kind]
            return names if writer.rehearsal.is_home(by) else files.INNER[names]
        case Word.FILE | Word.SOCKET | Word.DESCRIPTOR:
            return writer.rehearsal.descriptors(by, kind)
        case Word.PROCESS:
            return writer.rehearsal.processes
        case Word.OTHER | Word.LEADER:
            is_other = kind is Word.OTHER
            them = writer.rehearsal.processes if is_other else writer.rehearsal.leaders
            return [it for it in them if it != by]
        case Word.ADDRESS:
            return sockets.PORTS if sockets.is_inet(before[-1]) else sockets.ADDRESSES
        case _:
            return OPTIONS[kind]


_NAMES = {
    Word.NAME: files.NAMES,
    Word.OPENED: files.OPENED,
    Word.NEW: files.NEW,
    Word.FOLDER: files.FOLDERS,
}


@st.composite
def _rulesets(draw: DrawFn, abi: int, *, is_home: bool) -> list[str]:
    """The words of a ruleset of rights that the target knows."""
    words = []
    for key, kind, home, elsewhere in _HANDLED:
        places = home if is_home else elsewhere
        handled = _one(draw, _masks(known_bits(kind, abi), least=0))
        if not handled:
            continue
        words.append(f"{key}={rulesets.names(handled)}")
        if places:
            for place in _one(draw, _few(places)):
                rights = _one(draw, _masks(handled))
                if key == "fs" and place in rulesets.FILE_PLACES:
                    rights &= _OF_FILES
                if rights:
                    words.append(f"{place}:{rulesets.names(rights)}")
    words = words or [f"fs={rulesets.names(FS.MAKE_SYM)}"]
    return [*words, *_one(draw, _extras(abi))]


_HANDLED: tuple[tuple[str, type[Feature], tuple[str, ...], tuple[str, ...]], ...] = (
    ("fs", FS, rulesets.HOME_PLACES, rulesets.INNER_PLACES),
    ("net", NET, rulesets.PORTS, rulesets.PORTS),
    ("scope", SCOPE, (), ()),
)
"""What is handled, and what rules are about: from the program's folder, and from elsewhere."""
_OF_FILES = FS.EXECUTE | FS.WRITE_FILE | FS.READ_FILE | FS.TRUNCATE | FS.IOCTL_DEV
"""Rights that rules on files may allow; any other one would be refused."""


@lru_cache(maxsize=None, typed=True)  # bits of two kinds may be equal as numbers
def _masks(value: Feature, least: int = 1) -> list[Feature]:
    """Of the bits of a value none, one or two; or all, or all but one or two. One draw chooses."""
    kind = type(value)
    bits = [it for it in kind if it in value]
    few = [sum(it) for count in range(least, 3) for it in combinations(bits, count)]
    found = dict.fromkeys([*few, *(int(value) - it for it in few), int(value)])
    often = [kind(0)] * (len(found) // 3) * (not least) + [value] * (len(found) // 4)
    return [kind(it) for it in found if it or not least] + often


@cache
def _few(places: tuple[str, ...]) -> list[tuple[str, ...]]:
    """None of the places, one, or two."""
    return [it for count in range(3) for it in permutations(places, count)]


@cache
def _extras(abi: int) -> list[tuple[str, ...]]:
    """What else a ruleset may have; mostly nothing."""
    flags = [it for it in _masks(known_bits(RESTRICT, abi), least=0) if it]
    found = [(f"flags={rulesets.names(it)}",) for it in flags]
    found += [(f"{rulesets.TIMES}={it}",) for it in range(2, MAX_LAYERS + 1)]
    return [*[()] * (8 * len(found)), *found]


def machine() -> type[Writer]:
    """The class, with a rule for each family."""
    rules = {
        f"{family}_{place}": _rule(family, f"{family}_{place}")
        for family in _FAMILIES
        for place in range(_RULES.get(family, 1))
    }
    return type("Programs", (Writer,), rules)


def _rule(family: str, name: str) -> Callable[..., None]:
    def take(writer: Writer, step: Step) -> None:
        writer.take(step)

    take.__name__ = name
    offered = precondition(lambda writer: bool(writer.offered(family)))
    made: Callable[..., None] = offered(rule(step=_steps(family))(take))
    return made
