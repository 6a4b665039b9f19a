"""What a notebook must be: a thin report, without outputs, that anyone can run."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import papermill
import pytest

from istv_lib import params

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MONTH_OR_NUMBER = re.compile(
    r"(?<![\w-])\d[\d,.]*\s*(%|per cent|attendances|months in)|\b(rose|fell|increased|decreased)\b"
)


def cells(path, kind):
    return [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def test_the_notebooks_are_those_that_run_each_month():
    assert {p.stem for p in NOTEBOOKS} == set(params.notebooks())


def test_nbstripout_would_change_none_of_them():
    given = ["--verify", "--keep-id", *map(str, NOTEBOOKS)]
    done = subprocess.run([sys.executable, "-m", "nbstripout", *given], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_size(self, path):
        code = cells(path, "code")
        lengths = sorted(len(source(c).splitlines()) for c in code)
        assert len(code) + len(cells(path, "markdown")) <= 30
        assert lengths[-1] <= 15
        assert lengths[len(lengths) // 2] <= 5
        assert sum(lengths) <= 90
        assert 2 * len(cells(path, "markdown")) >= len(code) - 3

    def test_it_defines_nothing_and_reads_no_file(self, path):
        for cell in cells(path, "code"):
            tree = ast.parse(source(cell))
            assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
            assert not re.search(r"\bread_(csv|parquet|excel)|open\(|Path\(|import \*|print\(", source(cell))

    def test_it_imports_at_most_ten_names_of_the_library_and_no_private_one(self, path):
        names = [
            alias.name
            for cell in cells(path, "code")
            for node in ast.walk(ast.parse(source(cell)))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        ]
        assert 0 < len(names) <= 10
        assert not [n for n in names if n.startswith("_")]

    def test_its_parameters_are_those_of_monthly_yml_with_type_and_help(self, path):
        tagged = [c for c in cells(path, "code") if "parameters" in c["metadata"].get("tags", [])]
        assert len(tagged) == 1
        assert "|" not in source(tagged[0])
        read = papermill.inspect_notebook(str(path))
        assert set(read) == set(params.notebooks()[path.stem]["parameters"])
        assert all(p["inferred_type_name"] != "None" and p["help"] for p in read.values())

    def test_it_checks_its_parameters_first(self, path):
        code = [source(c) for c in cells(path, "code")]
        assert f'store.settle("{path.stem}", globals())' in code[1]

    def test_it_reads_as_a_report(self, path):
        text = [source(c) for c in cells(path, "markdown")]
        assert re.match(r"# [A-Z]", text[0])
        headings = [re.match(r"(#+) (.*)", t) for t in text[1:]]
        assert all(h and h.group(1) == "##" and h.group(2).endswith("?") for h in headings)
        assert any("headline" in c["metadata"].get("tags", []) for c in cells(path, "code"))
        assert "tables.provenance(" in source(cells(path, "code")[-1])

    def test_no_number_or_direction_is_typed_into_prose(self, path):
        for cell in cells(path, "markdown"):
            assert not MONTH_OR_NUMBER.search(source(cell)), source(cell)

    def test_it_is_stripped_and_keeps_its_kernel(self, path):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
        assert all(not c["outputs"] and c["execution_count"] is None for c in code)
