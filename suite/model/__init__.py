# SPDX-License-Identifier: MIT
"""The rules of Landlock as pure functions, in the order in which a reader would learn them.

``landlock``: rulesets, layers, domains; ``paths``: files; ``moves``: renames and links; ``ports``:
sockets; ``scopes``: other processes; ``log``: what is told of a denial; ``calls``: the three calls.
"""
