"""Submissions as they come: folders, archives, names, photographs, and what must not happen with any of them."""

from __future__ import annotations

import copy
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner

PROBLEM = '{"Q": [[3, 4, 1, 0]], "K": [[1, 2, 1, 0], [2, 3, 0, 1]]}'
RIGHT = '{"scores": [[12, 18]]}'
WRONG = '{"scores": [[12, 19]]}'
CSV = "scores\n12,18\n"
PHOTO = b"\xff\xd8\xff\xe0 a photograph"
MOODLE = "assignsubmission_file"


@pytest.fixture
def problem(tmp_path: Path) -> str:
    """A problem file in the folder where commands run."""
    (tmp_path / "p.json").write_text(PROBLEM)
    return "p.json"


def tree(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def zipped(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def rows(run: Runner, problem: str, *args: str) -> list[dict[str, Any]]:
    """Return the rows of a gradebook."""
    done = run("mark", problem, *args, "-f", "jsonl")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


CLASS: dict[str, str | bytes] = {
    f"Ada Lovelace_123_{MOODLE}/answer.csv": CSV,
    f"Ben_124_{MOODLE}/answer.json": WRONG,
    f"Kim_125_{MOODLE}/photo.jpg": PHOTO,
    f"Zoë Müller_126_{MOODLE}/deep/answer.csv": CSV,
}


@pytest.mark.parametrize("kind", ["folder", "archive", "archive in a folder"])
def test_a_class_as_moodle_hands_it_out(run: Runner, problem: str, tmp_path: Path, kind: str) -> None:
    """A folder for each student, in a folder or an archive: names from the folders, ids as Moodle counts them."""
    if kind == "folder":
        tree(tmp_path / "class", CLASS | {".DS_Store": b"\0", "__MACOSX/x": b"\0"})
    elif kind == "archive":
        (tmp_path / "class").write_bytes(zipped(CLASS | {"__MACOSX/._answer.csv": b"\0"}))
    else:
        tree(tmp_path / "class", {"all.zip": zipped(CLASS)})
    found = rows(run, problem, "class", "--id-column", "ID")
    assert [(row["name"], row["ID"], row["verdict"]) for row in found] == [
        ("Ada Lovelace", "123", "right"),
        ("Ben", "124", "wrong"),
        ("Kim", "125", "unreadable"),
        ("Zoë Müller", "126", "right"),
    ]
    assert found[2]["unreadable"].endswith("photo.jpg: is a JPEG image; type its numbers into a CSV file")


def test_a_flat_archive_of_moodles(run: Runner, problem: str, tmp_path: Path) -> None:
    """Without folders, Moodle puts the students' names into the files'."""
    (tmp_path / "class.zip").write_bytes(zipped({f"Ada_1_{MOODLE}_answer.csv": CSV, f"Ben_2_{MOODLE}_answer.csv": CSV}))
    assert [row["name"] for row in rows(run, problem, "class.zip")] == ["Ada", "Ben"]


def test_an_archive_of_each_student(run: Runner, problem: str, tmp_path: Path) -> None:
    """An archive of one file is the folder of that file; one of several is not."""
    tree(tmp_path / "class", {"ada.zip": zipped({"hw.json": RIGHT}), "ben.zip": zipped({"hw.json": RIGHT})})
    assert [row["name"] for row in rows(run, problem, "class")] == ["ada", "ben"]
    (tmp_path / "all.zip").write_bytes(zipped({"eve.json": RIGHT, "kim.zip": zipped({"hw.json": RIGHT})}))
    assert [row["name"] for row in rows(run, problem, "all.zip")] == ["eve", "kim"]


def test_an_archive_of_a_student(run: Runner, problem: str, tmp_path: Path) -> None:
    """A student may zip the answers, in a class that is zipped; not more than that."""
    answer = zipped({"answer.json": RIGHT})
    (tmp_path / "class.zip").write_bytes(zipped({"Ada/hw.zip": answer, "Ben/hw.zip": zipped({"again.zip": answer})}))
    found = rows(run, problem, "class.zip")
    assert [(row["name"], row["verdict"]) for row in found] == [("Ada", "right"), ("Ben", "unreadable")]
    assert found[0]["file"] == "class.zip/Ada/hw.zip/answer.json"
    assert (
        found[1]["unreadable"] == "class.zip/Ben/hw.zip/again.zip: is an archive in an archive in an archive; unpack it"
    )


NAMES = [
    ([], ["Field", "Ben", "solo"]),
    (["--name-from", "field"], ["Field", "Ben", "solo"]),
    (["--name-from", "folder"], ["Ada", "Ben", "solo"]),
    (["--name-from", "file"], ["one", "two", "solo"]),
]


@pytest.mark.parametrize(("options", "names"), NAMES)
def test_where_names_come_from(run: Runner, problem: str, tmp_path: Path, options: list[str], names: list[str]) -> None:
    """A field, else the folder below the one that is marked, else the file; or another of them first."""
    answers = {"Ada/one.json": '{"name": "Field", "scores": [[12, 18]]}', "Ben/two.json": RIGHT, "solo.json": RIGHT}
    tree(tmp_path / "class", answers)
    assert [row["name"] for row in rows(run, problem, "class", *options)] == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"student": "Ada", "comment": "it was late", "ID": 7, "scores": [[12, 18]]}', "Ada"),
        ('{"Name": " Ada ", "student": "x", "comment": null, "scores": [[12, 18]]}', "Ada"),
        ("name,Ada\nid,7\nscores\n12,18\n", "Ada"),
        ("name: Ada Lovelace\nscores\n12 18\n", "Ada Lovelace"),
        ("Name: Lovelace, Ada\nscores\n12,18\ncomment: what is √4, please?\n", "Lovelace, Ada"),
        ('name;"Lovelace; Ada";;\nscores;;;\n12;18;;\n', "Lovelace; Ada"),
        ("name\nAda Lovelace\n\nscores\n12,18\n", "Ada Lovelace"),
        ("name\n\nscores\n12,18\n", "file"),
        ("scores\n12,18\n\nname\nAda\n", "Ada"),
        ("scores,\n12,18\n,\nname,Ada\n", "Ada"),
        ("student=Ada\ncomment\nscores\n12,18\n", "Ada"),
    ],
)
def test_what_a_submission_says_of_itself(run: Runner, problem: str, tmp_path: Path, text: str, name: str) -> None:
    """Name, student, id and comment stand beside the numbers, and are never errors; for check neither."""
    (tmp_path / "file.txt").write_text(text)
    (row,) = rows(run, problem, "file.txt")
    assert (row["name"], row["verdict"]) == (name, "right")
    assert run("check", problem, "file.txt").code == 0


