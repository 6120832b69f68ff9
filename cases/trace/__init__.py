# SPDX-License-Identifier: MIT
"""What the kernel traces."""
