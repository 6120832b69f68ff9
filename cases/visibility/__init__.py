# SPDX-License-Identifier: MIT
"""Where Landlock shows itself outside of its system calls, and where it does not."""
