# SPDX-License-Identifier: MIT
"""Which mutants a case could find: those by which a function of the rules gives it something else.

The rules are pure functions. While a case runs, each call of one is made once more by every mutant
of that function, and what they give is compared. A case in which a mutant gives what the rule gives
can't find it, and need not be run on it: so that a mutant which no case can find costs nothing,
where else it would cost a run of all cases.

A comparison that is wrong the one way costs time; the other way, a mutant survives, and is looked
at by who reads the list. No mutant is counted as killed but by the verdict of a case.
"""

from __future__ import annotations

import copy
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from types import FunctionType
from typing import Any

from suite.model.landlock import Met, Model, nobody
from tests.mutation.mutants import Mutant, Source, copied, functions

_MOST_ITEMS = 1000
"""Of a generator: a walk has as many steps as a path has names."""


class Probe:
    """All functions of some modules, with the mutants of each.

    Attributes:
        differing: The names of mutants by which a function has given something else since this was
            emptied.
        called: The functions that were called since then, as ``module:function``.
    """

    def __init__(self, sources: Sequence[Source], wanted: Iterable[Mutant]) -> None:
        self.differing: set[str] = set()
        self.called: set[str] = set()
        self._comparing = False
        self._known: dict[object, object] = {}
        variants: dict[str, dict[str, Callable[..., object]]] = defaultdict(dict)
        for mutant in wanted:
            if mutant.variant is not None:
                for owner, variant in mutant.variant().items():
                    variants[owner][mutant.name] = variant
        for source in sources:
            for qualname, function in functions(source.module).items():
                name = f"{source.name}:{qualname}"
                self._wrap(function, name, variants.get(name, {}))

    def clear(self) -> None:
        """Begin with another case."""
        self.differing.clear()
        self.called.clear()
        self._known.clear()

    def _wrap(
        self, function: FunctionType, name: str, variants: Mapping[str, Callable[..., object]]
    ) -> None:
        """Have it tell of its calls; the function itself stays, whoever has imported it."""
        if function.__code__.co_freevars:
            return
        original = copied(function, function.__globals__)
        makes_items = inspect.isgeneratorfunction(function)

        def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (whatever it takes)
            if self._comparing:
                return original(*args, **kwargs)
            self.called.add(name)
            key = _key(name, args, kwargs)
            if variants and (key is None or key not in self._known):
                if key is not None:
                    self._known[key] = args  # which keeps identities from being used again
                self._compare(original, variants, args, kwargs)
            return original(*args, **kwargs)

        # The wrapper's code asks for what it closes over, which a function with no cell can't have.
        where = f"__watched_{name}__"
        function.__globals__[where] = watched
        parameters = "*args, **kwargs"
        made: dict[str, Any] = {}
        way = "yield from" if makes_items else "return"
        text = f"def it({parameters}):\n    {way} globals()[{where!r}]({parameters})\n"
        exec(text, made)  # noqa: S102 (three lines of ours)
        function.__code__ = made["it"].__code__
        function.__defaults__ = function.__kwdefaults__ = None

    def _compare(
        self,
        original: FunctionType,
        variants: Mapping[str, Callable[..., object]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        self._comparing = True  # what a function calls is compared when it is called in earnest
        owed = _given(original, args, kwargs)
        for name, variant in variants.items():
            if name not in self.differing and not _same(_given(variant, args, kwargs), owed):
                self.differing.add(name)
        self._comparing = False


def _key(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object | None:
    """By which a call is known again; None if its arguments may change."""
    tells = [it.meets is nobody for it in args if isinstance(it, Model)]  # == does not tell
    key = (name, *args, *kwargs.items(), *tells)
    try:
        hash(key)
    except TypeError:
        return None
    return None if any(callable(it) for it in args) else key


def _given(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> object:
    """What a call gives (or raises), makes of arguments that change, and tells of."""
    told: list[Met] = []
    own = [_own(it, told) for it in args]
    try:
        value = function(*own, **kwargs)
        if inspect.isgenerator(value):
            value = _items(value)
    except Exception as error:  # noqa: BLE001 (whatever a mutant raises)
        value = type(error), error.args
    return value, [it for it in own if _changes(it) or isinstance(it, tuple)], told


def _own(argument: object, told: list[Met]) -> object:
    """What a call may do with it as it likes; nobody but us is told of what it meets."""
    if isinstance(argument, Model) and argument.meets is not nobody:
        return replace(argument, meets=told.append)
    if _changes(argument):
        return copy.copy(argument)
    return _copied_sides(argument)


def _items(generator: Iterator[Any]) -> object:
    found = []
    try:
        for item in generator:
            found.append(item)
            if len(found) > _MOST_ITEMS:
                break
    except Exception as error:  # noqa: BLE001 (as above)
        found.append(type(error))
    return found


def _changes(thing: object) -> bool:
    """Whether it is a record that functions change."""
    return is_dataclass(thing) and not vars(type(thing))["__dataclass_params__"].frozen


def _copied_sides(thing: object) -> object:
    if type(thing) is tuple and any(_changes(it) for it in thing):
        return tuple(copy.copy(it) for it in thing)
    return thing


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 (whatever a rule gives)
    """Whether two results mean the same, new layers included, which are equal to none else."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, frozenset | set):
        return bool(one == other) or (
            len(one) == len(other) and all(any(_same(it, that) for that in other) for it in one)
        )
    if type(one).__module__.startswith("suite.model.") and is_dataclass(one):
        return all(_same(getattr(one, it.name), getattr(other, it.name)) for it in fields(one))
    return bool(one == other)
