"""The tables of the manual, in Markdown: each from the table in the code that the program itself goes by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from attncli.checking.samples import catalogue, traces
from attncli.derivation.rules import RULES
from attncli.models.families import FAMILIES
from attncli.problem.fields import FIELDS, OPTIONS, STEPS
from attncli.problem.implementations import DEFAULTS
from attncli.writers.formats import FORMATS, Subject

COMMANDS_BY_SUBJECT: dict[Subject, str] = {
    "trace": "run, explain",
    "report": "check, compare",
    "roll": "mark",
    "summary": "mark --summary",
    "feedback": "mark --feedback",
    "heatmap": "run --heatmap",
    "worksheet": "new --sheet",
    "exercise": "new",
    "layers": "run MODELDIR",
}
"""The commands that draw each subject of the formats."""


def options() -> str:
    """Return the fields that have an option, in a table for each heading."""
    tables = []
    for heading, fields in groupby(OPTIONS, lambda field: field.heading):
        rows = []
        for field in fields:
            off = f", `--no-{field.option[2:]}`" if field.kind == "flag" else ""
            short = f"`{field.short}`, " if field.short else ""
            rows.append((f"`{field.name}`", f"{short}`{field.option}`{off}", field.help))
        table = _table(("field", "option", ""), rows)
        tables.append(f"### {heading}\n\n{table}" if heading else table)
    return "\n\n".join(tables)


def steps() -> str:
    """Return the steps with their formulas and their axes."""
    rows = []
    formulas = _formulas()
    for step, rules in groupby(RULES, lambda rule: rule.step):
        rows_are, columns_are = STEPS[step]
        names = [name for rule in rules for operand in rule.parsed for name in operand.names if name in FIELDS]
        said = [", ".join(f"`{text}`" for text in texts) for texts in (formulas[step], dict.fromkeys(names))]
        rows.append((f"`{step}`", *said, f"{rows_are} × {columns_are}"))
    return _table(("step", "formula", "from fields", "rows × columns"), rows)


def formats() -> str:
    """Return the formats, their suffixes, and the commands that write them."""
    rows = []
    for known in FORMATS.values():
        names = ", ".join(f"`{name}`" for name in (known.name, *known.aliases))
        suffixes = ", ".join(f"`{suffix}`" for suffix in known.suffixes)
        drawn = ", ".join(command for subject, command in COMMANDS_BY_SUBJECT.items() if known.draws(subject))
        rows.append((names, suffixes, drawn))
    return _table(("`-f`", "suffixes of `-o`", "commands"), rows)


def mistakes() -> str:
    """Return the ids of the known mistakes, by the step where they show."""
    by_step: dict[str, dict[str, None]] = {}
    for _, mistake in catalogue():
        by_step.setdefault(mistake.step, {})[mistake.id] = None
    rows = [(f"`{step}`", ", ".join(f"`{id}`" for id in ids)) for step, ids in by_step.items()]
    return _table(("step", "mistakes that first show there"), rows)


def families() -> str:
    """Return the families of models, with the names of their layers and tensors, and their other facts."""
    names: dict[tuple[str, str], list[str]] = {}
    for family in FAMILIES.values():
        for attention in family.attentions:
            tensors, *said = filter(None, (fact.said for fact in attention.facts))
            layer = f" `{attention.layer}`" if "." in attention.layer else ""
            names.setdefault((f"`{attention.block}` {tensors}", ", ".join(said)), []).append(f"`{family.name}`{layer}")
    rows = [(", ".join(alike), *entry) for entry, alike in names.items()]
    return _table(("`model_type`", "tensors", "also"), rows)


def faults() -> str:
    """Return the ids of the faults of kernels, and the places to look at."""
    from attncli.kernels.catalogue import catalogue  # attention on samples, which only this table needs

    rows = [(f"`{id}`", kind, look) for id, (kind, look) in catalogue().items()]
    return _table(("fault", "kind", "look at"), rows)


def conventions() -> str:
    """Return the questions on which implementations differ."""
    from attncli.kernels import conventions

    return conventions.as_table()


def like() -> str:
    """Return the defaults of other implementations."""
    rows = [
        (f"`{name}`", ", ".join(f"`{field}: {value}`" for field, value in fields.items()))
        for name, fields in DEFAULTS.items()
    ]
    return _table(("`--like`", "means"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "options": options, "steps": steps, "formats": formats, "mistakes": mistakes, "families": families,
    "faults": faults, "conventions": conventions, "like": like,
}  # fmt: skip
"""The tables by the names that topics call them."""


def _formulas() -> dict[str, list[str]]:
    """Return the formulas of each step, without a problem's numbers: one for each kind of op that makes it."""
    found: dict[str, dict[type, str]] = {}
    for trace in traces():
        for name, step in trace.items():
            if not step.given:
                found.setdefault(name, {}).setdefault(type(step.op), step.formula()[0])
    return {name: list(by_op.values()) for name, by_op in found.items()}


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
