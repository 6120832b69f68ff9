# SPDX-License-Identifier: MIT
"""ftruncate(2): what counts is the domain in which the file was opened.

Source: Documentation/userspace-api/landlock.rst, "Rights associated with file descriptors";
hook_file_truncate() in security/landlock/fs.c.
"""

import os
from collections.abc import Callable

from suite.case import (
    CONTENT, FS, Allowed, Case, Denied, Fd, Judge, Need, Process, Row, Ruleset, Tree, answers,
    covers, known_bits, since, table,
)  # fmt: skip

TRUNCATE, WRITE = FS.TRUNCATE, FS.WRITE_FILE
DENIED = since(TRUNCATE, Denied("EACCES"))
ALLOWED = since(TRUNCATE, Allowed())
NO_RULE = Ruleset(fs=TRUNCATE)
SLOT = 100
"""A number for a file descriptor, to name it in a path."""


class Opened(Case, frozen=True, kw_only=True):
    """Who truncates which open file; given a process outside of every domain."""

    file: Callable[[Process, Tree], tuple[Process, Fd]]


def before(process: Process, tree: Tree) -> tuple[Process, Fd]:
    fd = process.open(tree.file, os.O_WRONLY)
    return process.under(NO_RULE), fd


def two_layers(process: Process, tree: Tree) -> Process:
    """A process in a layer that allows to truncate d1; the next one will not."""
    return process.under(NO_RULE.allow(tree.d1, TRUNCATE))


