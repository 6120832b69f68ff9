# SPDX-License-Identifier: MIT
"""renameat2(2) with RENAME_EXCHANGE across directories: both things are reparented.

Source: Documentation/userspace-api/landlock.rst, LANDLOCK_ACCESS_FS_REFER;
current_check_refer_path() in security/landlock/fs.c.
"""

from collections.abc import Callable

from suite.case import (
    FS, RENAME_EXCHANGE, Allowed, Case, Denied, Judge, Process, Ruleset, Tree, covers, since, table,
)  # fmt: skip

REFER, READ = FS.REFER, FS.READ_FILE
MOVE = FS.MAKE_REG | FS.REMOVE_FILE
MOVE_BOTH = MOVE | FS.MAKE_DIR | FS.REMOVE_DIR
HANDLED = MOVE | REFER
ALLOWED = since(REFER, Allowed())
EACCES = since(REFER, Denied("EACCES"))
EXDEV = since(REFER, Denied("EXDEV"))


def no_refer(tree: Tree) -> Ruleset:
    """Objects with EXDEV: all but REFER is allowed in both directories."""
    return tree.layer(HANDLED, {"d1": MOVE, "d2": MOVE})


def no_make_reg(tree: Tree) -> Ruleset:
    """Objects with EACCES: the second directory lacks MAKE_REG."""
    return tree.layer(HANDLED, {"d1": HANDLED, "d2": FS.REMOVE_FILE | REFER})


def all_allowed(tree: Tree) -> Ruleset:
    """Objects to nothing."""
    return tree.layer(HANDLED, {"d1": HANDLED, "d2": HANDLED})


class Layers(Case, frozen=True, kw_only=True):
    """Layers, outermost first."""

    layers: tuple[Callable[[Tree], Ruleset], ...]


LAYERS = {
    "all-allowed": Layers(layers=(all_allowed,), expect=ALLOWED),
    "no-refer": Layers(layers=(no_refer,), expect=EXDEV),
    "no-make-reg": Layers(layers=(no_make_reg,), expect=EACCES),
    "no-refer-then-no-make-reg": Layers(layers=(no_refer, no_make_reg), expect=EACCES),
    "no-make-reg-then-no-refer": Layers(layers=(no_make_reg, no_refer), expect=EACCES),
}


@covers(FS.REFER)
@table(LAYERS)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied access (EACCES) comes before a forbidden reparenting (EXDEV), in any layer."""
    files = tree.file, tree.other, RENAME_EXCHANGE
    control = process.observe(Process.rename, *files)
    layers = [layer(tree) for layer in case.layers]
    observed = process.under(*layers).observe(Process.rename, *files)
    judge(case.expect, observed, control)


class Exchange(Case, frozen=True, kw_only=True):
    """Two paths in the order of the call, and what rules allow on either side."""

    old: str = "d1/file"
    new: str = "d2/file"
    d1: FS
    d2: FS


ALL = REFER | MOVE_BOTH
SIDES = {
    "equal-rights-files": Exchange(
        d1=ALL, d2=ALL, expect=ALLOWED, answers="refer-exchange-equal-rights"
    ),
    "equal-rights-folders": Exchange(
        old="d1/sub", new="d2/folder", d1=ALL, d2=ALL, expect=ALLOWED,
        answers="refer-exchange-equal-rights",
    ),
    # Neither side may gain: the order of the paths makes no difference.
    "second-gains": Exchange(
        d1=ALL | READ, d2=ALL, expect=EXDEV, answers=("refer-exchange-both-directions", "llr-12")
    ),
    "first-gains": Exchange(
        old="d2/file", new="d1/file", d1=ALL | READ, d2=ALL, expect=EXDEV,
        answers=("refer-exchange-both-directions", "llr-12"),
    ),
    "file-and-folder": Exchange(
        new="d2/folder",
        d1=ALL,
        d2=ALL,
        expect=ALLOWED,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
    "file-and-folder-no-remove-file": Exchange(
        new="d2/folder", d1=ALL ^ FS.REMOVE_FILE, d2=ALL, expect=EACCES,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
    "file-and-folder-no-make-dir": Exchange(
        new="d2/folder", d1=ALL ^ FS.MAKE_DIR, d2=ALL, expect=EACCES,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
    "file-and-folder-no-remove-dir": Exchange(
        new="d2/folder", d1=ALL, d2=ALL ^ FS.REMOVE_DIR, expect=EACCES,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
    "file-and-folder-no-make-reg": Exchange(
        new="d2/folder", d1=ALL, d2=ALL ^ FS.MAKE_REG, expect=EACCES,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
    # The folder, which leaves d2, may lose what is not needed in d1; so may the file.
    "file-and-folder-needless-rights": Exchange(
        new="d2/folder", d1=ALL ^ (FS.REMOVE_DIR | FS.MAKE_REG), d2=ALL, expect=ALLOWED,
        answers=("refer-exchange-rights-needed", "llr-12"),
    ),
}  # fmt: skip


@covers(FS.REFER)
@table(SIDES)
def test_sides(case: Exchange, process: Process, tree: Tree, judge: Judge) -> None:
    """Each side needs REMOVE of the kind that leaves it, MAKE of what comes, and nothing gained."""
    twin = tree.twin()
    for where in (tree, twin):
        process.mkdir(f"{where.d2}/folder")

    def exchange(process: Process, where: Tree) -> None:
        process.rename(f"{where.path}/{case.old}", f"{where.path}/{case.new}", RENAME_EXCHANGE)

    control = process.observe(exchange, twin)
    layer = tree.layer(ALL | READ, {"d1": case.d1, "d2": case.d2})
    judge(case.expect, process.under(layer).observe(exchange, tree), control)
