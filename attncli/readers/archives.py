"""Zip archives of answers, read in memory: nothing is unpacked, so no file can be written.

What an archive claims to hold is checked before it is read: a few kilobytes can unpack to terabytes.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from attncli.common.errors import AttnError, Where
from attncli.common.text import counted
from attncli.readers import foreign
from attncli.readers.source import LIMIT

MAX_MEMBERS = 20_000
"""The most files in one archive."""
MAX_MEMBER = 32 * 2**20
"""The most bytes of one file in an archive."""
MAX_DEPTH = 2
"""The depth of archives: students hand in archives within an archive, but not deeper ones."""

_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_EMPTY = 22
"""The size of an archive without files."""
_UNSEEN = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass
class _Budget:
    """The bytes that an archive, with the archives in it, may still unpack to."""

    left: int = LIMIT


def is_archive(data: bytes) -> bool:
    """Return whether bytes are a zip archive of files, and not a zipped document such as .npz."""
    if not data.startswith(_STARTS):
        return False
    try:
        names = foreign.refuse_document(data, Where())
    except AttnError:
        return False
    return (bool(names) or len(data) == _EMPTY) and not any(name.endswith(".npy") for name in names)


def is_unseen(name: str) -> bool:
    """Return whether a file is one that file managers leave behind."""
    return name.startswith(".") or name in _UNSEEN


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    path: str
    """Its path, with those of the archives that hold it; empty for an archive that is refused."""
    folders: tuple[str, ...]
    """The folders that lead to it; an archive that holds a single file is the folder of that file."""
    content: bytes | AttnError
    """Its bytes, or the error of reading them."""
    share: float = 1
    """Its share of the archive, for a progress bar."""


def members(data: bytes, where: Where) -> Iterator[Member]:
    """Yield the files in an archive by name; an archive that is refused yields only an error."""
    yield from _members(data, where, Member("", (), data), 1, _Budget())


def _members(data: bytes, where: Where, holder: Member, depth: int, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = [file for file in archive.infolist() if not file.is_dir() and not _is_unseen(file.filename)]
        if reason := _refusal(files, budget):
            yield replace(holder, content=AttnError(reason, where))
            return
        budget.left -= sum(file.file_size for file in files)
        stem = (where.source.rpartition("/")[2].rpartition(".")[0],)
        for file in sorted(files, key=lambda file: (file.filename.casefold(), file.filename)):
            path = f"{holder.path}/{file.filename}" if holder.path else file.filename
            place = Where(f"{where.source}/{file.filename}")
            inside = tuple(part for part in file.filename.split("/")[:-1] if part not in {"", ".", ".."})
            above = holder.folders or (stem if len(files) == 1 and not inside else ())
            member = Member(path, (*above, *inside), _content(archive, file, place), holder.share / len(files))
            if isinstance(member.content, bytes) and is_archive(member.content):
                if depth < MAX_DEPTH:
                    yield from _members(member.content, place, member, depth + 1, budget)
                    continue
                reason = "is an archive in an archive in an archive"
                member = replace(member, content=AttnError(reason, place, "unpack it"))
            yield member


def _is_unseen(path: str) -> bool:
    return any(is_unseen(part) for part in path.split("/") if part not in {".", ".."})


def _refusal(files: list[zipfile.ZipInfo], budget: _Budget) -> str:
    """Return the reason to refuse an archive; empty if there is none."""
    if not files:
        return "the archive holds no answers"
    if len(files) > MAX_MEMBERS:
        return f"the archive holds {counted(len(files), 'file')}, more than the limit of {MAX_MEMBERS}"
    if sum(file.file_size for file in files) > budget.left:
        return f"the archive unpacks to more than {LIMIT // 2**20} MiB"
    return ""


def _content(archive: zipfile.ZipFile, file: zipfile.ZipInfo, where: Where) -> bytes | AttnError:
    parts = file.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return AttnError("its path leads out of the archive", where)
    if file.flag_bits & 1:
        return AttnError("is encrypted", where, "unpack the archive")
    if file.file_size > MAX_MEMBER:
        return AttnError(f"is larger than {MAX_MEMBER // 2**20} MiB, the limit for a file in an archive", where)
    try:
        return archive.read(file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
        return AttnError(f"cannot be unpacked: {error}", where)
