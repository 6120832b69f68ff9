# SPDX-License-Identifier: MIT
"""Commands of ioctl(2), as 64-bit programs number them; a 32-bit program's own are called so.

Source: include/uapi/linux/fs.h, include/uapi/linux/falloc.h, include/uapi/asm-generic/ioctls.h,
include/linux/falloc.h, include/uapi/linux/random.h.
"""

_WRITE, _READ = 1, 2


def _command(kind: int | str, number: int, direction: int = 0, size: int = 0) -> int:
    letter = ord(kind) if isinstance(kind, str) else kind
    return direction << 30 | size << 16 | letter << 8 | number


# of the descriptor or the file system, which the VFS performs

FIGETBSZ, FIONREAD, FIONBIO = 2, 0x541B, 0x5421
FIONCLEX, FIOCLEX, FIOASYNC = 0x5450, 0x5451, 0x5452
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902
FIOQSIZE = 0x5460
FIFREEZE = _command("X", 119, _READ | _WRITE, 4)
FITHAW = _command("X", 120, _READ | _WRITE, 4)
FICLONE = _command(0x94, 9, _WRITE, 4)
FICLONERANGE = _command(0x94, 13, _WRITE, 32)
FIDEDUPERANGE = _command(0x94, 54, _READ | _WRITE, 24)
FS_IOC_FIEMAP = _command("f", 11, _READ | _WRITE, 32)
FS_IOC_GETFSUUID = _command(0x15, 0, _READ, 17)
FS_IOC_GETFSSYSFSPATH = _command(0x15, 1, _READ, 129)

# of the file, which the VFS performs or hands on to the driver

FIBMAP = _command(0, 1)
FS_IOC_GETFLAGS = _command("f", 1, _READ, 8)
FS_IOC_SETFLAGS = _command("f", 2, _WRITE, 8)
FS_IOC_FSGETXATTR = _command("X", 31, _READ, 28)
FS_IOC_FSSETXATTR = _command("X", 32, _WRITE, 28)
FS_IOC_RESVSP = _command("X", 40, _WRITE, 48)
FS_IOC_UNRESVSP = _command("X", 41, _WRITE, 48)
FS_IOC_RESVSP64 = _command("X", 42, _WRITE, 48)
FS_IOC_UNRESVSP64 = _command("X", 43, _WRITE, 48)
FS_IOC_ZERO_RANGE = _command("X", 57, _WRITE, 48)

# the same of a 32-bit program, where they have other numbers

FS_IOC32_GETFLAGS = _command("f", 1, _READ, 4)
FS_IOC32_SETFLAGS = _command("f", 2, _WRITE, 4)
FS_IOC_RESVSP_32 = _command("X", 40, _WRITE, 44)
FS_IOC_UNRESVSP_32 = _command("X", 41, _WRITE, 44)
FS_IOC_RESVSP64_32 = _command("X", 42, _WRITE, 44)
FS_IOC_UNRESVSP64_32 = _command("X", 43, _WRITE, 44)
FS_IOC_ZERO_RANGE_32 = _command("X", 57, _WRITE, 44)

# of drivers

TCGETS, TCSETS = 0x5401, 0x5402
TIOCSCTTY, TIOCSTI, TIOCSWINSZ, TIOCLINUX = 0x540E, 0x5412, 0x5414, 0x541C
TIOCGPTN = _command("T", 0x30, _READ, 4)
TIOCSPTLCK = _command("T", 0x31, _WRITE, 4)
TIOCSIG = _command("T", 0x36, _WRITE, 4)
TIOCGPTPEER = _command("T", 0x41)
BLKSSZGET = _command(0x12, 104)
BLKDISCARD = _command(0x12, 119)
BLKGETSIZE64 = _command(0x12, 114, _READ, 8)
USERFAULTFD_IOC_NEW = _command(0xAA, 0)
RNDGETENTCNT = 0x80045200
"""What the driver of /dev/random answers to everybody."""
RNDADDENTROPY = _command("R", 0x03, _WRITE, 8)
RNDRESEEDCRNG = _command("R", 0x07)
SIOCSIFFLAGS = 0x8914
NOBODYS = 0xDEADBEEF
"""A number that no driver knows."""
