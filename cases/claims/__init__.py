# SPDX-License-Identifier: MIT
"""What the claimed ABI version promises."""
