"""A policy's files as they are sent: JSON, or the folder as a zip."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jiyu.gateway.limits import strict_json
from jiyu.gateway.problems import Refused

_FILES = 500
_PATH = re.compile(r"(?:[\w.-]+/){0,3}[\w.-]+\.yaml")


def files_of(content_type: str, body: bytes, limit: int) -> dict[str, bytes]:
    """Return the files of a policy by their paths in its folder.

    Args:
        content_type: ``application/json`` or ``application/zip``.
        body: What was sent.
        limit: Bytes of all files together.

    Raises:
        Refused: It is no such folder.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/zip":
        files = _unzipped(body, limit)
    elif kind in {"application/json", ""}:
        files = _listed(strict_json(body))
    else:
        raise Refused(415, "application/json or application/zip is needed")
    files = _within_folder(files)
    if "policy.yaml" not in files:
        raise Refused(422, "policy.yaml is missing", place="files")
    if len(files) > _FILES:
        raise Refused(422, f"more than {_FILES} files", place="files")
    if sum(map(len, files.values())) > limit:
        raise Refused(413, f"the files are longer than {limit} bytes")
    for path in files:
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            raise Refused(422, "only .yaml files in folders of plain names", place="files")
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a policy into an empty folder."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _listed(sent: Any) -> dict[str, bytes]:
    files = sent.get("files", sent) if isinstance(sent, dict) else None
    if not isinstance(files, dict):
        raise Refused(422, 'an object is needed: {"files": {"policy.yaml": "…"}}', place="body")
    built = {}
    for path, text in files.items():
        if not isinstance(text, str):
            raise Refused(422, "the content of a file is a text", place="files")
        built[path] = text.encode()
    return built


def _unzipped(body: bytes, limit: int) -> dict[str, bytes]:
    """Unpack in memory, and no more than allowed whatever its directory says."""
    files: dict[str, bytes] = {}
    left = limit
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist()[: 4 * _FILES]:
                if entry.is_dir() or not entry.filename.endswith(".yaml"):
                    continue
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise Refused(413, f"the files are longer than {limit} bytes")
                if entry.filename in files:
                    raise Refused(422, "a file is there twice", place="files")
                files[entry.filename] = content
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError):
        raise Refused(422, "not a zip that can be read", place="body") from None
    return files


def _within_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """Take off the folder that a zip of a folder begins with."""
    tops = {path.partition("/")[0] for path in files}
    if "policy.yaml" in files or len(tops) != 1:
        return files
    prefix = f"{tops.pop()}/"
    return {path.removeprefix(prefix): content for path, content in files.items()}
