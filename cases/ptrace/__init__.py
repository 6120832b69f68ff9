# SPDX-License-Identifier: MIT
"""What a domain means for ptrace(2)."""
