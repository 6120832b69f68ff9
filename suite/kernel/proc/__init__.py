# SPDX-License-Identifier: MIT
"""The file system /proc, as far as cases look into it."""
