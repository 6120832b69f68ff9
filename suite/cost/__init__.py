# SPDX-License-Identifier: MIT
"""What Landlock costs: calls with and without a domain, by a clock."""
