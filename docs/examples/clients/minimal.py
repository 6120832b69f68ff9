#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small client that speaks landproof's protocol: it asks for a policy, then starts a program.

minimal.py [--best-effort] --restrict fs.truncate --allow fs.read_file:/srv -- PROGRAM ...
"""

import argparse
import ctypes
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
FS = [
    "execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char",
    "make_dir", "make_reg", "make_sock", "make_fifo", "make_block", "make_sym", "refer",
    "truncate", "ioctl_dev", "resolve_unix",
]  # fmt: skip
NET = ["bind_tcp", "connect_tcp", "bind_udp", "connect_send_udp"]
SCOPE = ["abstract_unix_socket", "signal"]
SINCE = {
    "fs.refer": 2, "fs.truncate": 3, "fs.ioctl_dev": 5, "fs.resolve_unix": 9,
    "net.bind_tcp": 4, "net.connect_tcp": 4, "net.bind_udp": 10, "net.connect_send_udp": 10,
    "scope.abstract_unix_socket": 6, "scope.signal": 6,
}  # fmt: skip
KINDS = {"fs": FS, "net": NET, "scope": SCOPE}
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """Make a system call; end with what the kernel says if it refuses."""
    result: int = LIBC.syscall(number, *arguments)
    if result < 0:
        sys.exit(f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result


def mask(labels: list[str], kind: str) -> int:
    """The bits of those labels that are of a kind."""
    names = (label.partition(".")[2] for label in labels if label.startswith(f"{kind}."))
    return sum(1 << KINDS[kind].index(name) for name in names)


def main() -> None:
    """Restrict this process, and become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--best-effort", action="store_true")
    parser.add_argument("--restrict", action="append", default=[])
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--port", action="append", default=[])
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    known = {f"{kind}.{name}" for kind, names in KINDS.items() for name in names}
    if unknown := [label for label in asked.restrict if label not in known]:
        print(f"no words for {', '.join(unknown)}", file=sys.stderr)
        sys.exit(125)  # the protocol's "can't express"
    handled = asked.restrict
    if asked.best_effort:
        abi = LIBC.syscall(CREATE_RULESET, None, 0, 1)
        handled = [label for label in handled if abi >= SINCE.get(label, 1)]
        if dropped := sorted(set(asked.restrict) - set(handled)):
            print(f"this kernel does not support {', '.join(dropped)}", file=sys.stderr)
    masks = [mask(handled, kind) for kind in KINDS]
    while len(masks) > 1 and not masks[-1]:
        masks.pop()  # kernels that know less take a shorter one
    if any(masks):
        attr = struct.pack(f"={len(masks)}Q", *masks)
        ruleset = call(CREATE_RULESET, attr, len(attr), 0)
        for rule in asked.allow:
            labels, _, path = rule.partition(":")
            rights = mask([it for it in labels.split(",") if it in handled], "fs")
            if rights:
                file = os.open(path, os.O_PATH | os.O_CLOEXEC)
                call(ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, file), 0)
        for rule in asked.port:
            labels, _, port = rule.partition(":")
            rights = mask([it for it in labels.split(",") if it in handled], "net")
            if rights:
                call(ADD_RULE, ruleset, 2, struct.pack("=QQ", rights, int(port)), 0)
        LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        call(RESTRICT_SELF, ruleset, 0)
    os.execv(asked.program[0], asked.program)  # noqa: S606 (which is its purpose)


main()
