"""Bytes to a descriptor or a file: written whole, or an error and nothing."""

from __future__ import annotations

import errno
import os
import stat

from attncli.common.errors import AttnError, Where

_BLOCK = 1 << 20


def to_file(path: str, data: bytes) -> None:
    """Write all of `data` to a file, over what was there, or leave what was there as it is; AttnError says why."""
    try:
        target = os.path.realpath(path)  # a link stays a link
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            descriptor = os.open(target, os.O_WRONLY)  # a device or a FIFO has nothing to be replaced
            try:
                to_descriptor(descriptor, data)
            finally:
                os.close(descriptor)
            return
        _replace(target, data)
    except OSError as error:
        msg = f"cannot be written: {error.strerror}"
        raise AttnError(msg, Where(path)) from None


def must_take(path: str) -> None:
    """Raise the AttnError that `to_file` would, as far as it can be known beforehand; nothing is left behind."""
    import tempfile

    try:
        target = os.path.realpath(path)
        try:
            mode = os.stat(target).st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISREG(mode):
            with tempfile.TemporaryFile(dir=os.path.dirname(target)):
                pass  # asking the system for rights would not tell of a file system that is read only
    except OSError as error:
        msg = f"cannot be written: {error.strerror}"
        raise AttnError(msg, Where(path)) from None


def _replace(target: str, data: bytes) -> None:
    import tempfile  # only a file needs it, and most results go to standard output

    mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666 & ~_umask()
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".attncli-")
    try:
        try:
            to_descriptor(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def to_descriptor(descriptor: int, data: bytes) -> None:
    """Write all of `data`; OSError if it cannot be written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_BLOCK]) :]
