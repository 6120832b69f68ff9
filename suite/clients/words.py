# SPDX-License-Identifier: MIT
"""Turn a ruleset into the words by which a client is asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from suite.clients.description import Allow, Client
from suite.errors import LandproofError
from suite.landlock.abi import FS_FILE
from suite.landlock.ruleset import Ruleset

_PROGRAM = frozenset({"fs.execute", "fs.read_file"})
"""What a program needs to be started (security/landlock/fs.c, get_required_file_open_access())."""


class NotExpressedError(LandproofError):
    """A client has no words for a policy."""


def words(client: Client, mode: Sequence[str], layer: Ruleset, program: str) -> list[str]:
    """The command that has a client enforce a ruleset; the program's own words are to follow.

    Args:
        client: Who is asked.
        mode: The words of its mode.
        layer: The policy.
        program: The path of what the client is to start, which has to be allowed, too.

    Raises:
        NotExpressedError: It has no words for the policy.
    """
    handled = layer.handled
    if layer.quiet_paths:
        raise NotExpressedError("has no words for quiet rules")
    return [
        *client.command, *mode, *client.always,
        *_restricting(client, handled),
        *_allowing(client, handled, _rules(client, layer, handled, program)),
        *client.end,
    ]  # fmt: skip


def _restricting(client: Client, handled: frozenset[str]) -> Iterator[str]:
    lacking = {label for label in handled if not any(it.covers(label) for it in client.restricts)}
    if lacking:
        raise NotExpressedError(f"has no words for {', '.join(sorted(lacking))}")
    for row in client.restricts:
        asked = sorted(filter(row.covers, handled))
        if not asked:
            yield from row.unless or ()
            continue
        yield from row.words
        for label in asked:
            yield from (word.format(**_spelled([label])) for word in row.each)


_Rule = tuple[str, str, frozenset[str]]
"""``path``, ``program`` or ``port``, which one, and what is allowed of what is handled."""


def _rules(
    client: Client, layer: Ruleset, handled: frozenset[str], program: str
) -> Iterator[_Rule]:
    for place, rights in layer.paths:
        if not isinstance(place, str):
            raise NotExpressedError("has no words for a rule on a file descriptor")
        yield "path", place, handled.intersection(rights.labels)
    for port, access in layer.ports:
        yield "port", str(port), handled.intersection(access.labels)
    needed = frozenset(it for it in _PROGRAM if _in_force(client, handled, it))
    if needed:
        yield "program", program, needed


def _in_force(client: Client, handled: frozenset[str], label: str) -> bool:
    """Whether a client handles a right when it is asked for a policy that handles these."""
    if label in handled:
        return True
    return any(
        row.covers(label) and not row.each and (not row.is_chosen or any(map(row.covers, handled)))
        for row in client.restricts
    )


def _allowing(client: Client, handled: frozenset[str], rules: Iterable[_Rule]) -> Iterator[str]:
    joined: dict[Allow, list[str]] = {row: [] for row in client.allows if row.join}
    for kind, place, rights in rules:
        if not rights:
            continue  # it would allow nothing
        row = _row(client, kind, handled, rights)
        if row.join:
            joined[row].append(place)
        else:
            spelled = _spelled(sorted(rights)) | {"path": place, "port": place}
            yield from (word.format(**spelled) for word in row.words)
    for row, places in joined.items():
        if places:
            together = row.join.join(places)
            yield from (word.format(path=together, port=together) for word in row.words)


def _row(client: Client, kind: str, handled: frozenset[str], rights: frozenset[str]) -> Allow:
    """The words for a rule: those that allow no more of what is handled, and little besides."""
    word = "{port}" if kind == "port" else "{path}"
    seen = handled.intersection(FS_FILE.labels) if kind == "program" else handled
    fitting = [
        row
        for row in client.allows
        if word in "".join(row.words)
        and all(map(row.covers, rights))
        and (row.any or rights.issuperset(it for it in seen if row.covers(it)))
    ]
    if not fitting:
        raise NotExpressedError(f"has no words for a rule of {', '.join(sorted(rights))} alone")
    return min(fitting, key=lambda row: (not row.any, len(row.rights)))


def _spelled(labels: Sequence[str]) -> dict[str, str]:
    """Rights, as words may have them."""
    snake = [label.partition(".")[2] for label in labels]
    return {
        "label": labels[0] if labels else "",
        "labels": ",".join(labels),
        "snake": ",".join(snake),
        "kebab": ",".join(snake).replace("_", "-"),
    }
