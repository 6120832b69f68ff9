# SPDX-License-Identifier: MIT
"""Out of memory."""
