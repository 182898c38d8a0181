"""Read a policy folder and report everything that is wrong with it at once, each with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jiyu.errors import PolicyError, Problem
from jiyu.policy.checks import Forbid
from jiyu.policy.schema import (
    ConceptFile,
    Header,
    NormFile,
    Policy,
    Rule,
    RuleFile,
    Scorecard,
    phrase_origin,
)

DEFAULT_POLICY = "sankeshu-logistics"
#: Concepts that conditions look for by name; a policy must define those that its rules ask for.
ESCAPE_CONCEPTS = {
    "negated": "negation",
    "quoted": "reporting",
    "polite": "polite_request",
    "remedy": "remedy",
    "courteous": "courtesy",
}
FILLER_CONCEPT = "filler"
QUOTED_CONCEPT = "reported"

_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": lambda text: text.lower() in {"true", "yes", "on"},
    "null": lambda _: None,
}
_KINDS = frozenset({"forbid", "require", "limit", "sequence", "protect"})
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_File = TypeVar("_File", bound=BaseModel)
_Places = dict[tuple[str | int, ...], int]


def shipped_policies() -> Path:
    """Return the folder of the policies that come with jiyu, installed or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "lexicons"
    return installed if installed.is_dir() else package.parent.parent / "lexicons"


def load_policy(path: str | Path | None = None) -> Policy:
    """Read a policy.

    Args:
        path: Its folder; the shipped policy of the logistics norm if left out.

    Raises:
        PolicyError: Everything that is wrong, each with file, line and the offending text.
    """
    folder = shipped_policies() / DEFAULT_POLICY if path is None else Path(path)
    if not (folder / "policy.yaml").is_file():
        raise PolicyError(Problem(str(folder), None, "no policy here: policy.yaml is missing"))
    reader = _Reader(folder)
    header = reader.read(folder / "policy.yaml", Header)
    scorecard = reader.read(folder / "scorecard.yaml", Scorecard)
    for file in sorted(folder.glob("concepts/*.yaml")):
        reader.add_concepts(file)
    for file in sorted(folder.glob("rules/*.yaml")):
        reader.add_rules(file)
    norm = reader.norm(folder / "norm.yaml")
    if header is not None:
        reader.check_references(header, scorecard, norm)
    if reader.problems or header is None or scorecard is None:
        raise PolicyError(*reader.problems)
    return Policy.model_construct(
        header=header,
        digest=_digest(folder),
        slots=reader.slots,
        concepts=reader.concepts,
        rules=tuple(sorted(reader.rules, key=lambda r: list(header.categories).index(r.category))),
        rows=norm.rows,
        scorecard=scorecard,
        origins=reader.origins,
    )