def test_a_row_of_numbers_may_be_labelled_name(run: Runner, tmp_path: Path) -> None:
    """A token called name, or id, labels a row of numbers as any other."""
    (tmp_path / "p.json").write_text('{"Q": [[1, 2], [3, 4]], "K": [[1, 1], [0, 1]], "tokens": ["name", "id"]}')
    (tmp_path / "a.csv").write_text("scores\nname,3,2\nid,7,4\n")
    (row,) = rows(run, "p.json", "a.csv")
    assert (row["name"], row["code"]) == ("a", "scores:correct")


def test_tokens_may_be_called_name(run: Runner, tmp_path: Path) -> None:
    """In the problem, and in a header of the answers."""
    (tmp_path / "p.csv").write_text("tokens\nname,id\nQ\n1,2\n3,4\nK\n1,1\n0,1\n")
    (tmp_path / "a.csv").write_text("scores\nname,id\n3,2\n7,4\n")
    (row,) = rows(run, "p.csv", "a.csv")
    assert (row["name"], row["code"]) == ("a", "scores:correct")
    assert run("check", "p.csv", "a.csv").code == 0


def test_of_two_submissions_the_later_by_name_counts(run: Runner, problem: str, tmp_path: Path) -> None:
    """The others are named; a photograph beside them, and a blank form, count only where there is nothing else."""
    blank = '{"scores": null}'
    tree(
        tmp_path / "class",
        {
            "Ada/answer9.json": WRONG,
            "Ada/answer10.json": RIGHT,
            "Ada/answer11.json": blank,
            "Ada/notes.jpg": PHOTO,
            "Ben/b.jpg": PHOTO,
            "Ben/a.json": WRONG,
        },
    )
    ada, ben = rows(run, problem, "class")
    assert (ada["verdict"], ada["file"]) == ("right", "class/Ada/answer10.json")
    said = "class/Ada/notes.jpg: is a JPEG image; type its numbers into a CSV file"
    assert ada["remarks"] == ["answer10.json counts, not answer9.json and answer11.json", said]
    assert ben["verdict"] == "wrong"
    assert [remark.partition(":")[0] for remark in ben["remarks"]] == ["class/Ben/b.jpg"]


