# SPDX-License-Identifier: MIT
"""All mutants of a module: where each change is, what it is called, and how it gets into effect."""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import EnumType
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.operators import RULES, Edit, Spot, written

_FLAGS = __future__.annotations.compiler_flag


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module."""

    name: str
    """``ports:_port:comparison:3``: module, function, kind of change, and which one of these."""
    line: int
    column: int
    """From 0."""
    source: str
    """The line, as it stands in the file."""
    becomes: str
    """What stands there instead."""
    statement: int | None
    """The line where the function's statement begins that is changed; None outside of functions."""
    uses: frozenset[str]
    """The names that have another value then: of a constant, of a function or class with another
    default; none if only the function itself changes."""
    install: Callable[[], None]
    """Bring it into effect, for good: for a process that ends soon."""
    variant: Callable[[], Mapping[str, Callable[..., object]]] | None
    """The functions that it changes, as ``module:function``, made anew; None if it is not known
    which these are."""

    @property
    def function(self) -> str:
        """The function that it changes, as ``module:function``."""
        return ":".join(self.name.split(":")[:2])

    def __str__(self) -> str:
        text = self.source.lstrip()
        at = self.column - (len(self.source) - len(text))
        return f"{self.name}, line {self.line}\n    {text}\n    {' ' * at}^ {self.becomes}"


class Source:
    """A module's source, from which its mutants are made.

    Attributes:
        module: The module, imported.
        name: Its last name.
        lines: Its text.
        tree: Its syntax.
    """

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.name = module.__name__.rpartition(".")[2]
        text = Path(str(module.__file__)).read_text(encoding="utf-8")
        self.lines = text.splitlines()
        self.tree = ast.parse(text)

    def mutants(self) -> Iterator[Mutant]:
        """All of them, in the order of the source."""
        numbers: Counter[tuple[str, str]] = Counter()
        for found in _Finder(self).found():
            key = found.function, found.edit.operator
            numbers[key] += 1
            name = f"{self.name}:{found.function}:{found.edit.operator}:{numbers[key]}"
            at, new = found.edit.at, found.edit.new
            becomes = "left out" if new is None or isinstance(new, ast.Pass) else written(new)
            yield Mutant(
                name,
                at.lineno,
                at.col_offset,
                self.lines[at.lineno - 1],
                becomes,
                found.statement,
                found.uses,
                found.installer(self),
                found.varied(self),
            )

    def reload(self, statement: ast.stmt) -> None:
        """Give the functions of a statement of the module the code that its tree has now."""
        now = functions(self.module)
        for qualname, code in self.codes(statement):
            if qualname in now:
                now[qualname].__code__ = code

    def codes(self, statement: ast.stmt) -> Iterator[tuple[str, CodeType]]:
        """The code of each function of a statement of the module, by qualified name."""
        whole = ast.fix_missing_locations(ast.Module([statement], []))
        yield from _codes(compile(whole, str(self.module.__file__), "exec", _FLAGS, True))

    def value(self, node: ast.expr) -> object:
        """What an expression at the top of the module gives."""
        whole = ast.fix_missing_locations(ast.Expression(node))
        code = compile(whole, str(self.module.__file__), "eval", _FLAGS, True)
        return eval(code, dict(vars(self.module)))  # noqa: S307 (source of ours)


@dataclass(frozen=True, slots=True)
class _Found:
    """An edit, and what it is part of."""

    edit: Edit
    function: str
    statement: int | None
    top: ast.stmt
    """The statement of the module."""
    value: ast.expr | None = None
    """The constant's value, the default, the value of a member."""
    parameter: str = ""
    """Of a default: whose."""

    @property
    def uses(self) -> frozenset[str]:
        if self.statement is not None:
            return frozenset()
        return frozenset([self.function.partition(".")[0]])

    def installer(self, source: Source) -> Callable[[], None]:
        def install() -> None:
            self.edit.apply()
            if self.statement is not None:
                source.reload(self.top)
                return
            new = self._new(source)
            if self.parameter:
                _set_default(source.module, self.function, self.parameter, new)
            elif "." in self.function:
                kind, member = self.function.split(".")
                vars(source.module)[kind][member]._value_ = new
            else:
                _set_constant(source.module, self.function, new)

        return install

    def varied(self, source: Source) -> Callable[[], Mapping[str, Callable[..., object]]] | None:
        if self.statement is None:
            is_constant = not self.parameter and "." not in self.function
            return partial(self._users, source) if is_constant else None

        def vary() -> Mapping[str, FunctionType]:
            with self.edit.tried():
                codes = dict(source.codes(self.top))
            was = functions(source.module)[self.function]
            made = copied(was, was.__globals__, codes[self.function])
            return {f"{source.name}:{self.function}": made}

        return vary

    def _users(self, source: Source) -> Mapping[str, FunctionType]:
        """The functions that use the constant, with its other value."""
        with self.edit.tried():
            new = self._new(source)
        old = getattr(source.module, self.function)
        found = {}
        for module in _importers(source.module, self.function, old):
            for qualname, function in functions(module).items():
                if self.function in _names(function.__code__):
                    names = {**function.__globals__, self.function: new}
                    found[f"{module.__name__.rpartition('.')[2]}:{qualname}"] = copied(
                        function, names
                    )
        return found

    def _new(self, source: Source) -> object:
        """The other value of a constant; the edit may have replaced all of it."""
        assert self.value is not None
        is_part = self.edit.parent in ast.walk(self.value)
        node = self.value if is_part else self.edit.new
        assert isinstance(node, ast.expr)
        return source.value(node)


