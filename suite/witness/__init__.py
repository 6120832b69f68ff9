# SPDX-License-Identifier: MIT
"""What a kernel tells of Landlock besides results: audit records, trace events."""
