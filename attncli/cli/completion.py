"""Completion in bash, zsh and fish: a script for each, which asks attncli itself, and where it is installed.

A script calls attncli with the name of the shell in `_ATTNCLI_COMPLETE` and the command line up to the cursor as the
only argument, and `attncli.cli.answers` writes a candidate per line. Typer's own completion knows neither fields nor
cells.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from attncli.common.errors import AttnError
from attncli.common.text import quoted

if TYPE_CHECKING:
    from attncli.cli.terminal import Terminal

DETECT = "?"
"""Stands for the shell that is running."""

BASH = """\
_attncli() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(_ATTNCLI_COMPLETE=bash "$1" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -o nosort -F _attncli attncli 2>/dev/null || complete -o nospace -F _attncli attncli
"""

ZSH = """\
#compdef attncli
_attncli() {
    local -a whole open
    local candidate
    if [[ $PREFIX == \\~* ]]; then _files; return; fi
    while IFS= read -r candidate; do
        if [[ $candidate == *' ' ]]; then whole+=("${candidate% }"); else open+=("$candidate"); fi
    done < <(_ATTNCLI_COMPLETE=zsh "${(Q)words[1]}" "${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" 2>/dev/null)
    compadd -V whole -a whole
    compadd -V open -S '' -a open
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _attncli attncli
"""

FISH = """\
function __attncli_complete
    set -l line (commandline -cp)
    _ATTNCLI_COMPLETE=fish attncli "$line" 2>/dev/null
end
complete -c attncli -e
complete -c attncli -k -f -a '(__attncli_complete)'
complete -c attncli -n 'string match -q -- "~*" (commandline -ct)' -F
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def shell_of(name: str, terminal: Terminal) -> str:
    """Return a shell by its name, or the one that is running; AttnError if there is no completion for it."""
    shell = _running(terminal) if name == DETECT else name
    if shell not in SCRIPTS:
        msg = f"no completion for {quoted(shell)}" if shell else "cannot tell which shell is running"
        raise AttnError(msg, hint=f"name one of {', '.join(SCRIPTS)}: attncli --show-completion bash")
    return shell


def _running(terminal: Terminal) -> str:
    """Return the name of the parent process if it is a shell that is known, else that of the login shell."""
    try:
        asked = ["ps", "-o", "comm=", "-p", str(os.getppid())]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        said = ""
    parent = os.path.basename(said.strip()).removeprefix("-")
    return parent if parent in SCRIPTS else os.path.basename(terminal.environ.get("SHELL", ""))


def installed(shell: str, terminal: Terminal) -> str:
    """Install the script for a shell, and return what was written; doing it twice changes nothing."""
    home = Path(terminal.environ.get("HOME") or os.path.expanduser("~"))

    def folder(variable: str, default: str) -> Path:
        return Path(terminal.environ.get(variable) or home / default)

    if shell == "fish":
        script = folder("XDG_CONFIG_HOME", ".config") / "fish" / "completions" / "attncli.fish"
        start = None
    else:
        script = folder("XDG_DATA_HOME", ".local/share") / "attncli" / f"completion.{shell}"
        start = home / ".bashrc" if shell == "bash" else folder("ZDOTDIR", ".") / ".zshrc"
    try:
        _write(script, SCRIPTS[shell])
        if start is not None:
            _add_line(start, f"[ -f '{script}' ] && . '{script}'  # completion of attncli")
    except OSError as error:
        msg = f"{error.filename}: cannot be written: {error.strerror}"
        raise AttnError(msg) from None
    read = f", which {start} reads" if start else ""
    return f"completion for {shell} is in {script}{read}; start a new shell to use it\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _add_line(path: Path, line: str) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    if line not in text.splitlines():
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")