class _Finder:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = vars(source.module)
        self.rings = _rings(source.tree)

    def found(self) -> Iterator[_Found]:
        for top in self.source.tree.body:
            if isinstance(top, ast.FunctionDef | ast.ClassDef):
                yield from self._definition(top, top, "")
            elif isinstance(top, ast.Assign) and isinstance(top.targets[0], ast.Name):
                yield from self._constant(top, "value", top.targets[0].id, top)
            elif (
                isinstance(top, ast.AnnAssign)
                and isinstance(top.target, ast.Name)
                and top.value
                and ast.unparse(top.annotation) != "TypeAlias"
            ):
                yield from self._constant(top, "value", top.target.id, top)

    def _definition(self, node: ast.stmt, top: ast.stmt, within: str) -> Iterator[_Found]:
        if isinstance(node, ast.FunctionDef):
            name = within + node.name
            function = functions(self.source.module).get(name)
            if function is None or function.__code__.co_freevars:
                return  # an exception's own words
            yield from self._defaults(node, top, name)
            yield from self._body(node, top, name)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from self._definition(inner, top, f"{within}{node.name}.")
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(self.names.get(within.rstrip(".")), EnumType)
        ):
            yield from self._constant(node, "value", within + node.targets[0].id, top)

    def _defaults(self, node: ast.FunctionDef, top: ast.stmt, name: str) -> Iterator[_Found]:
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(positional[::-1], arguments.defaults[::-1], strict=False))
        pairs += [
            (it, value)
            for it, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if value is not None
        ]
        for parameter, value in pairs:
            field = "defaults" if value in arguments.defaults else "kw_defaults"
            index = getattr(arguments, field).index(value)
            for edit in self._edits(value, arguments, field, index):
                yield _Found(edit, name, None, top, value, parameter.arg)

    def _constant(
        self, node: ast.stmt, field: str, name: str, top: ast.stmt, parameter: str = ""
    ) -> Iterator[_Found]:
        value = getattr(node, field)
        for edit in self._edits(value, node, field, None):
            yield _Found(edit, name, None, top, value, parameter)

    def _body(self, node: ast.FunctionDef, top: ast.stmt, name: str) -> Iterator[_Found]:
        assigned = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
        for body in _bodies(node):
            for index, statement in enumerate(body):
                if _is_text(statement):
                    continue
                parent, field = _owner(node, body)
                for edit in self._statement(statement, parent, field, index, assigned):
                    yield _Found(edit, name, statement.lineno, top)

    def _statement(
        self, node: ast.stmt, parent: ast.AST, field: str, index: int, assigned: set[str]
    ) -> Iterator[Edit]:
        """The edits of one statement, apart from those of the statements inside of it."""
        reassigns = False
        if isinstance(node, ast.Assign):
            targets = {ast.unparse(it) for it in node.targets}
            reassigns = all("." in it or it in assigned for it in targets)
            assigned |= targets
        yield from self._edits(node, parent, field, index, reassigns=reassigns)

    def _edits(
        self,
        node: ast.AST,
        parent: ast.AST,
        field: str,
        index: int | None,
        *,
        reassigns: bool = False,
    ) -> Iterator[Edit]:
        rule = RULES.get(type(node))
        if rule:
            spot = Spot(node, parent, field, index, self.names, self.rings, reassigns)
            yield from rule(spot, node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "keys") and isinstance(node, ast.AnnAssign):
                continue
            if isinstance(value, ast.AST):
                yield from self._edits(value, node, name, None)
            elif isinstance(value, list):
                for at, item in enumerate(value):
                    if isinstance(item, ast.AST) and not isinstance(item, ast.stmt):
                        if isinstance(item, ast.keyword) and item.arg == "strict":
                            continue  # a check of ours, no rule
                        if isinstance(item, ast.ExceptHandler):
                            continue
                        yield from self._edits(item, node, name, at)


