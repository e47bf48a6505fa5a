"""Bad input: each ends with exit code 2 and one message; nothing is printed, and nobody sees a traceback."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from attncli.problem.fields import FIELDS
from attncli.writers import FORMATS
from attncli.writers.formats import names_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.command import Runner

PROBLEM = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
KNOWN = f"the fields are {', '.join(FIELDS)}"
TRACE_FORMATS = names_for("trace")
FORMATS_ARE = f"the formats are {', '.join(TRACE_FORMATS)}"
SUFFIXES = f"a file name that ends in {', '.join(end for name in TRACE_FORMATS for end in FORMATS[name].suffixes)}"


@dataclass(frozen=True)
class Bad:
    """One bad input and all that is said about it, after `attncli: `."""

    name: str
    says: str
    args: tuple[str, ...] = ()
    stdin: str | bytes = b""
    files: dict[str, str | bytes] = field(default_factory=dict)


TABLE = [
    Bad(
        "ragged-rows",
        "standard input: Q, row 2: has 1 number, should have 2 as in row 1",
        stdin='{"Q": [[1, 2], [3]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "null",
        "standard input: Q, row 1, column 2: null is not a number",
        stdin='{"Q": [[1, null]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("null-matrix", "standard input: Q: null is not a matrix", stdin='{"Q": null, "K": [[1, 2]], "V": [[1]]}'),
    Bad(
        "true",
        "standard input: Q, row 1, column 2: true is not a number",
        stdin='{"Q": [[1, true]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "false",
        "standard input: Q, row 1, column 1: false is not a number",
        stdin='{"Q": [[false, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "string-number",
        "standard input: Q, row 1, column 1: the quotes make '1' text, should be a number\n  hint: write 1",
        stdin='{"Q": [["1", 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "string",
        "standard input: Q, row 1, column 2: 'x' is not a number",
        stdin='{"Q": [[1, "x"]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "string-markup",
        "standard input: Q, row 1, column 2: '\\x1b[31mred' is not a number",
        stdin='{"Q": [[1, "\\u001b[31mred"]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "underscore",
        "standard input:1:10: not JSON: expected a comma or a closing bracket, found '_000'",
        stdin='{"Q": [[1_000, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("nan", "standard input:1:9: NaN is not a number", stdin='{"Q": [[NaN, 2]], "K": [[1, 2]], "V": [[1]]}'),
    Bad(
        "infinity",
        "standard input:1:9: Infinity is not a number",
        stdin='{"Q": [[Infinity, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "minus-infinity",
        "standard input:1:12: -Infinity is not a number\n"
        '  hint: write "-inf", which bias and the steps from scores to masked may hold',
        stdin='{"Q": [[1, -Infinity]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "minus-inf-string-in-Q",
        "standard input: Q, row 1, column 2: '-inf' is not a number",
        stdin='{"Q": [[1, "-inf"]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "leading-zero",
        "standard input:1:10: not JSON: expected a comma or a closing bracket, found '1'",
        stdin='{"Q": [[01, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "plus",
        "standard input:1:9: not JSON: expected a value, found '+1'\n  hint: write 0.5 for .5, 1 for +1",
        stdin='{"Q": [[+1, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "hex",
        "standard input:1:10: not JSON: expected a comma or a closing bracket, found 'x10'",
        stdin='{"Q": [[0x10, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "fullwidth-digit",
        "standard input:1:9: not JSON: expected a value, found '１'",
        stdin='{"Q": [[１, 2]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("number-for-matrix", "standard input: Q: 3 is not a matrix", stdin='{"Q": 3, "K": [[1, 2]], "V": [[1]]}'),
    Bad(
        "string-for-matrix", "standard input: Q: '3 4' is not a matrix", stdin='{"Q": "3 4", "K": [[1, 2]], "V": [[1]]}'
    ),
    Bad(
        "object-for-matrix",
        "standard input: Q: an object is not a matrix",
        stdin='{"Q": {"a": 1}, "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "vector-for-matrix",
        "standard input: Q: is a list of 2 numbers, should be a matrix\n"
        "  hint: write one row in two pairs of brackets: [[3, 4]]",
        stdin='{"Q": [3, 4], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("bool-for-matrix", "standard input: Q: true is not a matrix", stdin='{"Q": true, "K": [[1, 2]], "V": [[1]]}'),
    Bad(
        "empty-matrix",
        "standard input: Q: is empty, should hold numbers",
        stdin='{"Q": [], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("empty-row", "standard input: Q, row 1: is an empty row", stdin='{"Q": [[]], "K": [[1, 2]], "V": [[1]]}'),
    Bad(
        "second-row-empty",
        "standard input: Q, row 2: is an empty row",
        stdin='{"Q": [[1], []], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("empty-rows", "standard input: Q, row 1: is an empty row", stdin='{"Q": [[], []], "K": [[1, 2]], "V": [[1]]}'),
    Bad("d0-all", "standard input: Q, row 1: is an empty row", stdin='{"Q": [[]], "K": [[]], "V": [[1]]}'),
    Bad(
        "empty-3d",
        "standard input: Q, matrix 1, row 1: is an empty row",
        stdin='{"Q": [[[]]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad("dup-key", "standard input: 'Q' is given twice", stdin='{"Q": [[1]], "Q": [[2]], "K": [[1]]}'),
    Bad(
        "dup-alias",
        "standard input: Q is given twice, the second time as 'query'",
        stdin='{"Q": [[1]], "query": [[2]], "K": [[1]]}',
    ),
    Bad(
        "dup-case",
        "standard input: Q is given twice, the second time as 'q'",
        stdin='{"Q": [[1]], "q": [[2]], "K": [[1]]}',
    ),
    Bad("dup-nested", "standard input: 'a' is given twice", stdin='{"Q": [[{"a": 1, "a": 2}]]}'),
    Bad("unknown-key", "standard input: unknown field 'Qs'\n  hint: did you mean 'Q'?", stdin='{"Qs": [[1]]}'),
    Bad("unknown-close", "standard input: unknown field 'head'\n  hint: did you mean 'heads'?", stdin='{"head": 2}'),
    Bad("unknown-far", "standard input: unknown field 'zzzzzz'\n  hint: " + KNOWN, stdin='{"zzzzzz": 2}'),
    Bad(
        "attn_mask",
        "standard input: 'attn_mask' is not a field: PyTorch's functions disagree on what true means in it\n"
        "  hint: use mask, with true (or 1) for visible keys, or bias, which is added to the scores",
        stdin='{"attn_mask": [[1]]}',
    ),
    Bad(
        "key_padding_mask",
        "standard input: 'key_padding_mask' is not a field: PyTorch's functions disagree on what true means "
        "in it\n"
        "  hint: use mask, with true (or 1) for visible keys",
        stdin='{"Q": [[1]], "key_padding_mask": [[1]]}',
    ),
    Bad(
        "deep",
        "standard input: is nested too deeply",
        stdin='{"Q": ' + "[" * 1000 + "1" + "]" * 1000 + "}",
    ),
    Bad("deep-bare", "standard input: is nested too deeply", stdin="[" * 100_000),
    Bad(
        "deep-17",
        "standard input: Q: nested more than 16 deep",
        stdin='{"Q": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]], "K": [[1, 2]], "V": [[1]]}',
    ),
    Bad(
        "trailing-brace",
        "standard input:1:63: not JSON: expected a value, found '}'",
        stdin='{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}}',
    ),
    Bad(
        "trailing-text",
        "standard input:1:64: not JSON: expected a value, found 'garbage'",
        stdin='{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]} garbage',
    ),
    Bad(
        "trailing-number",
        "standard input:1: is neither an object nor an array",
        stdin='{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]} 3',
    ),
    Bad(
        "trailing-comma",
        "standard input:1:14: not JSON: expected a value, found ']'\n  hint: remove the comma before it",
        stdin='{"Q": [[1, 2,]], "K": [[1, 2]]}',
    ),
    Bad(
        "trailing-comma-obj",
        "standard input:1:16: not JSON: expected a name in double quotes, found '}'\n"
        "  hint: remove the comma before it",
        stdin='{"Q": [[1, 2]],}',
    ),
    Bad(
        "missing-comma",
        "standard input:1:11: not JSON: expected a comma or a closing bracket, found '2'",
        stdin='{"Q": [[1 2]]}',
    ),
    Bad("missing-value", "standard input:1:7: not JSON: expected a value, found '}'", stdin='{"Q": }'),
    Bad(
        "single-quotes",
        "standard input:1:2: not JSON: expected a name in double quotes, found \"'Q'\"\n"
        "  hint: JSON uses double quotes",
        stdin="{'Q': [[1]]}",
    ),
    Bad("bare-name", "standard input:1:2: not JSON: expected a name in double quotes, found 'Q'", stdin="{Q: [[1]]}"),
    Bad("no-colon", "standard input:1:6: not JSON: expected a colon, found '['", stdin='{"Q" [[1]]}'),
    Bad(
        "bare-array-stdin",
        "standard input: holds a matrix without a name\n  hint: name it, as in Q=FILE",
        stdin="[[1, 2]]",
    ),
    Bad(
        "empty-object",
        "nothing to compute: given nothing; missing Q and K (or X, or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin="{}",
    ),
    Bad(
        "empty-array",
        "standard input: holds a matrix without a name\n  hint: name it, as in Q=FILE",
        stdin="[]",
    ),
    Bad(
        "two-docs-second-array",
        "standard input:2: holds a matrix without a name\n  hint: name it, as in Q=FILE",
        stdin='{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}\n[[1]]\n',
    ),
    Bad("empty-stdin", "standard input: is empty"),
    Bad("blank-stdin", "standard input: is empty", stdin=" \n\t\n"),
    Bad(
        "utf8-bad",
        "standard input:1:15: byte 0xE9 is not UTF-8\n  hint: save the file as UTF-8",
        stdin=b'{"title": "caf\xe9", "Q": [[1]]}',
    ),
    Bad(
        "utf8-bad-line2",
        "standard input:2:12: byte 0xFF is not UTF-8\n  hint: save the file as UTF-8",
        stdin=b'{"Q": [[1]],\n "title": "\xff"}',
    ),
    Bad(
        "utf8-csv-bad",
        "standard input:2:3: byte 0xE9 is not UTF-8\n  hint: save the file as UTF-8",
        stdin=b"a,b\n1,\xe9\n",
    ),
    Bad(
        "utf8-overlong",
        "standard input:1:12: byte 0xC0 is not UTF-8\n  hint: save the file as UTF-8",
        stdin=b'{"title": "\xc0\xaf"}',
    ),
    Bad(
        "utf16-odd",
        "standard input:1:2: byte 0x22 is not UTF-16\n  hint: is it a binary file?",
        stdin=b'\xff\xfe{\x00"',
    ),
    Bad(
        "utf16-lone",
        "standard input:1:1: byte 0x00 is not UTF-16\n  hint: is it a binary file?",
        stdin=b"\xff\xfe\x00\xd8{\x00",
    ),
    Bad(
        "utf32",
        "standard input: is UTF-32, should be UTF-8, or UTF-16 with a byte order mark\n  hint: save the file as UTF-8",
        stdin=b"\xff\xfe\x00\x00{\x00\x00\x00",
    ),
    Bad(
        "nul",
        "standard input:1:11: a NUL character is not text\n"
        "  hint: is it a binary file, or UTF-16 without a byte order mark?",
        stdin=b'{"Q": [[1,\x00 2]]}',
    ),
    Bad(
        "nul-csv",
        "standard input:2:3: a NUL character is not text\n"
        "  hint: is it a binary file, or UTF-16 without a byte order mark?",
        stdin=b"1,2\n3,\x00",
    ),
    Bad(
        "utf16-nomark",
        "standard input:1:2: a NUL character is not text\n"
        "  hint: is it a binary file, or UTF-16 without a byte order mark?",
        stdin=b'{\x00"\x00Q\x00"\x00:\x00 \x00[\x00[\x001\x00]\x00]\x00}\x00',
    ),
    Bad(
        "binary",
        "standard input:2:118: byte 0x80 is not UTF-8\n  hint: is it a binary file?",
        stdin=bytes(range(256)) * 4,
    ),
    Bad(
        "png",
        "standard input: is a PNG image\n  hint: type its numbers into a CSV file",
        stdin=b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    ),
    Bad(
        "pickle",
        "standard input: is a Python pickle\n"
        "  hint: a pickle can run any code, so it is never read; save arrays with numpy.savez",
        stdin=b"\x80\x04\x95\x0b\x00\x00\x00",
    ),
    Bad("bom-only", "standard input: is empty", stdin="﻿"),
    Bad(
        "gzip",
        "standard input: is a gzip archive\n  hint: unpack it with gunzip",
        stdin=b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    ),
    Bad("missing-file", "no such file: 'none.json'", ("none.json",)),
    Bad(
        "missing-file-Q",
        "Q: 'none.csv' is neither a file nor a matrix",
        (
            "Q=none.csv",
            "K=1 2",
        ),
    ),
    Bad(
        "directory",
        ".: is a folder without a config.json, expected a file or a model's folder\n  hint: name a file",
        (".",),
    ),
    Bad(
        "directory-Q",
        ".: cannot be read: Is a directory",
        (
            "Q=.",
            "K=1",
        ),
    ),
    Bad(
        "directory-slash",
        "./: cannot be read: Is a directory",
        (
            "Q=./",
            "K=1",
        ),
    ),
    Bad("empty-file", "e.json: is empty", ("e.json",), files={"e.json": ""}),
    Bad(
        "file-bad",
        "p.json: Q, row 1, column 2: 'x' is not a number",
        ("p.json",),
        files={"p.json": '{"Q": [[1, "x"]]}'},
    ),
    Bad(
        "hostile-name",
        "Q: '\\x1b[31m.csv' is neither a file nor a matrix (row 1, column 1: '\\x1b[31m.csv' is not a number)",
        ("Q=\x1b[31m.csv",),
    ),
    Bad(
        "hostile-name-newline",
        "no such file: 'a\\x0ab.json'\n  hint: name the matrix: Q='a\\x0ab.json'",
        ("a\nb.json",),
    ),
    Bad("long-name", "no such file: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'", ("x" * 5000,)),
    Bad(
        "nul-like",
        "Q: '' is neither a file nor a matrix (row 1, column 1: an empty cell, should be a number)",
        ("Q=",),
    ),
    Bad(
        "two-files",
        "got 2 matrix files, expected one problem file, or Q, K and V\n  hint: say which is which: Q=q.csv K=k.csv",
        (
            "a.json",
            "b.json",
        ),
        files={"a.json": "[[1]]", "b.json": "[[1]]"},
    ),
    Bad(
        "four-files",
        "got 4 matrix files, expected one problem file, or Q, K and V\n  hint: say which is which: Q=q.csv K=k.csv",
        (
            "a",
            "b",
            "c",
            "d",
        ),
        files={"a": "1", "b": "1", "c": "1", "d": "1"},
    ),
    Bad(
        "three-files-one-missing",
        "no such file: 'v.csv'",
        (
            "q.csv",
            "k.csv",
            "v.csv",
        ),
        files={"q.csv": "1", "k.csv": "1"},
    ),
    Bad(
        "three-files-problem",
        "'k.csv' is a single array, not a problem\n  hint: say what it is: Q=k.csv",
        (
            "q.json",
            "k.csv",
            "v.csv",
        ),
        files={"q.json": PROBLEM, "k.csv": "1", "v.csv": "1"},
    ),
    Bad(
        "key-missing",
        "p.json: has no 'Z': it holds Q, K, V",
        (
            "Q=p.json::Z",
            "K=1 2",
        ),
        files={"p.json": PROBLEM},
    ),
    Bad(
        "key-needed",
        "p.json: holds several fields (Q, K, V); Q should be one matrix\n  hint: name it: Q=p.json::Q",
        (
            "Q=p.json",
            "K=1 2",
        ),
        files={"p.json": PROBLEM},
    ),
    Bad(
        "docs-in-field",
        "p.json: holds 2 documents; Q should be one matrix",
        (
            "Q=p.json",
            "K=1 2",
        ),
        files={"p.json": "[[1]]\n[[2]]"},
    ),
    Bad(
        "key-fields",
        "p.json: holds no fields; Q should be one matrix",
        (
            "Q=p.json",
            "K=1 2",
        ),
        files={"p.json": "{}"},
    ),
    Bad(
        "problem-is-csv-bare",
        "p.csv: holds a matrix without a name\n  hint: name it, as in Q=FILE",
        ("p.csv",),
        files={"p.csv": "1,2\n3,4\n"},
    ),
    Bad(
        "stdin-twice-Q-K",
        "standard input is named twice: Q=- and K=-\n  hint: one of them could be a file, or <(a command)",
        (
            "Q=-",
            "K=-",
        ),
        stdin="1 2",
    ),
    Bad(
        "stdin-twice-file",
        "standard input is named twice: - and Q=-\n  hint: one of them could be a file, or <(a command)",
        (
            "-",
            "Q=-",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "stdin-twice-dash",
        "standard input is named twice: - and -\n  hint: one of them could be a file, or <(a command)",
        (
            "-",
            "-",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "stdin-twice-key",
        "standard input is named twice: Q=- and K=-\n  hint: one of them could be a file, or <(a command)",
        (
            "Q=-::Q",
            "K=-::K",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "stdin-twice-q-opt",
        "standard input is named twice: Q=- and K=-\n  hint: one of them could be a file, or <(a command)",
        (
            "-q",
            "-",
            "-k",
            "-",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "twice-Q",
        "Q is given twice on the command line",
        (
            "Q=1",
            "Q=2",
        ),
    ),
    Bad(
        "twice-alias",
        "Q is given twice on the command line",
        (
            "Q=1",
            "query=2",
        ),
    ),
    Bad(
        "twice-option",
        "Q is given twice on the command line",
        (
            "Q=1",
            "-q",
            "2",
        ),
    ),
    Bad("unknown-name", "Z=1: unknown field 'Z'\n  hint: " + KNOWN, ("Z=1",)),
    Bad("unknown-name-close", "head=2: unknown field 'head'\n  hint: did you mean 'heads'?", ("head=2",)),
    Bad("unknown-name-empty", "=1: unknown field ''\n  hint: " + KNOWN, ("=1",)),
    Bad("unknown-short", "No such option: -z", ("-z",), stdin=PROBLEM),
    Bad("option-no-value", "Option '--heads' requires an argument", ("--heads",), stdin=PROBLEM),
    Bad(
        "bad-color",
        "Invalid value for '--color': 'maybe' is not one of 'auto', 'always', 'never'",
        (
            "--color",
            "maybe",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-format",
        "no such format: 'xml'\n  hint: " + FORMATS_ARE,
        (
            "-f",
            "xml",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-format-close",
        "no such format: 'jsn'\n  hint: did you mean 'json'?",
        (
            "-f",
            "jsn",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "format-upper",
        "no such format: 'JSON'\n  hint: did you mean 'json'?",
        (
            "-f",
            "JSON",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-step",
        "no such step: 'nothing'\n  hint: the steps are Q, K, V, scores, scaled, weights, output",
        (
            "-s",
            "nothing",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-step-close",
        "no such step: 'weight'\n  hint: did you mean 'weights'?",
        (
            "-s",
            "weight",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-heads",
        "--heads: must be a whole number ≥ 1, got '0'",
        (
            "--heads",
            "0",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-heads-neg",
        "--heads: must be a whole number ≥ 1, got '-1'",
        (
            "--heads",
            "-1",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-heads-text",
        "--heads: must be a whole number ≥ 1, got 'two'",
        (
            "--heads",
            "two",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-heads-fraction",
        "--heads: must be a whole number ≥ 1, got '1.5'",
        (
            "--heads",
            "1.5",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-heads-underscore",
        "--heads: must be a whole number ≥ 1, got '1_0'",
        (
            "--heads",
            "1_0",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "heads-not-dividing",
        "standard input: Q has 2 columns, which cannot be split into 3 heads",
        (
            "--heads",
            "3",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-precision",
        "--precision: must be a whole number from 0 to 17, got '18'",
        (
            "--precision",
            "18",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-precision-neg",
        "--precision: must be a whole number from 0 to 17, got '-1'",
        (
            "-p",
            "-1",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-precision-text",
        "--precision: must be a whole number from 0 to 17, got 'x'",
        (
            "-p",
            "x",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got 'abc'",
        (
            "--scale",
            "abc",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale-zero",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got '1/0'",
        (
            "--scale",
            "1/0",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale-nan",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got 'nan'",
        (
            "--scale",
            "nan",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale-inf",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got 'inf'",
        (
            "--scale",
            "inf",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale-frac",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got '1/2/3'",
        (
            "--scale",
            "1/2/3",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-scale-empty",
        "--scale: must be none or a number such as 0.5, 1/3 or 1/√2, got ''",
        (
            "--scale",
            "",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-normalize",
        "--normalize: 'max' is not one of softmax, sum\n  hint: did you mean 'softmax'?",
        (
            "--normalize",
            "max",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-normalize-close",
        "--normalize: 'softmx' is not one of softmax, sum\n  hint: did you mean 'softmax'?",
        (
            "--normalize",
            "softmx",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "labels-many",
        "--tokens: 2 labels for 1 query",
        (
            "--tokens",
            "a b",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "labels-keys-many",
        "--key-tokens: 3 labels for 2 keys",
        (
            "--key-tokens",
            "a b c",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "labels-empty",
        "--tokens: is empty, should hold labels",
        (
            "--tokens",
            "",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bad-suffix",
        "cannot tell the format from 'out.xyz'\n  hint: use --format, or " + SUFFIXES,
        (
            "-o",
            "out.xyz",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "out-no-dir",
        "none/out.json: cannot be written: No such file or directory",
        (
            "-o",
            "none/out.json",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "out-directory",
        ".: cannot be written: Is a directory",
        (
            "-o",
            ".",
            "-f",
            "json",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "csv-several",
        "CSV holds one problem, got 2\n  hint: use -f jsonl",
        (
            "-f",
            "csv",
        ),
        stdin=PROBLEM + PROBLEM,
    ),
    Bad(
        "literal-bad",
        "Q: '1 x; 2 3' is neither a file nor a matrix (row 1, column 2: 'x' is not a number)",
        (
            "Q=1 x; 2 3",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-empty-row",
        "Q: '1 2;;3 4' is neither a file nor a matrix (row 2, column 1: an empty cell, should be a number)",
        (
            "Q=1 2;;3 4",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-comma-comma",
        "Q: '1,,2' is neither a file nor a matrix (row 1, column 2: an empty cell, should be a number)",
        (
            "Q=1,,2",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-trailing-comma",
        "Q: '1,2,' is neither a file nor a matrix (row 1, column 3: an empty cell, should be a number)",
        (
            "Q=1,2,",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-nan",
        "Q: 'nan 1' is neither a file nor a matrix (row 1, column 1: 'nan' is not a number)",
        (
            "Q=nan 1",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-inf",
        "Q: 'inf 1' is neither a file nor a matrix (row 1, column 1: 'inf' is not a number)",
        (
            "Q=inf 1",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-inf-Q",
        "Q: '-inf 1' is neither a file nor a matrix (row 1, column 1: '-inf' is not a number)",
        (
            "Q=-inf 1",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-underscore",
        "Q: '1_000 2' is neither a file nor a matrix (row 1, column 1: '1_000' is not a number)",
        (
            "Q=1_000 2",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-1e400",
        "Q: '1e400 2' is neither a file nor a matrix (row 1, column 1: '1e400' is out of range: "
        "float64 ends at about 1.8e308)",
        (
            "Q=1e400 2",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-bracket",
        "Q: '[1 2' is neither a file nor a matrix (row 1, column 1: '[1' is not a number)",
        (
            "Q=[1 2",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-bracket-close",
        "Q: '1 2]' is neither a file nor a matrix (row 1, column 2: '2]' is not a number)",
        (
            "Q=1 2]",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-json-bad",
        "Q, row 2: has 1 number, should have 2 as in row 1",
        (
            "Q=[[1, 2], [3]]",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-empty-brackets",
        "Q: '[]' is neither a file nor a matrix (row 1, column 1: an empty cell, should be a number)",
        (
            "Q=[]",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-empty-json",
        "Q, row 1: is an empty row",
        (
            "Q=[[]]",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-hex",
        "Q: '0x10 1' is neither a file nor a matrix (row 1, column 1: '0x10' is not a number)",
        (
            "Q=0x10 1",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-fraction",
        "Q: '1/0 1' is neither a file nor a matrix (row 1, column 1: '1/0' is not a number)",
        (
            "Q=1/0 1",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-arabic",
        "Q: '١ ٢' is neither a file nor a matrix (row 1, column 1: '١' is not a number)",
        (
            "Q=١ ٢",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-text",
        "Q: 'hello' is neither a file nor a matrix",
        (
            "Q=hello",
            "K=1 2",
        ),
    ),
    Bad(
        "literal-paren",
        "Q: '(1 2)' is neither a file nor a matrix (row 1, column 1: '(1' is not a number)",
        (
            "Q=(1 2)",
            "K=1 2",
        ),
    ),
    Bad(
        "matrix-operand",
        "no such file: '3 4; 1 2'\n  hint: name the matrix: Q='3 4; 1 2'",
        ("3 4; 1 2",),
    ),
    Bad(
        "csv-ragged-more",
        "standard input:2: 3 numbers, should be 2 as in line 1",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,4,5\n",
    ),
    Bad(
        "csv-text",
        "standard input:2:2: 'x' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,x\n",
    ),
    Bad(
        "csv-empty-cell",
        "standard input:2:2: an empty cell, should be a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,\n",
    ),
    Bad(
        "csv-nan",
        "standard input:2:1: 'nan' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\nnan,3\n",
    ),
    Bad(
        "csv-inf",
        "standard input:2:2: 'inf' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,inf\n",
    ),
    Bad(
        "csv-1e400",
        "standard input:2:2: '1e400' is out of range: float64 ends at about 1.8e308",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,1e400\n",
    ),
    Bad(
        "csv-underscore",
        "standard input:2:2: '1_000' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,1_000\n",
    ),
    Bad(
        "csv-true",
        "standard input:2:2: 'true' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,true\n",
    ),
    Bad(
        "csv-quoted-num",
        "standard input:2:2: 'x' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin='1,2\n3,"x"\n',
    ),
    Bad(
        "csv-comments-only",
        "standard input: is empty, should hold numbers",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="# nothing\n# here\n",
    ),
    Bad(
        "csv-quote-inside",
        "standard input:2: ',' expected after '\"'",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin='1,2\n"3"x,4\n',
    ),
    Bad(
        "csv-mixed-decimals",
        "standard input:2:2: '1.5' after '1,5' in line 1: decimal commas and points are mixed",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,5;2\n3;1.5\n",
    ),
    Bad(
        "csv-bare-problem",
        "standard input: holds a matrix without a name\n  hint: name it, as in Q=FILE",
        stdin="1,2\n3,4\n",
    ),
    Bad("csv-empty-block", "standard input: Q: has no cells below its name", stdin="Q\nK\n1,2\n"),
    Bad("csv-empty-block-last", "standard input: K: has no cells below its name", stdin="Q\n1,2\nK\n"),
    Bad("csv-stack-twice", "standard input: Q: [1] is given twice", stdin="Q[1]\n1,2\nQ[1]\n1,2\n"),
    Bad(
        "csv-stack-shape",
        "standard input: Q: [2] is 1×3, should be 1×2 like the first",
        stdin="Q[1]\n1,2\nQ[2]\n1,2,3\n",
    ),
    Bad(
        "csv-stack-whole",
        "standard input: Q: is given both as a whole and as single matrices",
        stdin="Q[1]\n1,2\nQ\n1,2\n",
    ),
    Bad(
        "csv-stack-text",
        "standard input: Q: 'x' is not an index such as 2 or head2",
        stdin="Q[x]\n1,2\n",
    ),
    Bad(
        "csv-stack-zero",
        "standard input: Q: '0' is not an index such as 2 or head2",
        stdin="Q[0]\n1,2\n",
    ),
    Bad("csv-scalar-many", "standard input: heads: has 2 cells, should have one", stdin="Q\n1,2\nheads\n1,2\n"),
    Bad("csv-scalar-bad", "standard input: heads: must be a whole number ≥ 1, got 'x'", stdin="Q\n1,2\nheads\nx\n"),
    Bad(
        "csv-in-file-name",
        "k.csv:2:2: 'x' is not a number",
        (
            "q.csv",
            "k.csv",
            "v.csv",
        ),
        files={"q.csv": "1,2\n", "k.csv": "1,2\n3,x\n", "v.csv": "1"},
    ),
    Bad(
        "csv-semicolon-text",
        "standard input:1:2: 'x' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,5;x\n",
    ),
    Bad(
        "csv-blanks-text",
        "standard input:2:2: 'x' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1 2\n3 x\n",
    ),
    Bad(
        "csv-label-missing",
        "standard input:1:1: 'a' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="a,1,2\n3,4\n",
    ),
    Bad(
        "csv-nan-first-row",
        "standard input:1:1: 'nan' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="nan,inf\n1,2\n",
    ),
    Bad(
        "csv-all-text",
        "standard input:2:2: 'd' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="a,b\nc,d\n",
    ),
    Bad(
        "csv-long-cell",
        "standard input:2:2: 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n",
    ),
    Bad(
        "csv-escape-cell",
        "standard input:2:2: '\\x1b[31m' is not a number",
        (
            "Q=-",
            "K=1 2",
        ),
        stdin="1,2\n3,\x1b[31m\n",
    ),
    Bad(
        "d_k",
        "standard input: K has 3 columns, Q has 2 columns: QKᵀ needs the same d_k; Q is 1×2, K is 1×3",
        stdin='{"Q": [[1, 2]], "K": [[1, 2, 3]], "V": [[1]]}',
    ),
    Bad(
        "d_k-transposed",
        "standard input: K has 1 column, Q has 2 columns: QKᵀ needs the same d_k; Q is 1×2, K is 2×1\n"
        "  hint: is one of them transposed?",
        stdin='{"Q": [[1, 2]], "K": [[1], [2]], "V": [[1]]}',
    ),
    Bad(
        "d_k-columns",
        "standard input: K has 3 rows, Q has 2 rows: KᵀQ needs the same d_k; Q is 2×1, K is 3×1",
        stdin='{"columns": true, "Q": [[1], [2]], "K": [[1], [2], [3]], "V": [[1]]}',
    ),
    Bad(
        "v-rows",
        "standard input: V has 1 row, K has 2 rows: every key needs one value; V is 1×1, K is 2×2",
        stdin='{"Q": [[1, 2]], "K": [[1, 2], [3, 4]], "V": [[1]]}',
    ),
    Bad(
        "v-rows-weights",
        "standard input: V has 1 row, the weights have 2 keys: every key needs one value; V is 1×1",
        stdin='{"weights": [[0.5, 0.5]], "V": [[1]]}',
    ),
    Bad(
        "nothing",
        "standard input: nothing to compute: given nothing; missing Q and K (or X, or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"title": "x"}',
    ),
    Bad(
        "only-Q",
        "standard input: nothing to compute: given Q; missing K (or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"Q": [[1]]}',
    ),
    Bad(
        "only-K",
        "standard input: nothing to compute: given K; missing Q (or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"K": [[1]]}',
    ),
    Bad(
        "only-V",
        "standard input: nothing to compute: given V; missing Q and K (or X, or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"V": [[1]]}',
    ),
    Bad(
        "Q-V",
        "standard input: nothing to compute: given Q, V; missing K (or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"Q": [[1]], "V": [[1]]}',
    ),
    Bad(
        "K-V",
        "standard input: nothing to compute: given K, V; missing Q (or scores)\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"K": [[1]], "V": [[1]]}',
    ),
    Bad(
        "only-weights",
        "standard input: nothing to compute: given weights; missing V\n"
        "  hint: attention needs Q, K and V; or X; or scores and V; or weights and V",
        stdin='{"weights": [[1]]}',
    ),
    Bad(
        "W_q-no-X",
        "standard input: W_q is given but X is not: nothing to project\n"
        "  hint: name the embeddings X; a given Q is not projected",
        stdin='{"W_q": [[1]]}',
    ),
    Bad(
        "W_k-no-X",
        "standard input: W_k is given but X (or M) is not: nothing to project\n"
        "  hint: name the embeddings X; a given K is not projected",
        stdin='{"Q": [[1]], "W_k": [[1]]}',
    ),
    Bad(
        "W_q-shape",
        "standard input: X has 2 columns, W_q has 1 row: X W_q needs them equal; X is 1×2, W_q is 1×3",
        stdin='{"X": [[1, 2]], "W_q": [[1, 2, 3]]}',
    ),
    Bad(
        "W_q-transposed",
        "standard input: X has 2 columns, W_q has 3 rows: X W_q needs them equal; X is 1×2, W_q is 3×2\n"
        "  hint: is W_q transposed? PyTorch stores it that way",
        stdin='{"X": [[1, 2]], "W_q": [[1, 2], [3, 4], [5, 6]]}',
    ),
    Bad(
        "W_o-shape",
        "standard input: head_output has 2 columns, W_o has 1 row: head_output W_o needs them equal; "
        "head_output is 1×2, W_o is 1×1",
        stdin='{"Q": [[1, 2]], "K": [[1, 2]], "V": [[1, 2]], "W_o": [[1]]}',
    ),
    Bad(
        "b_q-shape",
        "standard input: b_q: has 1 number, expected 2: one for each dimension of Q",
        stdin='{"X": [[1, 2]], "b_q": [1]}',
    ),
    Bad(
        "b_q-matrix",
        "standard input: b_q: is 2×2, should be one list of numbers",
        stdin='{"X": [[1, 2]], "b_q": [[1, 2], [3, 4]]}',
    ),
    Bad(
        "mask-shape",
        "standard input: mask: is 1×3, which does not broadcast to the scores, 1×2\n"
        "  hint: each axis must have the length of the scores' axis, or 1",
        stdin='{"Q": [[1]], "K": [[1], [2]], "mask": [[1, 1, 1]]}',
    ),
    Bad(
        "mask-value",
        "standard input: mask, row 1, column 2: 2 is neither 0 (hidden) nor 1 (may be attended to)\n"
        "  hint: numbers that are added to the scores go in bias",
        stdin='{"Q": [[1]], "K": [[1], [2]], "mask": [[1, 2]]}',
    ),
    Bad(
        "mask-null",
        "standard input: mask, row 1, column 2: null is not a number",
        stdin='{"Q": [[1]], "K": [[1], [2]], "mask": [[1, null]]}',
    ),
    Bad(
        "bias-shape",
        "standard input: bias: is 3×1, which does not broadcast to the scores, 1×2\n"
        "  hint: each axis must have the length of the scores' axis, or 1",
        stdin='{"Q": [[1]], "K": [[1], [2]], "bias": [[1], [2], [3]]}',
    ),
    Bad(
        "bias-inf",
        "standard input: bias, row 1, column 1: 'inf' is not a number",
        stdin='{"Q": [[1]], "K": [[1], [2]], "bias": [["inf", 0]]}',
    ),
    Bad(
        "bias-bool",
        "standard input: bias, row 1, column 1: true is not a number",
        stdin='{"Q": [[1]], "K": [[1], [2]], "bias": [[true, 0]]}',
    ),
    Bad(
        "heads-string",
        "standard input: heads: must be a whole number ≥ 1, got '2'",
        stdin='{"Q": [[1]], "K": [[1]], "heads": "2"}',
    ),
    Bad(
        "heads-null",
        "standard input: heads: must be a whole number ≥ 1, got null",
        stdin='{"Q": [[1]], "K": [[1]], "heads": null}',
    ),
    Bad(
        "heads-bool",
        "standard input: heads: must be a whole number ≥ 1, got true",
        stdin='{"Q": [[1]], "K": [[1]], "heads": true}',
    ),
    Bad(
        "heads-list",
        "standard input: heads: must be a whole number ≥ 1, got a list",
        stdin='{"Q": [[1]], "K": [[1]], "heads": [2]}',
    ),
    Bad(
        "heads-float",
        "standard input: heads: must be a whole number ≥ 1, got 2.5",
        stdin='{"Q": [[1]], "K": [[1]], "heads": 2.5}',
    ),
    Bad(
        "causal-string",
        "standard input: causal: 'true' is neither true nor false",
        stdin='{"Q": [[1]], "K": [[1]], "causal": "true"}',
    ),
    Bad(
        "causal-number",
        "standard input: causal: 1 is neither true nor false",
        stdin='{"Q": [[1]], "K": [[1]], "causal": 1}',
    ),
    Bad(
        "columns-string",
        "standard input: columns: 'yes' is neither true nor false",
        stdin='{"Q": [[1]], "K": [[1]], "columns": "yes"}',
    ),
    Bad(
        "scale-null",
        "standard input: scale: must be none or a number such as 0.5, 1/3 or 1/√2, got null",
        stdin='{"Q": [[1]], "K": [[1]], "scale": null}',
    ),
    Bad(
        "scale-bool",
        "standard input: scale: must be none or a number such as 0.5, 1/3 or 1/√2, got true",
        stdin='{"Q": [[1]], "K": [[1]], "scale": true}',
    ),
    Bad(
        "scale-list",
        "standard input: scale, entry 1: the quotes make '1/2' text, should be a number\n  hint: write 0.5",
        stdin='{"Q": [[1]], "K": [[1]], "scale": ["1/2"]}',
    ),
    Bad("title-number", "standard input: title: 3 is not text", stdin='{"Q": [[1]], "K": [[1]], "title": 3}'),
    Bad(
        "tokens-string",
        "standard input: tokens: must be a list of labels, got 'the cat'",
        stdin='{"Q": [[1]], "K": [[1]], "tokens": "the cat"}',
    ),
    Bad(
        "tokens-number",
        "standard input: tokens, entry 1: 1 is not text\n  hint: put labels in quotes",
        stdin='{"Q": [[1]], "K": [[1]], "tokens": [1]}',
    ),
    Bad(
        "tokens-null",
        "standard input: tokens, entry 2: null is not text\n  hint: put labels in quotes",
        stdin='{"Q": [[1]], "K": [[1]], "tokens": ["a", null]}',
    ),
    Bad(
        "tokens-empty",
        "standard input: tokens: is empty, should hold labels",
        stdin='{"Q": [[1]], "K": [[1]], "tokens": []}',
    ),
    Bad(
        "tokens-count",
        "standard input: tokens: 2 labels for 1 query",
        stdin='{"Q": [[1]], "K": [[1]], "tokens": ["a", "b"]}',
    ),
    Bad(
        "heads-mismatch",
        "standard input: Q has 2 heads, K has 3: query heads must be a multiple of key/value heads",
        stdin='{"Q": [[[1]], [[2]]], "K": [[[1]], [[2]], [[3]]], "V": [[1]]}',
    ),
    Bad(
        "heads-K-flat",
        "standard input: K is 1×1: it has no head axis, expected 2 heads",
        stdin='{"Q": [[[1]], [[2]]], "K": [[1]]}',
    ),
    Bad(
        "batch-mismatch",
        "standard input: Q is 2×1×1×1, K is 1×1×1×1: their heads and batches differ",
        stdin='{"Q": [[[[1]]], [[[1]]]], "K": [[[[1]]]]}',
    ),
    Bad(
        "overflow",
        "scores[q1,k1] overflows: it exceeds the largest float64 (about 1.8e308)\n  hint: scale the numbers down",
        stdin='{"Q": [[1e200]], "K": [[1e200]], "V": [[1]]}',
    ),
    Bad(
        "overflow-cancel",
        "scores[q1,k1] overflows: it exceeds the largest float64 (about 1.8e308)\n  hint: scale the numbers down",
        stdin='{"Q": [[1e200, 1e200]], "K": [[1e200, -1e200]], "V": [[1]]}',
    ),
    Bad(
        "overflow-token",
        "scores[cat,[red]] overflows: it exceeds the largest float64 (about 1.8e308)\n  hint: scale the numbers down",
        stdin='{"Q": [[1e200]], "K": [[1e200]], "tokens": ["cat"], "key_tokens": ["[red]"]}',
    ),
    Bad(
        "overflow-output",
        "output[q1,d1] overflows: it exceeds the largest float64 (about 1.8e308)\n  hint: scale the numbers down",
        stdin='{"weights": [[2, 2]], "V": [[1e308], [1e308]]}',
    ),
    Bad(
        "overflow-project",
        "Q[q1,d1] overflows: it exceeds the largest float64 (about 1.8e308)\n  hint: scale the numbers down",
        stdin='{"X": [[1e300]], "W_q": [[1e300]]}',
    ),
    Bad(
        "sum-zero",
        "the scores of query 1 sum to 0: s / Σs is undefined\n  hint: use normalize: softmax",
        stdin='{"Q": [[1, 1]], "K": [[1, -1]], "V": [[1]], "normalize": "sum"}',
    ),
    Bad(
        "normalize-bad",
        "standard input: normalize: 'none' is not one of softmax, sum",
        stdin='{"Q": [[1]], "K": [[1]], "normalize": "none"}',
    ),
    Bad(
        "normalize-number",
        "standard input: normalize: 1 is not one of softmax, sum",
        stdin='{"Q": [[1]], "K": [[1]], "normalize": 1}',
    ),
    Bad(
        "precision-big",
        "standard input: precision: must be a whole number from 0 to 17, got 99",
        stdin='{"Q": [[1]], "K": [[1]], "precision": 99}',
    ),
    Bad("scores-and-nothing", "standard input: Q: null is not a matrix", stdin='{"scores": [[1]], "Q": null}'),
    Bad(
        "W_q-4d",
        "standard input: W_q is 1×1×1×1: a projection is a matrix, or one matrix for each head",
        stdin='{"X": [[1]], "W_q": [[[[1]]]]}',
    ),
    Bad(
        "empty-file-Q",
        "e.csv: is empty",
        (
            "Q=e.csv",
            "K=1",
        ),
        files={"e.csv": ""},
    ),
    Bad("csv-file-column", "p.csv:6:2: 'y' is not a number", ("p.csv",), files={"p.csv": "Q\n1,2\nK\n1,2\nV\n1,y\n"}),
    Bad(
        "scalar-literal-bad",
        "heads: must be a whole number ≥ 1, got 'x'",
        (
            "-",
            "heads=x",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "flag-literal-bad",
        "causal: 'maybe' is neither true nor false",
        (
            "-",
            "causal=maybe",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "scalar-literal-list",
        "heads: must be a whole number ≥ 1, got '1 2'",
        (
            "-",
            "heads=1 2",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "mask-literal-bad",
        "mask, row 1, column 2: 2 is neither 0 (hidden) nor 1 (may be attended to)\n"
        "  hint: numbers that are added to the scores go in bias",
        (
            "-",
            "mask=1 2",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "bias-literal-bad",
        "bias: '1 inf' is neither a file nor a matrix (row 1, column 2: 'inf' is not a number)",
        (
            "-",
            "bias=1 inf",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "step-of-none",
        "no such step: 'masked'\n  hint: the steps are Q, K, V, scores, scaled, weights, output",
        (
            "-s",
            "masked",
        ),
        stdin=PROBLEM,
    ),
    Bad(
        "out-under-file",
        "a/b.json: cannot be written: Not a directory",
        (
            "-o",
            "a/b.json",
        ),
        stdin=PROBLEM,
        files={"a": "x"},
    ),
    Bad(
        "weights-Q-claim-bad",
        "standard input: weights, row 2: has 1 number, should have 2 as in row 1",
        stdin='{"weights": [[1, 2], [3]], "V": [[1]]}',
    ),
    Bad(
        "heads-K",
        "standard input: V has 3 columns, which cannot be split into 2 heads",
        stdin='{"Q": [[1, 2]], "K": [[1, 2]], "V": [[1, 2, 3]], "heads": 2}',
    ),
    Bad(
        "v-batch",
        "standard input: V is 1×1×1×1, the weights are 2×1×1×1: their heads and batches differ",
        stdin='{"Q": [[[[1]]], [[[1]]]], "K": [[[[1]]], [[[1]]]], "V": [[[[1]]]]}',
    ),
    Bad(
        "file-in-line",
        "standard input:4:3: not JSON: expected a comma or a closing bracket, found '\"K\"'",
        stdin='{\n  "Q": [[1, 2],\n        [3, 4]\n  "K": [[1]]\n}',
    ),
    Bad("json-nan-line3", "standard input:3:12: NaN is not a number", stdin='{\n "K": [[1, 2]],\n "Q": [[1, NaN]]\n}'),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
def test_bad_input(run: Runner, tmp_path: Path, bad: Bad) -> None:
    """A bad input: exit 2, nothing on standard output, exactly this message."""
    for name, content in bad.files.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    done = run("run", *bad.args, stdin=bad.stdin)
    assert done.err == f"attncli: {bad.says}\n"
    assert (done.code, done.raw) == (2, b"")
    assert set(os.listdir(tmp_path)) == set(bad.files)
