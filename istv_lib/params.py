"""Parameter files and notebook parameters, read and checked before anything runs.

Thresholds live in ``parameters/*.yml``, never in code. :func:`check`, through ``store.settle``, is the first call of
every notebook: it refuses unknown names and wrong values under ``istv run``, bare papermill and JupyterLab alike.
"""

from __future__ import annotations

import ast
import difflib
import functools
import hashlib
import itertools
import os
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from istv_lib import errors, months, places

NOTEBOOK_NAMES = ("In", "Out", "exit", "quit", "open", "get_ipython")


class Rules(Mapping):
    """Thresholds by name: ``rules["coverage_full"]`` gives the value; ``rules.why(name)`` its reason."""

    def __init__(self, entries: dict[str, dict[str, Any]]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        """Return the value of a threshold; an unknown name is a ParameterError."""
        if name not in self._entries:
            near = _did_you_mean(name, self._entries)
            msg = f"There is no threshold '{name}' in parameters/defaults.yml{near}"
            raise errors.ParameterError(msg)
        return self._entries[name]["value"]

    def __iter__(self) -> Any:
        """Iterate over names."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the thresholds."""
        return len(self._entries)

    def why(self, name: str) -> str:
        """Return the written reason of a threshold."""
        return self._entries[name]["reason"]

    def replaced(self, **values: Any) -> Rules:
        """Return a copy with other values, for what-if questions and tests."""
        for name in values:
            self[name]
        return Rules({k: {**v, "value": values.get(k, v["value"])} for k, v in self._entries.items()})


@dataclass(frozen=True)
class Settings:
    """The checked parameters of one notebook run; a parameter the notebook does not have is None."""

    notebook: str
    month: str | None = None
    area: places.Area | None = None
    site: str | None = None
    case: dict[str, Any] | None = None
    audience: str = "internal"
    sample: int | None = None
    rules: Rules = field(default_factory=lambda: defaults())  # noqa: PLW0108 - defined below

    @property
    def partner(self) -> bool:
        """Whether the page is made for partners."""
        return self.audience == "partner"

    def rng(self, seed: str) -> np.random.Generator:
        """Return a generator begun with a seed of ``parameters/defaults.yml``, the same on every run."""
        return np.random.default_rng(self.rules[seed])

    @property
    def year(self) -> str:
        """Last whole calendar year at the run's month."""
        return months.calendar_year_before_or_at(self.month)


def home() -> Path:
    """Return the project folder: ``ISTV_HOME``, else the first parent with ``pyproject.toml``.

    Raises
    ------
    errors.ParameterError
        When neither leads to a folder with ``parameters/``.
    """
    given = os.environ.get("ISTV_HOME")
    starts = [Path(given)] if given else [Path.cwd(), Path(__file__).resolve().parent]
    for start in starts:
        for folder in (start, *start.parents):
            if (folder / "pyproject.toml").is_file() and (folder / "parameters").is_dir():
                return folder
    msg = f"No project with a parameters/ folder at or above '{starts[0]}'; set ISTV_HOME to it."
    raise errors.ParameterError(msg)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same content; in C ten times as fast


@functools.lru_cache
def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        msg = f"There is no parameter file '{path.relative_to(home())}'; {_neighbours(path)}."
        raise errors.ParameterError(msg) from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        msg = f"'{path.name}'{line} is not valid YAML; mend it and run again."
        raise errors.ParameterError(msg) from None
    if not isinstance(content, dict):
        msg = f"'{path.name}' must hold names and values; it holds {type(content).__name__}."
        raise errors.ParameterError(msg)
    return content


def _neighbours(path: Path) -> str:
    known = sorted(p.stem for p in path.parent.glob("*.yml"))
    return f"there is {', '.join(known)}" if known else f"'{path.parent.name}/' is empty"


def file(name: str) -> dict[str, Any]:
    """Read one parameter file by its path below ``parameters/``, such as ``"hospitals/SYN01"``."""
    return _read(home() / "parameters" / f"{name}.yml")


def names(folder: str) -> list[str]:
    """Return the names of the parameter files in a folder below ``parameters/``."""
    return sorted(p.stem for p in (home() / "parameters" / folder).glob("*.yml"))


def defaults() -> Rules:
    """Return the thresholds of ``parameters/defaults.yml``, each with value, unit, reason and source."""
    entries = file("defaults")
    needed = {"value", "unit", "reason", "source", "decided_by"}
    for name, entry in entries.items():
        lacking = needed - set(entry)
        if lacking:
            msg = f"Threshold '{name}' in parameters/defaults.yml lacks {', '.join(sorted(lacking))}."
            raise errors.ParameterError(msg)
    return Rules(entries)


def notebooks() -> dict[str, dict[str, Any]]:
    """Return what runs, for whom and with which parameters, from ``parameters/monthly.yml``."""
    return file("monthly")["notebooks"]


def case(slug: str) -> dict[str, Any]:
    """Return one case study's parameters, with its slug."""
    return {"slug": slug, **file(f"cases/{slug}")}


def code_version() -> str:
    """Return 12 hex digits that change whenever the library, a notebook or a parameter file changes.

    It needs no git, so that a copy of the folder gives the same pages as a clone.
    """
    digest = hashlib.sha256()
    top = home()
    for folder in ("istv_lib", "notebooks", "parameters"):
        for path in sorted(p for p in (top / folder).rglob("*") if p.suffix in SOURCES and "explore" not in p.parts):
            digest.update(path.relative_to(top).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:12]


SOURCES = {".py", ".ipynb", ".yml", ".csv", ".geojson", ".j2", ".css"}


def check(notebook: str, given: Mapping[str, Any]) -> Settings:
    """Check a notebook's parameters and return them as settings.

    Parameters
    ----------
    notebook : str
        Name of the notebook without ending, a key of ``parameters/monthly.yml``.
    given : mapping
        The notebook's ``globals()``, or a plain dict of parameters.

    Returns
    -------
    Settings

    Raises
    ------
    errors.ParameterError
        Names every unknown parameter, with the nearest known one, and every value that cannot be used.

    Notes
    -----
    In a notebook the parameters are the plain values assigned by the cells that ran before the one that first
    called ``store.settle``: the parameters cell, and the one that papermill adds after it.
    """
    spec = notebooks().get(notebook)
    if spec is None:
        msg = f"There is no notebook '{notebook}'{_did_you_mean(notebook, notebooks())}"
        raise errors.ParameterError(msg)
    wanted = spec["parameters"]
    values = {k: given[k] for k in _assigned(given) if _is_parameter(k, given[k])}
    unknown = [name for name in values if name not in wanted]
    if unknown:
        told = " ".join(f"'{name}' is not a parameter of {notebook}{_did_you_mean(name, wanted)}" for name in unknown)
        raise errors.ParameterError(f"{told} It takes {', '.join(wanted)}.")
    missing = [name for name in wanted if name not in values]
    if missing:
        raise errors.ParameterError(f"{notebook} needs a value for {', '.join(missing)}.")
    return Settings(notebook=notebook, **{name: _checked(kind, values[name], spec) for name, kind in wanted.items()})


def _assigned(given: Mapping[str, Any]) -> list[str]:
    """Names assigned before the first check, when IPython kept the cells; else all names."""
    cells = given.get("In") or []
    if not any("store.settle(" in source for source in cells):
        return list(given)
    before = itertools.takewhile(lambda source: "store.settle(" not in source, cells)
    assigned = (node for source in before for node in ast.walk(ast.parse(source)))
    stored = (node.id for node in assigned if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return [name for name in dict.fromkeys(stored) if name in given]


def _is_parameter(name: str, value: Any) -> bool:
    if name.startswith("_") or name in NOTEBOOK_NAMES or isinstance(value, types.ModuleType) or callable(value):
        return False
    return value is None or isinstance(value, str | int | float | list | dict)


def _checked(kind: str, value: Any, spec: dict[str, Any]) -> Any:
    if kind == "area":
        return places.find_area(value)
    if kind == "month":
        return "latest" if value == "latest" else months.parse(value)
    if kind == "case":
        return case(value)
    if kind == "audience" and value not in spec["audiences"]:
        raise errors.ParameterError(f"Audience '{value}' is not one of {', '.join(spec['audiences'])}.")
    return value


def _did_you_mean(name: str, known: Any) -> str:
    near = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else f"; there is {', '.join(known)}."