def test_lines_of_one_student(run: Runner, problem: str, tmp_path: Path) -> None:
    """In JSON Lines the last line of a name counts; two ids are two students."""
    lines = [{"name": "Ada", "scores": [[12, 19]]}, {"name": "Ben", "id": 1, "scores": [[12, 18]]}]
    lines += [{"name": "Ada", "scores": [[12, 18]]}, {"name": "Ben", "id": 2, "scores": [[12, 19]]}]
    (tmp_path / "class.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = rows(run, problem, "class.jsonl")
    assert [(row["name"], row["verdict"], row["remarks"]) for row in found] == [
        ("Ada", "right", ["class.jsonl:3 counts, not class.jsonl:1"]),
        ("Ben", "right", []),
        ("Ben", "wrong", []),
    ]


def test_several_objects_in_a_file_are_several_submissions(run: Runner, problem: str, tmp_path: Path) -> None:
    """Also where they are not one on each line."""
    (tmp_path / "a.json").write_text('{"scores":\n[[12, 18]]}\n{"scores":\n[[12, 19]]}\n')
    assert [(row["name"], row["verdict"]) for row in rows(run, problem, "a.json")] == [
        ("a:1", "right"),
        ("a:3", "wrong"),
    ]


BAD_ARCHIVES = {
    "a way out": (zipped({"../evil.json": RIGHT}), "class.zip/../evil.json: its path leads out of the archive"),
    "an absolute path": (
        zipped({"/tmp/evil.json": RIGHT}),
        "class.zip//tmp/evil.json: its path leads out of the archive",
    ),
    "a drive": (zipped({"C:/evil.json": RIGHT}), "class.zip/C:/evil.json: its path leads out of the archive"),
    "nothing": (zipped({}), "class.zip: the archive holds no answers"),
    "a large file": (
        zipped({"a.json": b" " * (33 << 20)}),
        "class.zip/a.json: is larger than 32 MiB, the limit for a file in an archive",
    ),
}


@pytest.mark.parametrize("bad", BAD_ARCHIVES)
def test_a_bad_archive_is_one_row(run: Runner, problem: str, tmp_path: Path, bad: str) -> None:
    """It costs no other submission anything, and nothing is written outside, or at all."""
    content, reason = BAD_ARCHIVES[bad]
    (tmp_path / "class.zip").write_bytes(content)
    (tmp_path / "ada.json").write_text(RIGHT)
    before = sorted(os.listdir(tmp_path.parent)), sorted(os.listdir(tmp_path))
    found = rows(run, problem, "ada.json", "class.zip")
    assert [row["verdict"] for row in found] == ["right", "unreadable"]
    assert found[1]["unreadable"] == reason
    assert (sorted(os.listdir(tmp_path.parent)), sorted(os.listdir(tmp_path))) == before


def test_a_zip_bomb_is_one_row(run: Runner, problem: str, tmp_path: Path) -> None:
    """An archive is refused by the sizes in it, before any of it is unpacked; one inside another one too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.json", b"0" * (30 << 20))
        for at in range(1, 18):  # which all lead to the same bytes
            again = copy.copy(archive.filelist[0])
            again.filename = f"{at}.json"
            archive.filelist.append(again)
    bomb = stream.getvalue()
    assert len(bomb) < 1 << 20
    (tmp_path / "bomb.zip").write_bytes(bomb)
    (tmp_path / "hidden.zip").write_bytes(zipped({"Ada/a.json": RIGHT, "Ben/b.zip": bomb}))
    (row,) = rows(run, problem, "bomb.zip")
    assert row["unreadable"] == "bomb.zip: the archive unpacks to more than 512 MiB"
    found = rows(run, problem, "hidden.zip")
    assert [row["verdict"] for row in found] == ["right", "unreadable"]
    assert found[1]["unreadable"] == "hidden.zip/Ben/b.zip: the archive unpacks to more than 512 MiB"


def test_a_broken_or_locked_file_in_an_archive_is_one_row(run: Runner, problem: str, tmp_path: Path) -> None:
    """The other files of the archive are read."""
    data = bytearray(zipped({"a.json": RIGHT, "b.json": WRONG * 3}, zipfile.ZIP_STORED))
    at = data.index(WRONG.encode())
    data[at + 3] ^= 1
    (tmp_path / "broken.zip").write_bytes(data)
    a, b = rows(run, problem, "broken.zip")
    assert a["verdict"] == "right"
    assert b["unreadable"] == "broken.zip/b.json: cannot be unpacked: Bad CRC-32 for file 'b.json'"
    locked = bytearray(zipped({"a.json": RIGHT}))
    locked[locked.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    (row,) = rows(run, problem, "locked.zip")
    assert row["unreadable"] == "locked.zip/a.json: is encrypted; unpack the archive"


def test_documents_in_a_zips_clothing(run: Runner, problem: str, tmp_path: Path) -> None:
    """A workbook is named as one; arrays of NumPy's are answers."""
    import numpy as np

    np.savez(tmp_path / "ada.npz", scores=np.array([[12, 18]]))
    (tmp_path / "ben.xlsx").write_bytes(zipped({"xl/workbook.xml": "", "[Content_Types].xml": ""}))
    ada, ben = rows(run, problem, "ada.npz", "ben.xlsx")
    assert ada["verdict"] == "right"
    assert ben["unreadable"] == "ben.xlsx: is an Excel workbook; save it as CSV"


def test_links_lead_nowhere(run: Runner, problem: str, tmp_path: Path) -> None:
    """A folder that leads back to itself is not walked for ever, nor is a broken link an answer."""
    tree(tmp_path / "class", {"ada.json": RIGHT})
    (tmp_path / "class" / "again").symlink_to(tmp_path / "class")
    (tmp_path / "class" / "gone.json").symlink_to(tmp_path / "nosuch")
    assert [row["name"] for row in rows(run, problem, "class")] == ["ada"]


@pytest.mark.parametrize("files", [{}, {".DS_Store": b""}])
def test_a_folder_without_answers_is_an_error(
    run: Runner, problem: str, tmp_path: Path, files: dict[str, bytes]
) -> None:
    (tmp_path / "class").mkdir()
    tree(tmp_path / "class", files)
    done = run("mark", problem, "class")
    assert (done.code, done.out, done.err) == (2, "", "attncli: class: the folder holds no answers\n")