def functions(module: ModuleType) -> Mapping[str, FunctionType]:
    """The functions of a module and of its classes, by qualified name."""
    found: dict[str, FunctionType] = {}
    file = module.__file__
    for thing in vars(module).values():
        if getattr(thing, "__module__", None) != module.__name__:
            continue
        for it in vars(thing).values() if inspect.isclass(thing) else [thing]:
            function = it.fget if isinstance(it, property) else it
            # Those that are made for dataclasses stand in no file.
            if isinstance(function, FunctionType) and function.__code__.co_filename == file:
                found[function.__qualname__] = function
    return found


def copied(
    function: FunctionType, names: dict[str, Any], code: CodeType | None = None
) -> FunctionType:
    """A function once more, with other names around it, or with other code."""
    made = FunctionType(code or function.__code__, names, function.__name__, function.__defaults__)
    made.__kwdefaults__ = copy.copy(function.__kwdefaults__)
    return made


def users(sources: Sequence[Source]) -> Mapping[str, frozenset[str]]:
    """The functions that mention each name, as ``module:function``."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for qualname, function in functions(source.module).items():
            for name in _names(function.__code__):
                found[name].add(f"{source.name}:{qualname}")
            found[qualname.rpartition(".")[0]].add(f"{source.name}:{qualname}")
            found[qualname].add(f"{source.name}:{qualname}")
    return {name: frozenset(where) for name, where in found.items()}


def _names(code: CodeType) -> frozenset[str]:
    """The names that a function uses, and what is inside of it."""
    return frozenset(code.co_names).union(*(it.co_names for _, it in _codes(code)))


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield from _lists(node)


def _lists(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list):
            if value and isinstance(value[0], ast.stmt):
                yield value
            for it in value:
                if isinstance(it, ast.stmt | ast.ExceptHandler):
                    yield from _lists(it)


def _owner(function: ast.FunctionDef, body: list[ast.stmt]) -> tuple[ast.AST, str]:
    for node in ast.walk(function):
        for name, value in ast.iter_fields(node):
            if value is body:
                return node, name
    raise LookupError(function.name)


def _is_text(statement: ast.stmt) -> bool:
    """Whether it is a docstring, or does nothing."""
    if isinstance(statement, ast.Pass):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _rings(tree: ast.AST) -> Mapping[str, Sequence[str]]:
    """The constants of each name that the file uses, in a fixed order."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr.isupper()
            and node.attr != "S_IFMT"
        ):
            found[node.value.id].add(node.attr)
    return {name: sorted(constants) for name, constants in found.items()}


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for it in code.co_consts:
        if isinstance(it, CodeType):
            yield it.co_qualname, it
            yield from _codes(it)


def _importers(module: ModuleType, name: str, value: object) -> Iterator[ModuleType]:
    """A constant's module, and those that have imported it by its name."""
    for other in [*sys.modules.values()]:
        is_ours = getattr(other, "__name__", "").startswith("suite.")
        if other is module or (is_ours and vars(other).get(name) is value):
            yield other


def _set_constant(module: ModuleType, name: str, new: object) -> None:
    for other in _importers(module, name, getattr(module, name)):
        setattr(other, name, new)


def _set_default(module: ModuleType, owner: str, parameter: str, new: object) -> None:
    thing = functions(module).get(owner) or vars(module)[owner]
    if inspect.isclass(thing):
        thing = thing.__new__ if issubclass(thing, tuple) else thing.__init__
    assert isinstance(thing, FunctionType)
    if thing.__kwdefaults__ and parameter in thing.__kwdefaults__:
        thing.__kwdefaults__[parameter] = new
        return
    code, defaults = thing.__code__, list(thing.__defaults__ or ())
    names = code.co_varnames[: code.co_argcount][-len(defaults) :]
    defaults[names.index(parameter)] = new
    thing.__defaults__ = tuple(defaults)
