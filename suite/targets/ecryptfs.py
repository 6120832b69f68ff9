# SPDX-License-Identifier: MIT
"""eCryptfs: what is written to its files lies encrypted in those of another folder.

Source: fs/ecryptfs/main.c, ecryptfs_parse_param(); include/linux/ecryptfs.h, struct
ecryptfs_auth_tok, which its user space puts into a keyring.
"""

from __future__ import annotations

from suite.packed import packed
from suite.process.process import Process
from suite.targets.disks import MissingError

_VERSION, _PASSWORD = 0x0004, 0
"""The format of a token, and its kind."""
_MOST_ENCRYPTED, _MOST_KEY, _SALT, _RESERVED = 512, 64, 8, 32
"""ECRYPTFS_MAX_ENCRYPTED_KEY_BYTES, ECRYPTFS_MAX_KEY_BYTES, ECRYPTFS_SALT_SIZE; in bytes."""
_KEY_IS_SET = 2
_SIGNATURE = "0123456789abcdef"
_SESSION_KEYRING = -3


def mount_encrypted(process: Process, point: str, folder: str) -> None:
    """Mount a folder as eCryptfs sees it, with a key that is no secret.

    Raises:
        MissingError: The kernel has no keyrings.
    """
    token = _token()
    added = process.observe(
        Process.syscall, "add_key", "user", _SIGNATURE, token, len(token), _SESSION_KEYRING
    )
    if added.calls[0].failure:
        raise MissingError(f"needs keyrings (CONFIG_KEYS): {added.outcome}")
    options = f"ecryptfs_sig={_SIGNATURE},ecryptfs_cipher=aes,ecryptfs_key_bytes=16"
    process.mount(folder, point, "ecryptfs", 0, options)


def _token() -> bytes:
    """A struct ecryptfs_auth_tok with a password's key."""
    session_key = packed("3I", 0, 0, 0) + bytes(_MOST_ENCRYPTED + _MOST_KEY)
    key, name = bytes(range(_MOST_KEY)), _SIGNATURE.encode() + b"\0"
    password = packed("5I", 0, 0, 0, len(key), _KEY_IS_SET) + key + name + bytes(_SALT)
    padding = bytes(-len(password) % 4)
    head = packed("HHI", _VERSION, _PASSWORD, 0)
    return head + session_key + bytes(_RESERVED) + password + padding
