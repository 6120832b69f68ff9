# SPDX-License-Identifier: MIT
"""Access rights on ports."""
