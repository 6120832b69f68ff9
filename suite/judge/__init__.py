# SPDX-License-Identifier: MIT
"""What kernels owe, what was observed, and what that says about a kernel."""
