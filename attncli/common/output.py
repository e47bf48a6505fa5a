"""Atomic output: all bytes are written to a file, or the file stays unchanged."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping

from attncli.common.errors import AttnError, Where

_BLOCK = 1 << 20


def to_file(path: str, data: bytes) -> None:
    """Write or replace a file as a whole.

    Raises
    ------
    AttnError
        If it cannot be written; an existing file then keeps its content.
    """
    try:
        target = os.path.realpath(path)  # a link stays a link
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            descriptor = os.open(target, os.O_WRONLY)  # a device or a FIFO cannot be replaced
            try:
                to_descriptor(descriptor, data)
            finally:
                os.close(descriptor)
            return
        _replace(target, data)
    except OSError as error:
        msg = f"cannot be written: {error.strerror}"
        raise AttnError(msg, Where(path)) from None


def to_folder(path: str, files: Mapping[str, bytes]) -> None:
    """Write a new folder of files as a whole, or in place of an empty one.

    Raises
    ------
    AttnError
        If it cannot be written; then there is no folder, or it is as it was.
    """
    import shutil
    import tempfile

    must_be_new(path)
    try:
        target = os.path.realpath(path)
        temporary = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=".attncli-")
        try:
            for name, data in files.items():
                with open(os.path.join(temporary, name), "xb") as file:
                    file.write(data)
            os.chmod(temporary, 0o777 & ~umask())
            os.replace(temporary, target)  # an empty folder may be replaced
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        msg = f"cannot be written: {error.strerror}"
        raise AttnError(msg, Where(path)) from None


def must_be_new(path: str) -> None:
    """Raise AttnError for the path of a new folder if it holds files, or cannot be made."""
    where = Where(path)
    if os.path.isdir(path):
        if os.listdir(path):
            msg = "the folder is not empty"
            raise AttnError(msg, where, "name a new folder: files of an older class would stay")
    elif os.path.lexists(path):
        msg = "is not a folder"
        raise AttnError(msg, where)
    elif not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        msg = f"cannot be written: {os.strerror(errno.ENOENT)}"
        raise AttnError(msg, where)


def must_take(path: str) -> None:
    """Raise the AttnError that `to_file` would raise, if that can be known in advance, without writing anything."""
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
                pass  # permission bits would not reveal a read-only file system
    except OSError as error:
        msg = f"cannot be written: {error.strerror}"
        raise AttnError(msg, Where(path)) from None


def _replace(target: str, data: bytes) -> None:
    import tempfile  # most results go to standard output and do not need it

    mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o666 & ~umask()
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


def umask() -> int:
    """Return the permissions that new files of this process lack."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def to_descriptor(descriptor: int, data: bytes) -> None:
    """Write all of `data`, in blocks; OSError if it cannot be written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_BLOCK]) :]
