# SPDX-License-Identifier: MIT
"""Where cases run."""
