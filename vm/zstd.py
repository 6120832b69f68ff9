# SPDX-License-Identifier: MIT
"""What zstd has packed, by its own tool: Python has no such decompressor before 3.14."""

import subprocess
from typing import IO

from vm.tools import tool


def unpacked(file: IO[bytes], limit: int) -> bytes:
    """Return what a file unpacks to; of what has more bytes than the limit, one more than that.

    Args:
        file: A real one, read from where it is.
        limit: Bytes.

    Raises:
        InfrastructureError: There is no zstd here.
        CalledProcessError: The file is broken.
    """
    command = [tool("zstd"), "-dcq"]
    with subprocess.Popen(  # noqa: S603 - a fixed argument list
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None  # noqa: S101 - as asked for
        plain = process.stdout.read(limit + 1)
        if len(plain) > limit:
            process.kill()
        elif process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    return plain
