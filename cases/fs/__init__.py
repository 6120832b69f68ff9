# SPDX-License-Identifier: MIT
"""Access rights on files and directories."""
