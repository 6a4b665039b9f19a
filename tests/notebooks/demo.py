"""The small demonstration for the tests: a project home to make it in, and what its hub holds."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
from lxml import html as lxml_html

PROJECT = Path(__file__).parents[2]
LAMBETH = ("--area", "lambeth")
CASE = "case-croydon-late-night"


def make_home(folder: Path) -> Path:
    """Copy what a project home needs, with the case study moved to a borough that the small world holds."""
    for name in ("notebooks", "parameters", "docs"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "explore"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    case = folder / "parameters" / "cases" / "croydon-late-night.yml"
    told = case.read_text(encoding="utf-8").replace("area: croydon", "area: southwark")
    case.write_text(told.replace('first: "2022-01"', 'first: "2022-07"').replace('"2022"', '"2023"'), encoding="utf-8")
    return folder


def istv(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k != "ISTV_DATA"}
    return subprocess.run(
        [sys.executable, "-c", "from istv_lib.cli import main; main()", *words],
        cwd=home,
        env=clean | {"ISTV_HOME": str(home), "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def copied(home: Path, folder: Path, *left: str) -> Path:
    """Copy a home with its outputs, without those left out."""
    other = make_home(folder)
    shutil.copytree(home / "outputs", other / "outputs", ignore=shutil.ignore_patterns(*left))
    return other


def pages(home):
    return sorted((home / "outputs" / "hub").glob("*/2024-12/v1/index.html"))


def parsed(path: Path) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(path.read_text(encoding="utf-8"))


def public_tables(home: Path) -> pd.DataFrame:
    """Every row of every public CSV, as text, with the slug of its page."""
    files = sorted((home / "outputs" / "hub").rglob("*.csv"))
    rows = [pd.read_csv(p, dtype=str, keep_default_na=False).assign(page=p.parts[-4], file=p.name) for p in files]
    return pd.concat(rows, ignore_index=True)
