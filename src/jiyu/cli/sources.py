"""Where input comes from: files, folders, globs and standard input, as units to be judged."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line
from jiyu.formats.intake import SUFFIXES, read_units
from jiyu.formats.reading import Reading

STDIN = "-"


class Sources(NamedTuple):
    """The files to read, in order, and what was asked for and is not there."""

    names: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The names as text that can be written anywhere."""
        return tuple(map(shown_name, self.names))

    @property
    def size(self) -> int | None:
        """Bytes in all, or ``None`` if standard input is among them."""
        if STDIN in self.names:
            return None
        return sum(Path(name).stat().st_size for name in self.names)


def find_sources(paths: Sequence[str], own_output: Path | None) -> Sources:
    """Expand folders and globs; what a scan itself wrote is never input.

    Raises:
        InputError: A file is named both as input and as output, and would be lost.
    """
    names: dict[str, None] = {}
    problems: list[Problem] = []
    for path in paths:
        found = [path] if path == STDIN else _expanded(path)
        if not found:
            problems.append(Problem(path, None, "no such file"))
        if found == [path] and _would_be_lost(path, own_output):
            raise InputError(Problem(path, None, "is both input and output"))
        names.update((n, None) for n in found if not _is_ours(n, own_output))
    if not names and not problems:
        problems.append(Problem("; ".join(paths), None, "nothing here but the output of scans"))
    return Sources(tuple(names), tuple(problems))


def shown_name(name: str) -> str:
    """Return a file name as text; names of other systems need not be UTF-8 (GBK archives)."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _expanded(path: str) -> list[str]:
    if Path(path).is_dir():
        return _in_folder(Path(path))
    # Not only regular files: a shell gives <(zcat …) as a pipe with a name.
    if Path(path).exists():
        return [path]
    # Path.glob takes no absolute pattern, and a pattern is what a shell would have expanded.
    matches = glob.glob(path, recursive=True)  # noqa: PTH207
    return sorted(name for name in matches if Path(name).is_file())


def _in_folder(folder: Path) -> list[str]:
    """Return the files of a folder whose names end like those of a format, each once.

    Links to folders are not followed, and a link to a file that stands in the folder itself is that
    file once more.
    """
    found = sorted(
        file for file in folder.rglob("*") if file.suffix.casefold() in SUFFIXES and file.is_file()
    )
    known = {file.resolve() for file in found if not file.is_symlink()}
    return [str(file) for file in found if not file.is_symlink() or file.resolve() not in known]


def _is_ours(name: str, own_output: Path | None) -> bool:
    if name.endswith((".rejected.jsonl", ".resume.json")):
        return True
    return _is_same(name, own_output)


def _would_be_lost(name: str, own_output: Path | None) -> bool:
    """Say whether opening the output would wipe out an input that no scan has written."""
    if own_output is None or not _is_same(name, own_output):
        return False
    # ``jiyu scan *.jsonl -o out.jsonl --resume``: the shell names the unfinished output as well.
    return not own_output.with_name(own_output.name + ".resume.json").exists()


def _is_same(name: str, own_output: Path | None) -> bool:
    return own_output is not None and name != STDIN and Path(name).resolve() == own_output.resolve()


def units_of(sources: Sources, reading: Reading) -> Iterator[Line | Problem]:
    """Yield the conversations of all sources, whatever their formats, as lines to be decoded.

    A source that cannot be read is a problem, not an end.
    """
    for name in sources.names:
        shown = shown_name(name)
        try:
            if name == STDIN:
                yield from read_units(sys.stdin.buffer, shown, reading)
            else:
                with Path(name).open("rb") as stream:
                    yield from read_units(stream, shown, reading)
        except OSError as error:
            yield Problem(shown, None, error.strerror or "cannot be read")