def _digest(folder: Path) -> str:
    """Hash the files that make the policy, so that equal content has one digest on any system."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.yaml"), key=lambda f: f.relative_to(folder).as_posix()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


class _Reader:
    """Collects the parts of a policy and the problems met on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.complete = True
        self.slots: dict[str, tuple[str, ...]] = {}
        self.concepts: dict[str, Any] = {}
        self.rules: list[Any] = []
        self.origins: dict[str, tuple[str, int]] = {}

    def read(self, file: Path, schema: type[_File]) -> _File | None:
        """Read one file into its schema, or note its problems."""
        parsed = self._parse(file)
        return self._validated(file, schema, *parsed) if parsed else None

    def add_concepts(self, file: Path) -> None:
        parsed = self._parse(file)
        part = self._validated(file, ConceptFile, *parsed) if parsed else None
        if not parsed or part is None:
            # What this file defines is not known, so nothing can be called undefined.
            self.complete = False
            return
        places = parsed[1]
        for name, lines in part.slots.items():
            self._claim(f"slot {name}", file, places.get(("slots", name), 1))
            self.slots[name] = lines
        for name, concept in part.concepts.items():
            self._claim(f"concept {name}", file, places.get(("concepts", name), 1))
            self.concepts[name] = concept
            for key in ("phrases", "except"):
                written = parsed[0]["concepts"][name].get(key) or ""
                first = places.get(("concepts", name, key), 1)
                self._place_phrases(name, file, written, first)

    def add_rules(self, file: Path) -> None:
        parsed = self._parse(file)
        part = self._validated(file, RuleFile, *parsed) if parsed else None
        if not parsed or part is None:
            return
        for index, rule in enumerate(part.rules):
            self._claim(f"rule {rule.id}", file, parsed[1].get(("rules", index), 1))
            self.rules.append(rule)

    def norm(self, file: Path) -> NormFile:
        """Read the rows of the norm, if the policy lists them."""
        parsed = self._parse(file) if file.is_file() else None
        part = self._validated(file, NormFile, *parsed) if parsed else None
        if not parsed or part is None:
            return NormFile()
        for row_id in part.rows:
            self.origins[f"row {row_id}"] = (str(file), parsed[1]["rows", row_id])
        return part

    def check_references(self, header: Header, scorecard: Scorecard | None, norm: NormFile) -> None:
        """Note rules that name a category, concept or rule that does not exist."""
        known = {rule.id for rule in self.rules} | header.categories.keys()
        for rule in self.rules:
            place = self.origins[f"rule {rule.id}"]
            self.problems += [Problem(*place, what) for what in self._unknown(rule, known)]
        for category in scorecard.caps if scorecard else ():
            if category not in header.categories:
                self._note(self.folder / "scorecard.yaml", None, f"unknown category {category!r}")
        for row_id, row in norm.rows.items():
            for name in sorted(set(row.by) - known):
                place = self.origins[f"row {row_id}"]
                self.problems.append(Problem(*place, f"{row_id}: unknown rule {name!r}"))

    def _unknown(self, rule: Rule, known: Set[str]) -> Iterator[str]:
        """Yield what a rule names that the policy does not have."""
        if rule.category not in known:
            yield f"unknown category {rule.category!r}"
        gathers = (check.gathers for check in rule.checks if isinstance(check, Forbid))
        for name in (name for names in gathers for name in names):
            if name not in known:
                yield f"rule {rule.id}: unknown rule {name!r}"
        if self.complete:
            named = set(rule.every_concept)
            named |= {ESCAPE_CONCEPTS[escape] for cue in rule.every_cue for escape in cue.unless}
            for name in sorted(named - self.concepts.keys()):
                yield f"rule {rule.id}: unknown concept {name!r}"

    def _place_phrases(self, concept: str, file: Path, written: object, first: int) -> None:
        """Note the line of each phrase of a block that begins below line ``first``."""
        lines = written.splitlines() if isinstance(written, str) else []
        below = 1 if isinstance(written, str) and "\n" in written else 0
        for number, line in enumerate(lines, first + below):
            phrase = line.partition("#")[0].strip()
            self.origins.setdefault(phrase_origin(concept, phrase), (str(file), number))

    def _claim(self, name: str, file: Path, line: int) -> None:
        if name in self.origins:
            first, at = self.origins[name]
            message = f"{name} is defined twice, first at {first}:{at}"
            self.problems.append(Problem(str(file), line, message))
        else:
            self.origins[name] = (str(file), line)

    def _parse(self, file: Path) -> tuple[Any, _Places] | None:
        try:
            node = yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=_Loader)
        except OSError as error:
            self._note(file, None, error.strerror or "cannot be read")
        except UnicodeDecodeError as error:
            self._note(file, None, f"not UTF-8 at byte {error.start}")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self._note(file, mark.line + 1 if mark else None, error.problem or "not YAML")
        except yaml.YAMLError:
            self._note(file, None, "not YAML")
        else:
            places: _Places = {}
            if node is None:
                return {}, places
            return self._built(file, node, (), places), places
        return None

    def _built(
        self, file: Path, node: yaml.Node, path: tuple[str | int, ...], places: _Places
    ) -> Any:
        """Turn a node into plain data, noting lines and keys that are written twice."""
        places[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self._built(file, n, (*path, i), places) for i, n in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return _scalar(node)
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(_scalar(key_node))
            line = key_node.start_mark.line + 1
            if key in built:
                self._note(file, line, f"key {key!r} is written twice")
            built[key] = self._built(file, value_node, (*path, key), places)
            places[(*path, key)] = line
        return built

    def _validated(
        self, file: Path, schema: type[_File], data: Any, places: _Places
    ) -> _File | None:
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = _in_file(tuple(detail["loc"]), places)
                line = next(places[p] for p in _prefixes(place) if p in places)
                self._note(file, line, _said(place, detail))
            return None

    def _note(self, file: Path, line: int | None, message: str) -> None:
        self.problems.append(Problem(str(file), line, message))


def _scalar(node: yaml.Node) -> Any:
    """Build one scalar; dates and other surprises of YAML stay text."""
    build = _SCALARS.get(node.tag.rpartition(":")[2])
    try:
        return build(node.value) if build else node.value
    except ValueError:
        return node.value


def _prefixes(place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    for size in range(len(place), -1, -1):
        yield place[:size]


def _in_file(place: tuple[str | int, ...], places: _Places) -> tuple[str | int, ...]:
    """Take from a place what the validator put in: the kind of a rule or check."""
    kept: tuple[str | int, ...] = ()
    for index, part in enumerate(place):
        last = index == len(place) - 1
        if (*kept, part) in places or last or part not in _KINDS:
            kept = (*kept, part)
    return kept


def _said(place: tuple[str | int, ...], detail: ErrorDetails) -> str:
    """Say what is wrong with a value and, unless it is missing, what it is."""
    kindless = detail["type"] == "union_tag_not_found"
    where = ".".join(map(str, (*place, "kind") if kindless else place))
    if kindless or detail["type"] == "missing":
        return f"{where}: Field required"
    return f"{where}: {detail['msg']} ({_shown(detail['input'])})"


def _shown(value: object) -> str:
    text = str(value) if not isinstance(value, Mapping) else "a mapping"
    return text if len(text) <= 60 else text[:57] + "…"