def before_the_second_layer(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = two_layers(process, tree)
    fd = sandboxed.open(tree.file, os.O_WRONLY)
    sandboxed.restrict(NO_RULE)
    return sandboxed, fd


def after_the_second_layer(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = two_layers(process, tree)
    sandboxed.restrict(NO_RULE)
    return sandboxed, sandboxed.open(tree.file, os.O_WRONLY)


def without_a_name(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = process.under(tree.layer(TRUNCATE | WRITE, {"d1": WRITE}))
    return sandboxed, sandboxed.open(tree.d1, os.O_TMPFILE | os.O_RDWR)


def duplicated(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = process.under(NO_RULE)
    return sandboxed, sandboxed.dup(sandboxed.open(tree.file, os.O_WRONLY))


def inherited(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = process.under(NO_RULE)
    fd = sandboxed.open(tree.file, os.O_WRONLY)
    return sandboxed.fork(), fd


def reopen(process: Process, fd: Fd) -> Fd:
    process.syscall("dup3", fd, SLOT, os.O_CLOEXEC)
    return process.open(f"/proc/self/fd/{SLOT}", os.O_WRONLY)


def reopened(process: Process, tree: Tree) -> tuple[Process, Fd]:
    fd = process.open(tree.file, os.O_WRONLY)
    sandboxed = process.under(NO_RULE)
    return sandboxed, reopen(sandboxed, fd)


def passed_out_and_reopened(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = process.under(NO_RULE)
    passed = sandboxed.give(sandboxed.open(tree.file, os.O_WRONLY), process)
    return process, reopen(process, passed)


def passed_in(process: Process, tree: Tree) -> tuple[Process, Fd]:
    sandboxed = process.under(NO_RULE)
    return sandboxed, process.give(process.open(tree.file, os.O_WRONLY), sandboxed)


FILES = {
    "opened-before": Opened(
        file=before,
        answers="trunc-ftruncate-preopened",
        expect=ALLOWED,
    ),
    "opened-before-second-layer": Opened(
        file=before_the_second_layer,
        answers="trunc-ftruncate-per-fd",
        expect=ALLOWED,
    ),
    "opened-after-second-layer": Opened(
        file=after_the_second_layer,
        answers="trunc-ftruncate-per-fd",
        expect=DENIED,
    ),
    "without-a-name": Opened(
        file=without_a_name,
        needs=(Need.MOUNT,),  # for a file system of ours, which has O_TMPFILE
        answers="trunc-ftruncate-tmpfile",
        expect=DENIED,
    ),
    "duplicated": Opened(
        file=duplicated,
        answers="trunc-ftruncate-dup",
        expect=DENIED,
    ),
    "inherited": Opened(
        file=inherited,
        answers="trunc-ftruncate-dup",
        expect=DENIED,
    ),
    "reopened": Opened(
        file=reopened,
        answers="trunc-ftruncate-reopen-loses",
        expect=DENIED,
    ),
    "passed-out-and-reopened": Opened(
        file=passed_out_and_reopened,
        answers="trunc-fd-passed-to-unsandboxed",
        expect=ALLOWED,
    ),
    "passed-in": Opened(
        file=passed_in,
        answers="trunc-fd-passed-to-sandboxed",
        expect=ALLOWED,
    ),
}


@covers(TRUNCATE)
@table(FILES)
def test_file(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """An open file may be truncated, by whoever has it, if it could be where it was opened."""
    control = process.observe(Process.ftruncate, process.open(tree.other, os.O_WRONLY))
    who, fd = case.file(process, tree)
    judge(case.expect, who.observe(Process.ftruncate, fd), control)


class Size(Row, frozen=True, kw_only=True):
    """The size that a file shall have."""

    size: int


SIZES = {
    "to-more": Size(size=len(CONTENT) + 1),
    "to-as-much": Size(size=len(CONTENT)),
}


@answers("trunc-ftruncate-grow-and-noop")
@covers(TRUNCATE)
@table(SIZES)
def test_size(case: Size, process: Process, tree: Tree, judge: Judge) -> None:
    """To let a file grow by ftruncate(2), or to leave its size, needs the right as well."""
    control = process.observe(Process.ftruncate, process.open(tree.other, os.O_WRONLY), case.size)
    sandboxed = process.under(NO_RULE)
    fd = sandboxed.open(tree.file, os.O_WRONLY)
    judge(DENIED, sandboxed.observe(Process.ftruncate, fd, case.size), control)


class Memory(Row, frozen=True, kw_only=True):
    """A call on a file of memfd_create(2), open as SLOT."""

    call: Callable[[Process], object]


MEMORY = {
    "memory-ftruncate": Memory(call=lambda process: process.ftruncate(SLOT)),
    "memory-reopen": Memory(
        call=lambda process: process.open(f"/proc/self/fd/{SLOT}", os.O_WRONLY | os.O_TRUNC)
    ),
    "memory-truncate": Memory(call=lambda process: process.truncate(f"/proc/self/fd/{SLOT}")),
}


@answers("trunc-memfd")
@covers(TRUNCATE)
@table(MEMORY)
def test_memory(case: Memory, process: Process, judge: Judge) -> None:
    """A file that no path leads to is not restricted."""
    sandboxed = process.under(Ruleset(fs=known_bits(FS, 3)))
    sandboxed.syscall("dup3", sandboxed.memfd_create(), SLOT, os.O_CLOEXEC)
    judge(since(known_bits(FS, 3), Allowed()), sandboxed.observe(case.call))


@answers("trunc-syscall")
@covers(TRUNCATE)
def test_truncated_by_path(process: Process, tree: Tree, judge: Judge) -> None:
    """truncate(2) through /proc needs the right, though the file was opened before."""
    process.syscall("dup3", process.open(tree.file, os.O_WRONLY), SLOT, os.O_CLOEXEC)
    action = (Process.truncate, f"/proc/self/fd/{SLOT}")
    control = process.observe(*action)
    judge(DENIED, process.under(NO_RULE).observe(*action), control)


class Layers(Case, frozen=True, kw_only=True):
    """What two layers handle and where they allow it, outermost first."""

    layers: tuple[tuple[FS, str], tuple[FS, str]]


LAYERS = {
    "layers-both-allow": Layers(
        layers=((TRUNCATE, "d1"), (TRUNCATE, "")),
        expect=ALLOWED,
    ),
    "layers-outer-denies": Layers(
        layers=((TRUNCATE, "d2"), (TRUNCATE, "d1")),
        expect=DENIED,
    ),
    "layers-inner-denies": Layers(
        layers=((TRUNCATE, "d1"), (TRUNCATE, "d2")),
        expect=DENIED,
    ),
    "layers-inner-does-not-handle": Layers(
        layers=((TRUNCATE, "d1"), (WRITE, "d1")),
        expect=ALLOWED,
    ),
    "layers-outer-alone-handles-and-denies": Layers(
        layers=((TRUNCATE, "d2"), (WRITE, "d1")),
        expect=DENIED,
    ),
}


@covers(TRUNCATE)
@table(LAYERS)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """An open file may be truncated if every layer that handles the right allowed it."""
    control = process.observe(Process.ftruncate, process.open(tree.other, os.O_WRONLY))
    layers = (tree.layer(handled, {path: handled}) for handled, path in case.layers)
    sandboxed = process.under(*layers)
    fd = sandboxed.open(tree.file, os.O_WRONLY)
    judge(case.expect, sandboxed.observe(Process.ftruncate, fd), control)
