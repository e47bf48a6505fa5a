"""Files as spreadsheets save them, and files that are something else: read, or named in one message."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from attncli import readers
from attncli.common.errors import AttnError
from attncli.derivation.derive import derive
from attncli.problem.problem import Problem, canonical

if TYPE_CHECKING:
    from pathlib import Path

    from support.command import Runner

Q, K, V = [[1.5, -2], [3, 4]], [[1, 0], [0, 1], [2, 2]], [[5], [6], [7]]

SHEETS = {
    "padded": "Q,,\n1.5,-2,\n3,4,\n,,\nK,,\n1,0,\n0,1,\n2,2,\nV,,\n5,,\n6,,\n7,,\n",
    "padded in part": "Q,,,,\n1.5,-2,,,\n3,4\nK\n1,0,,\n0,1\n2,2,\nV\n5\n6,\n7,,,\n,,,\n,,,\n",
    "CRLF and BOM": "\ufeffQ,,\r\n1.5,-2,\r\n3,4,\r\n,,\r\nK,,\r\n1,0,\r\n0,1,\r\n2,2,\r\nV,,\r\n5,,\r\n6,,\r\n7,,\r\n",
    "semicolons": "Q;;\n1,5;-2;\n3;4;\n;;\nK;;\n1;0;\n0;1;\n2;2;\nV;;\n5;;\n6;;\n7,0;;\n",
    "tabs": "Q\t\t\n1.5\t-2\t\n3\t4\t\nK\t\t\n1\t0\t\n0\t1\t\n2\t2\t\nV\t\t\n5\t\t\n6\t\t\n7\t\t\n",
    "quoted": '"Q",,\n"1.5","-2",\n"3","4",\n"K","",""\n"1","0",\n0,1,\n2,2,\nV,,\n5,,\n6,,\n7,,\n',
    "tabs, empty corner": "Q\n\ta\tb\nx\t1.5\t-2\ny\t3\t4\nK\n1\t0\n0\t1\n2\t2\nV\n5\n6\n7\n",
    "colons": "Q:,,\n1.5,-2,\n3,4,\nK:,,\n1,0,\n0,1,\n2,2,\nV:\n5,,\n6,,\n7,,\n",
    "equals": "Q =,,\n1.5,-2,\n3,4,\nK=,,\n1,0,\n0,1,\n2,2,\n value =\n5,,\n6,,\n7,,\n",
    "colons and blanks": "Q:\n1.5 -2\n3 4\nK :\n1 0\n0 1\n2 2\nV =\n5\n6\n7\n",
    "headers and labels": "Q,,,\n,a,b,\nx,1.5,-2,\ny,3,4,\nK,,,\n,a,b,\nu,1,0,\nv,0,1,\nw,2,2,\nV,,,\n5,,,\n6,\n7,\n",
    "side by side": "Q,,,K,,,V\n1.5,-2,,1,0,,5\n3,4,,0,1,,6\n,,,2,2,,7\n",
    "side by side, padded": "Q,,,K,,,V,,\n,,,,,,,,\n1.5,-2,,1,0,,5,,\n3,4,,0,1,,6,,\n,,,2,2,,7,,\n,,,,,,,,\n",
    "side by side, semicolons": "Q;;;K;;;V\n1,5;-2;;1;0;;5,0\n3;4;;0;1;;6\n;;;2;2;;7\n",
    "side by side, labels": "Q,,,,K,,,,V\n,a,b,,,a,b,,\nx,1.5,-2,,u,1,0,,5\ny,3,4,,v,0,1,,6\n,,,,w,2,2,,7\n",
    "side by side and below": "K,,,V,\n1,0,,5,\n0,1,,6,\n2,2,,7,\n,,,,\nQ:,,,,\n1.5,-2,,,\n3,4,,,\n",
    "not in the first column": ",Q,,,\n,1.5,-2,,\n,3,4,,\n,,,,\n,,K,,\n,,1,0,\n,,0,1,\n,,2,2,\nV,,,,\n5,,\n6,,\n7,,\n",
    "a title with a semicolon": "title,,\na; b,,\nQ,,\n1.5,-2,\n3,4,\nK,,\n1,0,\n0,1,\n2,2,\nV,,\n5,,\n6,,\n7,,\n",
}  # fmt: skip


def read(path: Path, content: str) -> Problem:
    path.write_text(content, encoding="utf-8", newline="")
    (document,) = readers.documents(str(path))
    return Problem(canonical(document))


@pytest.mark.parametrize("name", SHEETS)
def test_sheets(tmp_path: Path, name: str) -> None:
    """However a sheet is laid out and saved, the matrices are the same."""
    problem = read(tmp_path / "sheet.csv", SHEETS[name])
    for field, matrix in (("Q", Q), ("K", K), ("V", V)):
        found = problem.array(field)
        assert found is not None
        assert found.tolist() == matrix, field


def test_scalars_beside_matrices(tmp_path: Path) -> None:
    """A scalar, a flag and labels may stand beside a matrix; a text may be a field's name."""
    sheet = "Q,,,heads,,tokens,,,title\n1,2,,2,,the,cat,,K\n3,4,,,,,,,\n,,,,,,,,\ncausal,,,,,,,,\nTRUE,,,,,,,,\n"
    problem = read(tmp_path / "sheet.csv", sheet)
    assert (problem.integer("heads"), problem.flag("causal"), problem.labels("tokens")) == (2, True, ("the", "cat"))
    assert problem.values["title"] == "K"


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("Q,,,K\n1,2,x,3\n", "s.csv:2:3: 'x' in the column before K, which should be empty"),
        ("Q,,K\n1,2,3\n", "s.csv:2:2: '2' in the column before K, which should be empty"),
        (",Q,,K\n,1,,2\n9,3,,4\n", "s.csv:3:1: '9' in the column before Q, which should be empty"),
        ("Q,,,K,\n1,2,,3,4\n5,,,6,7\n", "s.csv:3:2: an empty cell, should be a number"),
        ("Q,,,K,\n1,2,,3,4\n,,,6,7\n8,9,,1,2\n", "s.csv:3:1: an empty cell, should be a number"),
        ("Q,,,K,\n1,2,,3,x\n", "s.csv:2:5: 'x' is not a number"),
        ("Q,,,K,\n1,2,,,\n", "s.csv: K: has no cells below its name"),
        ("Q,,\n1,2,\n3,,\nK,,\n1,2,\n", "s.csv:3:2: an empty cell, should be a number"),
        ("Q,,\n1,2,\nKK,,\n1,2,\n", "s.csv:3: 'KK' is neither a field's name nor a header of 2 columns"),
        ("Q,,,Q\n1,2,,3\n", "s.csv: Q: is given twice"),
        ("Q,K\n1,2\n", "s.csv: holds a matrix without a name"),
        ("Q;\n1,5;2\n3;2.200\n", "s.csv:3:2: '2.200' after '1,5' in line 2: decimal commas and points are mixed"),
        ("Q\n0,58 0,28\n", "s.csv:2: '0,58 0,28' can be read in two ways"),
        ('Q,\n"0,58",1\n', "s.csv:2:1: '0,58' is not a number"),
    ],
)
def test_sheets_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sheet: str, message: str) -> None:
    """What does not fit is an error at its place: nothing is guessed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.csv").write_text(sheet)
    with pytest.raises(AttnError) as error:
        derive(Problem(canonical(readers.documents("s.csv")[0])))
    assert str(error.value).splitlines()[0] == message


@pytest.mark.parametrize(
    ("sheet", "readings"),
    [
        ("Q;\n1,5;2\n3;2.200\n", ["2,200", "2200"]),
        ("Q\n0,58 0,28\n", ["0.58 0.28", "0 58 0 28"]),
        ('Q,\n"2,200",1\n', ["2.200", "2200"]),
    ],
)
def test_the_hint_shows_all_readings(tmp_path: Path, sheet: str, readings: list[str]) -> None:
    """A number that can be read in two ways is refused with both, and each is read once it is written so."""
    bad = next(cell for cell in ("2.200", "0,58 0,28", '"2,200"') if cell in sheet)
    with pytest.raises(AttnError) as error:
        read(tmp_path / "s.csv", sheet)
    assert error.value.hint is not None
    assert error.value.hint.rpartition("write ")[2] == " or ".join(readings)
    for reading in readings:
        assert read(tmp_path / "s.csv", sheet.replace(bad, reading)).array("Q") is not None


@pytest.mark.parametrize(("text", "readings"), [("0,58 0,28", "0.58 0.28 or 0 58 0 28"), ("1,5, 2", "1.5 2 or 1 5 2")])
def test_decimal_commas_that_are_typed(run: Runner, text: str, readings: str) -> None:
    """So it is on the command line, for a matrix and a claim."""
    for args in (("run", f"Q={text}", "K=1 2"), ("check", "Q=1", "K=1;2", f"weights={text}")):
        done = run(*args)
        name = "Q" if args[0] == "run" else "weights"
        said = f"attncli: {name}: '{text}' can be read in two ways\n  hint: write {readings}\n"
        assert (done.code, done.out, done.err) == (2, "", said)


@pytest.mark.parametrize("text", ["1, 2 3", "1,2,3", "1,2; 3 4", "1,-2 3", "0,58; 0,28", "1 , 2 3"])
def test_commas_that_separate(text: str) -> None:
    """A comma that cannot be decimal, or has no other separator beside it, separates."""
    assert np.asarray(readers.entry(text, "Q").value).size == len(text.replace(";", " ").replace(",", " ").split())


@pytest.mark.parametrize(
    ("sheet", "cells"),
    [
        ("weights,,,\n0.5,?,,\n0.2,0.8,,\n,,,\noutput,,,\n1,2,3,\n1,2,3,\n", 3),
        ("weights,,,\n0.5,,,\n0.2,,,\n,,,\noutput,,,\n1,2,3,\n1,2,3,\n", 2),
        ("weights,,,output,,\n0.5,,,1,2,3\n0.2,,,1,2,3\n", 2),
        ("weights,,,,\n,k1,k2,,\nq1,0.5,,,\nq2,0.2,,,\noutput,,,,\n1,2,3,,\n1,2,3,,\n", 2),
    ],
)
def test_answers_in_a_sheet(run: Runner, tmp_path: Path, sheet: str, cells: int) -> None:
    """An empty cell inside a step is no answer; outside it is nothing."""
    (tmp_path / "p.json").write_text('{"Q": [[1], [2]], "K": [[1], [2]], "V": [[1, 2, 3], [4, 5, 6]]}')
    (tmp_path / "answers.csv").write_text(sheet)
    done = run("check", "p.json", "answers.csv")
    assert done.code == 1, done.err
    assert f"({4 - cells} cell{'s' * (cells < 3)} without an answer)" in done.err


def test_a_worked_sheet_that_starts_at_scores(run: Runner, tmp_path: Path) -> None:
    """A step that is an input is read without the empty cells at its end, also by `check`."""
    (tmp_path / "p.csv").write_text("scores,,,\n1,2,,\nV,,,\n1,2,3,\n4,5,6,\nweights,,,\n0.2689,0.7311,,\n")
    assert run("check", "p.csv").code == 0


# --- what is something else ----------------------------------------------------------------------------------------


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


FOREIGN = {
    "Excel": (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "save it as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old Microsoft Office document", "CSV"),
    "Word": (zipped("[Content_Types].xml", "word/document.xml"), "a Word document", "CSV"),
    "OpenDocument": (zipped("mimetype", "content.xml", "META-INF/manifest.xml"), "an OpenDocument file", "CSV"),
    "zip": (zipped("a.txt"), "a zip archive", "unpack it"),
    "PyTorch": (zipped("model/data.pkl", "model/data/0"), "a PyTorch checkpoint", "numpy.savez"),
    "pickle": (pickle.dumps({"Q": [[1]]}), "a Python pickle", "never read"),
    "old PyTorch": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "a PyTorch checkpoint", "savez"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document", "CSV"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image", "CSV"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image", "CSV"),
    "WebP": (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP image", "CSV"),
    "gzip": (b"\x1f\x8b\x08\0\0\0\0\0", "a gzip archive", "gunzip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file", "numpy.savez"),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file", "writematrix"),
    "GGUF": (b"GGUF\x03\0\0\0", "a GGUF checkpoint", "safetensors"),
    "web page": (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "a web page", "CSV"),
    "XML": (b'<?xml version="1.0"?><a/>', "an XML document", "CSV"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("suffix", ["csv", "json", "xlsx"])
def test_other_formats(tmp_path: Path, name: str, suffix: str) -> None:
    """Whatever it is called, the message names what it is and what to do; as a problem and as a matrix."""
    data, what, hint = FOREIGN[name]
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(data)
    for source in (lambda: readers.documents(str(path)), lambda: readers.entry(str(path), "Q")):
        with pytest.raises(AttnError) as error:
            source()
        assert error.value.message == f"is {what}"
        assert hint in (error.value.hint or "")


def test_the_name_says_nothing(tmp_path: Path) -> None:
    """Numbers in a file called .xlsx are read."""
    (tmp_path / "q.xlsx").write_text("1,2\n")
    assert np.asarray(readers.entry(str(tmp_path / "q.xlsx"), "Q").value).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("typed", "names", "hint"),
    [
        ("weight.csv", ["weights.csv", "q.csv"], "weights.csv"),
        ("weights.cvs", ["weights.csv"], "weights.csv"),
        ("abc", ["abc.csv"], "abc.csv"),
        ("weights.csv", ["weights.json", "weighst.csv"], "weights.json"),
        ("v.csv", ["q.csv", "k.csv"], None),
        ("abc", [], None),
        ("1\x1b[31m.csv", ["1\x1b[32m.csv"], "1\\x1b[32m.csv"),
    ],
)
def test_names_of_files_that_are_not_there(
    run: Runner, tmp_path: Path, typed: str, names: list[str], hint: str | None
) -> None:
    """Neither a file nor a matrix: the message says so, and suggests a name that is close."""
    (tmp_path / "folder").mkdir()
    for name in names:
        (tmp_path / "folder" / name).write_text("1")
    for args in (
        ("check", "Q=1", "K=1;2", f"weights=folder/{typed}"),
        ("run", f"Q=folder/{typed}"),
        ("run", f"folder/{typed}"),
    ):
        done = run(*args)
        message, *hints = done.err.splitlines()
        assert done.code == 2
        assert ("is neither a file nor a matrix" if "=" in args[-1] else "no such file: ") in message
        if hint:
            assert hints == [f"  hint: did you mean 'folder/{hint}'?"]
        else:
            assert not any("did you mean" in line for line in hints)


# --- a real spreadsheet --------------------------------------------------------------------------------------------

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
PROBLEMS: dict[str, dict[str, Any]] = {
    "plain": {"Q": Q, "K": K, "V": V},
    "all kinds": {
        "title": "a; b",
        "tokens": ["the", "cat, sat"],
        "Q": [[1.5, -2], [0.1, 3]],
        "K": [[1, 0.123456789012345], [2e-7, 1]],
        "V": [[1, 2, 3], [3, 4, 5]],
        "causal": True,
        "scale": "1/2",
        "bias": [[0, "-inf"], [0.5, 1]],
    },
    "heads": {"Q": [[1, 2], [3, 4]], "K": [[1, 2], [3, 4]], "V": [[1, 2], [3, 4]], "heads": 2},
}
FILTERS = {
    "commas": "csv:Text - txt - csv (StarCalc):44,34,76",
    "semicolons": "csv:Text - txt - csv (StarCalc):59,34,76",
    "tabs": "csv:Text - txt - csv (StarCalc):9,34,76",
    "all quoted": "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true",
    "UTF-16": "csv:Text - txt - csv (StarCalc):44,34,65535",
}


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_round_trip_through_libreoffice(run: Runner, tmp_path: Path) -> None:
    """`run -f csv`, saved as a workbook, saved as CSV again, is the same problem, and its steps are right."""

    def convert(to: str, folder: Path, sources: list[Path]) -> None:
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = [str(OFFICE), profile, "--headless", "--convert-to", to, "--outdir", str(folder), *map(str, sources)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    sources = []
    for name, problem in PROBLEMS.items():
        sources.append(tmp_path / f"{name}.csv")
        assert run("run", "-o", sources[-1], stdin=json.dumps(problem)).code == 0
    convert("xlsx", tmp_path / "xlsx", sources)
    for dialect, filter_ in FILTERS.items():
        convert(filter_, tmp_path / dialect, [tmp_path / "xlsx" / f"{name}.xlsx" for name in PROBLEMS])
        for source in sources:
            saved = tmp_path / dialect / source.name
            again = run("run", saved, "-f", "csv")
            assert again.code == 0, (dialect, again.err, saved.read_bytes())
            assert again.out == source.read_text(encoding="utf-8"), dialect
            assert run("check", saved).code == 0
    done = run("run", tmp_path / "xlsx" / "plain.xlsx")
    assert (done.code, done.err.splitlines()[1]) == (2, "  hint: save it as CSV")
