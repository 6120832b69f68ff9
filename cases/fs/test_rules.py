# SPDX-License-Identifier: MIT
"""What rules and layers come to, asked for by open(2).

Source: Documentation/userspace-api/landlock.rst, "Landlock rules", "Layers of file path access
rights", "Good practices".
"""

import os
from collections.abc import Mapping

from suite.case import (
    CLONE_NEWNS, FS, O_PATH, RULE_PATH_BENEATH, Allowed, Case, Denied, Judge, Need, Process, Tree,
    answers, needs, path_beneath, since, table,
)  # fmt: skip

READ, WRITE = FS.READ_FILE, FS.WRITE_FILE
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))


class Rules(Case, frozen=True, kw_only=True):
    """Rules of the one layer, and what is opened."""

    handled: FS = READ
    rules: Mapping[str, FS]
    path: str = "d1/file"
    flags: int = os.O_RDONLY


RULES = {
    "folder-above": Rules(rules={"": READ}, path="d1/sub/file", expect=ALLOWED),
    "folder-beneath": Rules(rules={"d1/sub": READ}, expect=DENIED),
    "other-folder": Rules(rules={"d2": READ}, expect=DENIED),
    "file": Rules(rules={"d1/file": READ}, expect=ALLOWED),
    "other-file": Rules(rules={"d1/sub/file": READ}, expect=DENIED),
    "other-right": Rules(handled=READ | WRITE, rules={"d1": WRITE}, expect=DENIED),
    "half-of-read-write": Rules(
        handled=READ | WRITE, rules={"d1": READ}, flags=os.O_RDWR, expect=DENIED
    ),
    "two-on-one-folder": Rules(
        handled=READ | WRITE,
        rules={"d1": READ, "d1/sub/..": WRITE},
        flags=os.O_RDWR,
        expect=ALLOWED,
        answers="rule-same-inode-or",
    ),
    "two-on-one-file-by-hard-link": Rules(
        handled=READ | WRITE,
        rules={"d2/file": READ, "d1/link": WRITE},
        path="d1/link",
        flags=os.O_RDWR,
        expect=ALLOWED,
        answers="rule-same-inode-or",
    ),
    "narrower-beneath": Rules(
        handled=READ | WRITE,
        rules={"d1": READ | WRITE, "d1/sub": READ},
        path="d1/sub/file",
        flags=os.O_WRONLY,
        expect=ALLOWED,
        answers=("layer-no-deny-rules", "gap-deny-rules"),
    ),
    "not-handled": Rules(handled=WRITE, rules={}, expect=ALLOWED),
    "opened-by-dot-dot": Rules(rules={"d1": READ}, path="d1/../d2/file", expect=DENIED),
    "opened-by-symlink": Rules(rules={"d1": READ}, path="d1/symlink", expect=DENIED),
    "opened-by-hard-link": Rules(rules={"d2/file": READ}, path="d1/link", expect=ALLOWED),
    "opened-by-hard-link-folder": Rules(rules={"d2": READ}, path="d1/link", expect=DENIED),
}


@table(RULES)
def test_rules(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """A layer allows what the rules on the file and on the folders above it allow together."""
    process.symlink("../d2/file", f"{tree.d1}/symlink")
    process.link(tree.other, f"{tree.d1}/link")
    action = (Process.open, f"{tree.path}/{case.path}", case.flags)
    control = process.observe(*action)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(*action), control)


class Layers(Case, frozen=True, kw_only=True):
    """What each layer handles and its rules, outermost first."""

    layers: tuple[tuple[FS, Mapping[str, FS]], ...]
    flags: int = os.O_RDONLY


LAYERS = {
    "layers-both-allow": Layers(
        layers=((READ, {"d1": READ}), (READ, {"": READ})),
        expect=ALLOWED,
    ),
    "layers-outer-denies": Layers(
        layers=((READ, {"d2": READ}), (READ, {"d1": READ})),
        expect=DENIED,
    ),
    "layers-inner-denies": Layers(
        layers=((READ, {"d1": READ}), (READ, {"d2": READ})),
        expect=DENIED,
    ),
    "layers-middle-denies": Layers(
        layers=((READ, {"d1": READ}), (READ, {}), (READ, {"d1": READ})),
        expect=DENIED,
    ),
    "layers-inner-does-not-handle": Layers(
        layers=((READ, {"d1": READ}), (WRITE, {})),
        expect=ALLOWED,
    ),
    "layers-outer-does-not-handle": Layers(
        layers=((WRITE, {}), (READ, {"d1": READ})),
        expect=ALLOWED,
    ),
    "layers-one-right-each-handled": Layers(
        layers=((READ, {"d1": READ}), (WRITE, {"d1": WRITE})),
        flags=os.O_RDWR,
        expect=ALLOWED,
    ),
    "layers-one-right-each-allowed": Layers(
        layers=((READ | WRITE, {"d1": READ}), (READ | WRITE, {"d1": WRITE})),
        flags=os.O_RDWR,
        expect=DENIED,
    ),
}


@table(LAYERS)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """What a domain allows, each layer allows that handles it."""
    control = process.observe(Process.open, tree.file, case.flags)
    sandboxed = process.under(*(tree.layer(handled, rules) for handled, rules in case.layers))
    judge(case.expect, sandboxed.observe(Process.open, tree.file, case.flags), control)


MANY = 300


class OfMany(Case, frozen=True, kw_only=True):
    """Which of many files are opened; all but the last have a rule."""

    numbers: tuple[int, ...]


OF_MANY = {
    "many-listed": OfMany(numbers=(0, MANY - 1), expect=ALLOWED),
    "many-unlisted": OfMany(numbers=(MANY,), expect=DENIED),
}


def open_numbers(process: Process, tree: Tree, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        process.open(f"{tree.d1}/{number}", os.O_RDONLY)


@answers("rule-many")
@table(OF_MANY)
def test_many(case: OfMany, process: Process, tree: Tree, judge: Judge) -> None:
    """A ruleset can have many rules, and each of them counts."""
    ruleset = process.build(tree.layer(READ, {}))
    for number in range(MANY):
        fd = process.open(f"{tree.d1}/{number}", os.O_CREAT)
        process.add_rule(ruleset, RULE_PATH_BENEATH, path_beneath(READ, fd))
        process.close(fd)
    process.close(process.open(f"{tree.d1}/{MANY}", os.O_CREAT))
    control = process.observe(open_numbers, tree, case.numbers)
    process.no_new_privs()
    process.enforce(ruleset)
    judge(case.expect, process.observe(open_numbers, tree, case.numbers), control)


@needs(Need.MOUNT)
@answers("rule-same-inode-or")
def test_two_on_one_folder_by_bind_mount(process: Process, tree: Tree, judge: Judge) -> None:
    """A folder and its bind mount are one to the rules: what they allow adds up."""
    process.unshare(CLONE_NEWNS)
    process.bind_mount(tree.d1, tree.d2)
    layer = tree.layer(READ | WRITE, {"d1": READ, "d2": WRITE})
    judge(ALLOWED, process.under(layer).observe(Process.open, tree.file, os.O_RDWR))


@answers("ruleset-edit-after-enforce")
def test_added_after_enforcement(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule that is added to an enforced ruleset changes nothing for the domain."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.no_new_privs()
    ruleset = process.build(tree.layer(READ, {"d2": READ}))
    process.enforce(ruleset)
    process.add_rule(ruleset, RULE_PATH_BENEATH, path_beneath(READ, process.open(tree.d1, O_PATH)))
    judge(DENIED, process.observe(Process.open, tree.file, os.O_RDONLY), control)
