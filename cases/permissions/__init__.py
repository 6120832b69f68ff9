# SPDX-License-Identifier: MIT
"""Which kinds of namespaces and which capabilities a domain may use.

Upcoming (``suite/landlock/abi.py``): the cases are written from what is public of ABI 12, which no
release has. Where a kernel does otherwise, it may be they that are wrong.
"""
