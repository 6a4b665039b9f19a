"""What may leave for the Datastore: the files of releases that the gate has passed; a helper of `datastore`."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istv_lib import store

_PACKAGE, _PAGE = "datapackage.json", "index.html"
_ABOUT = "Fields, licence, sources, coverage, provenance and release form (Frictionless data package)"


@dataclass(frozen=True)
class File:
    """One file of a release as it is to stand at the Datastore: name, bytes, what it is, and first and last month."""

    name: str
    content: bytes
    about: str
    span: tuple[str, str]

    @functools.cached_property
    def hashes(self) -> set[str]:
        """Checksums a site may give: MD5, MD5 of a file sent in one part through the web page, SHA-256."""
        plain = hashlib.md5(self.content, usedforsecurity=False)
        in_parts = hashlib.md5(plain.digest(), usedforsecurity=False)
        return {plain.hexdigest(), f"{in_parts.hexdigest()}-1", store.sha256(self.content)}

    def same(self, held: Mapping[str, Any] | None) -> bool | None:
        """Return whether a file at the Datastore has our bytes; None when it gives no checksum."""
        told = str((held or {}).get("hash") or (held or {}).get("check_hash") or "").lower()
        return None if held and not told else told in self.hashes


@dataclass(frozen=True)
class Release:
    """One version of a page: its package, the files that may go, the faults for which none may, and a withdrawal."""

    slug: str
    month: str
    version: int
    package: Mapping[str, Any]
    files: tuple[File, ...]
    faults: tuple[str, ...]
    withdrawn: Mapping[str, Any] | None


def releases(where: store.Root, *, local: bool = False) -> list[Release]:
    """Return every release of the hub, by page, month and version, with the files that may go or the faults.

    ``local`` admits synthetic releases, for a site on this machine.
    """
    public = (line for line in store.ledger(where) if line.get("audience", "public") == "public")
    passed = {tuple(line.get(name) for name in ("page", "month", "version", "csv_sha256")) for line in public}
    kind = store.kind(where)
    found = []
    for path in where.hub.glob(f"*/*/v*/{_PACKAGE}"):
        slug, month, version = path.parent.relative_to(where.hub).parts
        address = (slug, month, int(version[1:]) if version[1:].isdecimal() else 0)
        package, withdrawn = {}, None
        try:
            content = path.read_bytes()
            package = json.loads(content)
            withdrawn = package["istv"].get("withdrawn")
            files, faults = _admit(path.parent, address, package, passed)
            files.append(_file(address, _PACKAGE, content, _ABOUT, package))
            faults += _standing(package["istv"], kind, local=local)
        except (ValueError, KeyError, TypeError, AttributeError):
            files, faults = [], [f"its {_PACKAGE} cannot be read or lacks something; publish the month again"]
        found.append(Release(*address, package, () if faults else tuple(files), tuple(faults), withdrawn))
    return sorted(found, key=lambda r: (r.slug, r.month, r.version))


def _admit(
    folder: Path, address: tuple[str, str, int], package: Mapping[str, Any], passed: set[tuple[str, str, int, str]]
) -> tuple[list[File], list[str]]:
    """Return the listed files of a release, and a fault for each that is not what was listed and passed."""
    istv = package["istv"]
    if (istv["slug"], istv["month"], int(istv["version"])) != address:
        return [], [f"its {_PACKAGE} is of another release"]
    listed = [(r["path"], r["hash"], r["title"]) for r in package["resources"]]
    listed.append((_PAGE, istv["page"]["sha256"], "The page, as published in the hub"))
    files, faults = [], ["it lists no table"] if len(listed) == 1 else []
    faults += [f"it has no {part}" for part in ("title", "description", "keywords") if not package.get(part)]
    for name, told, about in listed:
        path, sha256 = folder / name, told.removeprefix("sha256:")
        if not re.fullmatch(r"\w[\w.-]*\.(csv|html)", name) or path.is_symlink() or not path.is_file():
            faults.append("it lists a file that is not there")
            continue
        content = path.read_bytes()
        if store.sha256(content) != sha256:
            faults.append(f"{name} is not the file that was released")
        elif name != _PAGE and (*address, sha256) not in passed:
            faults.append(f"{name} does not stand in the release ledger")
        files.append(_file(address, name, content, about, package))
    return files, faults


def _file(address: tuple[str, str, int], name: str, content: bytes, about: str, package: Mapping[str, Any]) -> File:
    span = (package["temporal"]["start"][:7], package["temporal"]["end"][:7])
    return File(prefix(*address[:2]) + name, content, about, span)


def prefix(slug: str, month: str) -> str:
    """Return what the names of a release's files begin with at the Datastore, the same for all its versions."""
    return f"istv-{slug}-{month}-"


def _standing(istv: Mapping[str, Any], kind: str, *, local: bool) -> list[str]:
    """Return why a release as a whole may not go; ``kind`` is that of the store."""
    attack = (istv.get("form") or {}).get("attack") or {}
    real = istv.get("kind") == "real" and not istv.get("synthetic") and kind not in {"synthetic", "mixed"}
    tried = local and istv.get("kind") == "synthetic" and kind != "mixed"
    checks = {
        "it is not for the public": istv.get("audience") == "public",
        "it was withdrawn": not istv.get("withdrawn"),
        "its numbers are not real, and such go to a site on this machine alone": real or tried,
        "its release form does not say that the attack was passed": attack.get("result") == "passed",
    }
    return [fault for fault, well in checks.items() if not well]
