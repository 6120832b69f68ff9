# SPDX-License-Identifier: MIT
"""What is changed in a rule: a function for each kind of node of Python's syntax trees."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import EnumType
from types import ModuleType
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a tree: another node, at one place of a parent."""

    operator: str
    """The kind of change, as a mutant's name has it."""
    parent: ast.AST
    field: str
    index: int | None
    """Where the field is a list: which of its items."""
    new: ast.AST | None
    """None takes the item out of the list."""
    at: ast.expr | ast.stmt
    """What a reader is shown."""

    def apply(self) -> None:
        """Change the tree, for good."""
        if self.index is None:
            setattr(self.parent, self.field, self.new)
            return
        items = getattr(self.parent, self.field)
        items[self.index : self.index + 1] = [] if self.new is None else [self.new]

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Change the tree for a while."""
        was = getattr(self.parent, self.field)
        kept = was if self.index is None else [*was]
        self.apply()
        yield
        if self.index is None:
            setattr(self.parent, self.field, kept)
        else:
            was[:] = kept


@dataclass(frozen=True, slots=True)
class Spot:
    """A node and where it hangs."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    names: Mapping[str, object]
    """What the module's names mean."""
    rings: Mapping[str, Sequence[str]]
    """The constants of each module (``errno``, ``stat``) that the file uses."""
    reassigns: bool = False
    """Of an assignment: whether the name has another value before."""

    def becomes(self, operator: str, new: ast.AST | None, at: ast.AST | None = None) -> Edit:
        """The node is replaced."""
        where = at or self.node
        assert isinstance(where, ast.expr | ast.stmt)
        return Edit(operator, self.parent, self.field, self.index, new, where)


Rule: TypeAlias = Callable[[Spot, Any], Iterator[Edit]]

_COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}
"""Each operator's neighbour, and its opposite."""
_MASKS: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
_SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_ORDERS = {"little": "big", "big": "little"}


def _compare(spot: Spot, node: ast.Compare) -> Iterator[Edit]:
    for at, was in enumerate(node.ops):
        for other in _COMPARISONS[type(was)]:
            yield Edit("comparison", node, "ops", at, other(), node)


def _bool_op(spot: Spot, node: ast.BoolOp) -> Iterator[Edit]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield Edit("boolean", node, "op", None, other, node)
    for at, value in enumerate(node.values):
        rest = [it for number, it in enumerate(node.values) if number != at]
        left = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        yield spot.becomes("boolean", left, value)


def _unary_op(spot: Spot, node: ast.UnaryOp) -> Iterator[Edit]:
    kinds = {ast.Not: "boolean", ast.Invert: "mask", ast.USub: "arithmetic"}
    yield spot.becomes(kinds[type(node.op)], node.operand)


def _bin_op(spot: Spot, node: ast.BinOp) -> Iterator[Edit]:
    kind = type(node.op)
    if kind in _ARITHMETIC:
        yield Edit("arithmetic", node, "op", None, _ARITHMETIC[kind](), node)
    elif kind in _MASKS:
        yield Edit("mask", node, "op", None, _MASKS[kind](), node)
        yield spot.becomes("mask", node.left, node.right)
        yield spot.becomes("mask", node.right, node.left)


def _aug_assign(spot: Spot, node: ast.AugAssign) -> Iterator[Edit]:
    yield spot.becomes("statement", ast.Pass())
    value = copy.deepcopy(node.value)
    yield spot.becomes("mask", ast.Assign([node.target], value), node.value)
    kind = type(node.op)
    if kind in _MASKS:
        yield Edit("mask", node, "op", None, _MASKS[kind](), node)
    elif kind in _ARITHMETIC:
        yield Edit("arithmetic", node, "op", None, _ARITHMETIC[kind](), node)


