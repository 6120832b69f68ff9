# SPDX-License-Identifier: MIT
"""Who gets a domain, and that nobody loses it."""
