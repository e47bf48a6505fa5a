"""Files that are recognized but not read: what they are, and how to get at their numbers.

They are told by their first bytes, never by their name. To recognize another format, add a line to a table.
"""

from __future__ import annotations

from attncli.common.errors import AttnError, Where
from attncli.readers.source import Content

_AS_CSV = "save it as CSV"
_TYPED = "type its numbers into a CSV file"
_TORCH = """save it as .npz: python -c "import numpy, torch; numpy.savez('out.npz', **torch.load('in.pt'))\""""
_PICKLE = "a pickle can run any code, so it is never read; save arrays with numpy.savez"

_BY_START = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office document", _AS_CSV),
    (b"%PDF-", "a PDF document", _TYPED),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _TYPED),
    (b"\xff\xd8\xff", "a JPEG image", _TYPED),
    (b"GIF8", "a GIF image", _TYPED),
    (b"II*\0", "a TIFF image", _TYPED),
    (b"MM\0*", "a TIFF image", _TYPED),
    (b"\x1f\x8b", "a gzip archive", "unpack it with gunzip"),
    (b"BZh", "a bzip2 archive", "unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "an xz archive", "unpack it with unxz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save its arrays with numpy.savez"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", "save its matrices with writematrix(Q, 'Q.csv')"),
    (b"GGUF", "a GGUF checkpoint", "save its tensors as .safetensors"),
    (b"PAR1", "a Parquet file", _AS_CSV),
    (b"ARROW1", "an Arrow file", _AS_CSV),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it: git lfs pull"),
    (b"SQLite format 3\0", "an SQLite database", _AS_CSV),
)
"""First bytes, the format, and a hint."""

_MARKUP = ((b"<!doctype html", "a web page"), (b"<html", "a web page"), (b"<?xml", "an XML document"))
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))

_BY_MEMBER = (
    ("xl/", "an Excel workbook", _AS_CSV),
    ("word/", "a Word document", _TYPED),
    ("ppt/", "a PowerPoint presentation", _TYPED),
    ("Index/", "a Numbers, Pages or Keynote document", "export it as CSV"),
    ("META-INF/manifest.xml", "an OpenDocument file", _AS_CSV),
)
"""Beginnings of members' names in a zip archive, the format, and a hint."""


def refuse(data: bytes, where: Where) -> None:
    """Raise AttnError if the bytes begin like a format that is not read."""
    for start, what, hint in _BY_START:
        if data.startswith(start):
            _refuse(what, hint, where)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _refuse("a WebP image", _TYPED, where)
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what in _MARKUP:
        if head.startswith(start):
            _refuse(what, _TYPED, where)
    if data.startswith(_PICKLES):
        torch = b"torch" in data[:4096] or b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19" in data[:64]  # torch.save before 1.6
        _refuse("a PyTorch checkpoint" if torch else "a Python pickle", _TORCH if torch else _PICKLE, where)


def refuse_archive(data: Content, where: Where) -> None:
    """Raise AttnError for a zip archive that is not an .npz file; one that cannot be opened is let through."""
    names = refuse_document(data, where)
    if names and not any(name.endswith(".npy") for name in names):
        _refuse("a zip archive", "unpack it", where)


def refuse_document(data: Content, where: Where) -> list[str]:
    """Raise AttnError for a zip archive that is a document of some program; return the names in another archive.

    There are none if the archive cannot be opened.
    """
    import zipfile

    from attncli.readers.npz import opened

    try:
        with opened(data) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return []
    if any(name.endswith("/data.pkl") for name in names):
        _refuse("a PyTorch checkpoint", _TORCH, where)
    for start, what, hint in _BY_MEMBER:
        if any(name.startswith(start) for name in names):
            _refuse(what, hint, where)
    return names


def _refuse(what: str, hint: str, where: Where) -> None:
    msg = f"is {what}"
    raise AttnError(msg, where, hint)
