# SPDX-License-Identifier: MIT
"""The command ``landproof``: make the process safe and quiet, then do what the user wants.

All but the lightest modules are imported when an interrupt has its handler already.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

_INTERRUPTED, _INFRASTRUCTURE = 4, 3
"""As ``suite.errors`` has them, which is not imported yet."""
_BISECTED, _ABORT = "check-tree", 128
"""The verb that git bisect runs, which takes 1 to 127 for an answer about the kernel, and ends at
what is more. Source: git-bisect(1), "Bisect run"."""
_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
"""What Ctrl-C, a service manager, a CI runner or a terminal that is closed sends."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code.

    Args:
        arguments: By default those of the process, which then is ours to set up.
    """
    # What nohup ignores stays ignored.
    ours = signal.SIG_DFL, signal.default_int_handler
    heard = [it for it in _SIGNALS if signal.getsignal(it) in ours]
    _handle_by(_end_now, heard)
    try:
        from suite.cli import outlet, safety  # noqa: PLC0415 (interrupts are handled now)

        if arguments is None:
            outlet.open_missing()
            safety.make_safe()
        with outlet.guarded_errors():
            return _ended(sys.argv[1:] if arguments is None else arguments, heard)
    except (MemoryError, ImportError):
        # Not even the lightest modules have room.
        _write("landproof: out of memory; give it more")
        return _of_fault(_INFRASTRUCTURE, sys.argv[1:] if arguments is None else arguments)
    finally:
        # Python's own end prints a traceback if it is interrupted.
        _handle_by(signal.default_int_handler if arguments is not None else _end_now, heard)


def _ended(given: Sequence[str], heard: Sequence[signal.Signals]) -> int:
    from suite.cli import outlet  # noqa: PLC0415 (interrupts first)
    from suite.errors import Exit, LandproofError, told_fault  # noqa: PLC0415 (interrupts first)

    try:
        try:
            return _handle(given, heard)
        finally:
            sys.stdout.flush()
    except LandproofError as error:
        if not error.told:
            outlet.tell(f"landproof: {error}")
        return _of_fault(error.exit, given)
    except KeyboardInterrupt:
        outlet.tell("landproof: interrupted")
        return _of_fault(Exit.INTERRUPTED, given)
    except BrokenPipeError:
        return Exit.CONFORMS  # whoever read us has seen enough
    except Exception as error:  # noqa: BLE001 (the last resort)
        outlet.tell(f"landproof: {told_fault(error)}")
        return _of_fault(Exit.INFRASTRUCTURE, given)
    except SystemExit as ended:
        # argparse found the words wrong, or gave help.
        raise SystemExit(_of_fault(int(ended.code or 0), given)) from None
    finally:
        outlet.abandon_what_is_left()


def _of_fault(code: int, given: Sequence[str]) -> int:
    """The exit code of a command that could not be done."""
    return _ABORT + code if code and [*given[:1]] == [_BISECTED] else code


def _handle(given: Sequence[str], heard: Sequence[signal.Signals]) -> int:
    from suite.cli import safety, verbs  # noqa: PLC0415 (a second's work, and may be interrupted)

    # From now on, a run is to end cleanly.
    _handle_by(signal.default_int_handler, heard)
    safety.check()
    return verbs.handle(given)


def _handle_by(
    handler: Callable[[int, FrameType | None], object], heard: Sequence[signal.Signals]
) -> None:
    for number in heard:
        signal.signal(number, handler)


def _write(line: str) -> None:
    with suppress(OSError):  # nobody may hear
        os.write(2, f"{line}\n".encode())


def _end_now(_number: int, _frame: FrameType | None) -> None:
    """End at an interrupt before anything was begun.

    An exception in the middle of an import may be swallowed, or told as a traceback.
    """
    _write("landproof: interrupted")
    os._exit(_of_fault(_INTERRUPTED, sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
