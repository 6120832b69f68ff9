# SPDX-License-Identifier: MIT
"""Programs of others on a target: in a tree of files, with their output and their end."""
