# SPDX-License-Identifier: MIT
"""What each feature is about, and what a library may do on a kernel without it.

Source: include/uapi/linux/landlock.h.
"""

from collections.abc import Mapping

ABOUT: Mapping[str, str] = {
    "fs.execute": "executing a file",
    "fs.write_file": "opening a file to write to it",
    "fs.read_file": "opening a file to read it",
    "fs.read_dir": "opening a directory to list it",
    "fs.remove_dir": "removing an empty directory, or moving one away",
    "fs.remove_file": "removing a file, or moving one away",
    "fs.make_char": "making a character device, or moving one here",
    "fs.make_dir": "making a directory, or moving one here",
    "fs.make_reg": "making a regular file, or moving or linking one here",
    "fs.make_sock": "making a UNIX domain socket, or moving one here",
    "fs.make_fifo": "making a named pipe, or moving one here",
    "fs.make_block": "making a block device, or moving one here",
    "fs.make_sym": "making a symbolic link, or moving one here",
    "fs.refer": "linking or moving a file to another directory",
    "fs.truncate": "truncating a file",
    "fs.ioctl_dev": "ioctl(2) on a character or block device",
    "fs.resolve_unix": "connecting, or sending, to a UNIX domain socket by its path",
    "net.bind_tcp": "binding a TCP socket to a port",
    "net.connect_tcp": "connecting a TCP socket to a port",
    "net.bind_udp": "binding a UDP socket to a port",
    "net.connect_send_udp": "connecting a UDP socket to a port, or sending to one",
    "scope.abstract_unix_socket": "connecting, or sending, to abstract UNIX domain sockets of "
    "processes outside of the domain",
    "scope.signal": "signals to processes outside of the domain",
    "create.version": "asking for the ABI version",
    "create.errata": "asking which errata are fixed",
    "add_rule.quiet": "not logging denials at the place that a rule is about",
    "restrict.log_same_exec_off": "not logging denials of this program",
    "restrict.log_new_exec_on": "logging denials of programs that it executes",
    "restrict.log_subdomains_off": "not logging denials of domains beneath this one",
    "restrict.tsync": "enforcing a ruleset on all threads of the process",
    "restrict.no_new_privs": "setting no_new_privs together with the domain",
}
"""Of a right, what a domain denies unless a rule allows it; of a flag, what it is for."""

_NO_LOG = "Leave the flag out: such kernels do not log what Landlock denies."
FALLBACK: Mapping[str, str] = {
    "fs.refer": "Leave it out of handled_access_fs. A domain then denies every link and rename "
    "to another directory (EXDEV), and no rule can allow one.",
    "create.errata": "Take EINVAL for an answer: which errata are fixed can't be asked for.",
    "add_rule.quiet": "Leave out the flag and the three quiet masks. Denials are then logged as "
    "they are without it.",
    "restrict.log_same_exec_off": _NO_LOG,
    "restrict.log_new_exec_on": _NO_LOG,
    "restrict.log_subdomains_off": _NO_LOG,
    "restrict.tsync": "Enforce the ruleset before the process makes its second thread, or in "
    "each of its threads.",
    "restrict.no_new_privs": "Call prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) before "
    "landlock_restrict_self(2).",
}
"""Where it is not what it is for all features of the kind."""


def fallback(label: str, place: str, *, is_flag: bool) -> str:
    """What a library may do on a kernel without a feature that goes into ``place``."""
    if label in FALLBACK:
        return FALLBACK[label]
    if is_flag:
        return f"Leave it out of {place}."
    about = ABOUT.get(label, "what it is about")
    return (
        f"Leave it out of {place}. A domain then does not restrict {about}: tell the caller so, "
        "or refuse if the caller insists on it."
    )