def _constant(spot: Spot, node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield spot.becomes("constant", ast.Constant(not value))
    elif isinstance(value, int):
        yield spot.becomes("constant", ast.Constant(value + 1))
        yield spot.becomes("constant", ast.Constant(value - 1))
    elif isinstance(value, str):
        yield spot.becomes("constant", ast.Constant(_ORDERS.get(value, "?")))
    elif isinstance(value, bytes) and value:
        yield spot.becomes("constant", ast.Constant(bytes([value[0] ^ 1, *value[1:]])))


def _attribute(spot: Spot, node: ast.Attribute) -> Iterator[Edit]:
    """A member of an enumeration becomes the next one; a constant of a module another one."""
    if not isinstance(node.value, ast.Name) or not node.attr.isupper():
        return
    home = spot.names.get(node.value.id)
    ring: Sequence[str] = ()
    if isinstance(home, EnumType):
        ring = [*home.__members__]
        if isinstance(spot.parent, ast.Call) and ast.unparse(spot.parent.func).endswith(".knows"):
            since = {it: int(home[it].since) for it in ring}  # what came together is known together
            ring = [it for it in ring if it == node.attr or since[it] != since[node.attr]]
    elif isinstance(home, ModuleType) and not home.__name__.startswith("suite."):
        ring = spot.rings[node.value.id]
    if len(ring) > 1 and node.attr in ring:
        other = ring[(ring.index(node.attr) + 1) % len(ring)]
        yield spot.becomes("member", ast.Attribute(node.value, other, ast.Load()))


def _condition(spot: Spot, node: ast.If | ast.IfExp | ast.While) -> Iterator[Edit]:
    for value in (True, False):
        yield Edit("branch", node, "test", None, ast.Constant(value), node.test)


def _comprehension(spot: Spot, node: ast.comprehension) -> Iterator[Edit]:
    for at, test in enumerate(node.ifs):
        for value in (True, False):
            yield Edit("branch", node, "ifs", at, ast.Constant(value), test)


def _left_out(spot: Spot, node: ast.Raise | ast.Break | ast.Expr) -> Iterator[Edit]:
    yield spot.becomes("statement", ast.Pass())


def _assign(spot: Spot, node: ast.Assign) -> Iterator[Edit]:
    """Left out where something else stands there already: else it would be a mere NameError."""
    if spot.reassigns:
        yield spot.becomes("statement", ast.Pass())


def _return(spot: Spot, node: ast.Return) -> Iterator[Edit]:
    if node.value is None:
        yield spot.becomes("statement", ast.Pass())
    elif not isinstance(node.value, ast.Constant) or node.value.value not in (None, False):
        yield spot.becomes("return", ast.Return(ast.Constant(None)))
    elif not _is_last(spot):
        yield spot.becomes("statement", ast.Pass())


def _is_last(spot: Spot) -> bool:
    """Whether the function would return anyway, and nothing."""
    body = getattr(spot.parent, spot.field)
    return isinstance(spot.parent, ast.FunctionDef) and spot.index == len(body) - 1


def _call(spot: Spot, node: ast.Call) -> Iterator[Edit]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _SWAPPED:
        yield Edit("call", node, "func", None, ast.Name(_SWAPPED[name], ast.Load()), node.func)
    if name == "reversed":
        yield spot.becomes("call", node.args[0])
    if name == "range":
        yield from _bounds(node)
    for at, keyword in enumerate(node.keywords):
        if keyword.arg != "strict":
            yield Edit("argument", node, "keywords", at, None, keyword.value)


def _bounds(node: ast.Call) -> Iterator[Edit]:
    for at, bound in enumerate(node.args):
        if isinstance(bound, ast.Constant):
            continue  # as any other constant
        for operator in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(bound, operator, ast.Constant(1))
            yield Edit("range", node, "args", at, moved, bound)


def _slice(spot: Spot, node: ast.Slice) -> Iterator[Edit]:
    for field in ("lower", "upper"):
        bound = getattr(node, field)
        if bound is not None:
            yield Edit("slice", node, field, None, None, bound)


def _collection(spot: Spot, node: ast.Set | ast.Tuple) -> Iterator[Edit]:
    """An element is left out; of a tuple only if it is asked what it contains."""
    is_asked = isinstance(spot.parent, ast.Compare) and spot.field == "comparators"
    if isinstance(node, ast.Set) or is_asked:
        for at, element in enumerate(node.elts):
            yield Edit("element", node, "elts", at, None, element)


def _dict(spot: Spot, node: ast.Dict) -> Iterator[Edit]:
    for at, key in enumerate(node.keys):
        if key is not None:
            keys = [it for number, it in enumerate(node.keys) if number != at]
            values = [it for number, it in enumerate(node.values) if number != at]
            yield spot.becomes("element", ast.Dict(keys, values), key)


RULES: Mapping[type[ast.AST], Rule] = {
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.UnaryOp: _unary_op,
    ast.BinOp: _bin_op,
    ast.AugAssign: _aug_assign,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.If: _condition,
    ast.IfExp: _condition,
    ast.While: _condition,
    ast.comprehension: _comprehension,
    ast.Raise: _left_out,
    ast.Break: _left_out,
    ast.Continue: _left_out,
    ast.Expr: _left_out,
    ast.Assign: _assign,
    ast.Return: _return,
    ast.Call: _call,
    ast.Slice: _slice,
    ast.Set: _collection,
    ast.Tuple: _collection,
    ast.Dict: _dict,
}
"""What is done to each kind of node."""


def written(node: ast.AST) -> str:
    """A node as it would be written."""
    if isinstance(node, ast.cmpop | ast.boolop | ast.operator):
        return _SIGNS[type(node)]
    return ast.unparse(ast.fix_missing_locations(node))


_SIGNS: Mapping[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.And: "and",
    ast.Or: "or",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
