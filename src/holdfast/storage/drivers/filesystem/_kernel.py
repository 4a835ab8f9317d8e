"""Three system calls that Python's `os` doesn't have."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import lru_cache

__all__ = ["RENAME_NOREPLACE_REFUSED", "has_openat2", "open_beneath", "rename_noreplace", "start_writeback"]

_libc = ctypes.CDLL(None, use_errno=True)

# Arguments that never change are converted once, instead of at each call: a tenth of it too.
_OPENAT2 = ctypes.c_long(437)  # the same on every architecture that Python runs on, see asm-generic/unistd.h
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
# The same call without keeping `errno`, which costs a tenth of it: for the first try, which nearly always succeeds.
_hopeful_syscall = ctypes.CDLL(None).syscall
_hopeful_syscall.restype = ctypes.c_long

_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_HOW_SIZE = ctypes.c_size_t(24)

RENAME_NOREPLACE_REFUSED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP})
"""What a filesystem or a sandbox answers that has no rename without replacing (renameat2(2))."""


@lru_cache(maxsize=32)
def _how(flags: int) -> ctypes.c_char_p:
    return ctypes.c_char_p(struct.pack("QQQ", flags | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS))


def open_beneath(directory: int, path: str, flags: int) -> int:
    """Open a relative path below a directory; the kernel refuses to leave it, by `..` or by symbolic link.

    Raises:
        OSError: As openat2(2) says; `EXDEV` where the path leads out, `EAGAIN` where a rename raced.
    """
    name, how = path.encode("utf-8", "surrogateescape"), _how(flags)
    opened: int = _hopeful_syscall(_OPENAT2, directory, name, how, _HOW_SIZE)
    if opened >= 0:
        return opened
    while True:
        opened = _syscall(_OPENAT2, directory, name, how, _HOW_SIZE)
        if opened >= 0:
            return opened
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number), path)


@lru_cache(maxsize=1)
def has_openat2() -> bool:
    """Whether this kernel (5.6 and later) has openat2(2) and no sandbox forbids it."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_beneath(root, ".", os.O_PATH | os.O_DIRECTORY))
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EPERM, errno.EACCES}:
            return False
        raise
    finally:
        os.close(root)
    return True


def rename_noreplace(source: str, destination: str, *, directory: int) -> None:
    """Rename within a directory, unless the new name is taken.

    Raises:
        OSError: `EEXIST` where it is taken; one of `RENAME_NOREPLACE_REFUSED` where it can't be done here.
    """
    call = getattr(_libc, "renameat2", None)
    if call is None:  # a C library without the wrapper
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), destination)
    no_replace = 1
    if call(directory, os.fsencode(source), directory, os.fsencode(destination), no_replace) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), destination)


def start_writeback(fd: int, offset: int, length: int) -> None:
    """Ask the kernel to begin writing a range to the disk: a hint that makes the final fsync short.

    Nothing depends on it, so a filesystem that doesn't know it is left alone; a real write error stays with
    the file, and the fsync reports it.
    """
    call = getattr(_libc, "sync_file_range", None)
    if call is not None:
        write_only = 2
        call(fd, ctypes.c_int64(offset), ctypes.c_int64(length), write_only)
