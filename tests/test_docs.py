"""The documents name what there is, and nothing that is not."""

import ast
import re
from pathlib import Path

import pytest
import typer
import yaml

from istv_lib import cli, privacy, schema
from tests.test_architecture import FLOORS

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text(encoding="utf-8")
ERRORS = (HOME / "docs" / "errors.md").read_text(encoding="utf-8")
CHECKS = yaml.safe_load((HOME / "parameters" / "checks.yml").read_text(encoding="utf-8"))
TOP = sorted(HOME.glob("*.md"))
DOCUMENTS = [*TOP, *sorted((HOME / "docs").rglob("*.md")), *sorted((HOME / "LICENSES").glob("*.md"))]
FOLDERS = ("istv_lib", "notebooks", "parameters", "tests", "benchmarks", "docs", "LICENSES")
PIP_LINES = (
    "pip install --require-hashes -r requirements.lock",
    "pip install --no-deps --no-build-isolation -e .",
)
# Homes and workplaces of the people who write here, never an address of the project.
FOREIGN = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|Users)/|[A-Z]:\\Users\\|pypi\.org|pythonhosted")


def name(path):
    return path.relative_to(HOME).as_posix()


def section(heading):
    """Return the README's section of that heading."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def first_cells(text):
    """Return the name in the first cell of each row of the tables in a text."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_readme_lists_every_notebook_once():
    assert sorted(first_cells(section("Notebooks"))) == sorted(p.stem for p in (HOME / "notebooks").glob("*.ipynb"))


def test_readme_says_for_whom_each_notebook_is():
    listed = yaml.safe_load((HOME / "parameters" / "monthly.yml").read_text(encoding="utf-8"))["notebooks"]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", section("Notebooks"), re.MULTILINE)
    assert {k: sorted(v.split(", ")) for k, v in rows} == {k: sorted(v["audiences"]) for k, v in listed.items()}


def test_readme_lists_every_public_module_with_its_floor():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| \S", section("Modules"), re.MULTILINE)
    public = {p.stem for p in (HOME / "istv_lib").glob("*.py") if not p.stem.startswith("_")}
    assert {module for module, _ in rows} == public
    assert {module: int(floor) for module, floor in rows} == FLOORS


def verbs():
    """Return each verb as it is typed, with its long options."""
    found = {}
    for verb, command in typer.main.get_command(cli.app).commands.items():
        for below, inner in getattr(command, "commands", {"": command}).items():
            found[f"istv {verb} {below}".strip()] = [o for p in inner.params for o in p.opts if o.startswith("--")]
    return found


def test_readme_names_every_verb_and_only_those():
    told = first_cells(section("Your own data"))
    lines = [line for line in told if line.startswith("istv ")]
    assert len(lines) == len(verbs())
    for verb in verbs():
        assert any(line == verb or line.startswith(verb + " ") for line in lines), verb


def test_readme_names_every_option_and_only_those():
    text = section("Start") + section("Your own data")
    for verb, options in verbs().items():
        for option in options:
            assert option in text, (verb, option)
    known = {o for options in verbs().values() for o in options}
    told = {o for line in re.findall(r"`(istv [^`]*)`", README) for o in re.findall(r"--\w+", line)}
    assert told <= known


def test_every_path_in_the_readme_tree_exists():
    tree = re.search(r"```text\n(.*?)```", section("What lies where"), re.DOTALL)[1]
    paths = [line.split()[0] for line in tree.splitlines()]
    assert len(paths) > 20
    absent = [p for p in paths if not (HOME / p).exists() or p.endswith("/") != (HOME / p).is_dir()]
    assert absent == []


def test_readme_and_environment_install_in_the_same_way():
    environment = (HOME / "environment.yml").read_text(encoding="utf-8")
    for line in PIP_LINES:
        assert README.count(line) == 2
        assert environment.count(line) == 1
    told = yaml.safe_load(environment)
    assert told["channels"] == ["conda-forge", "nodefaults"]
    assert told["dependencies"] == ["python=3.11", "pip"]
    assert f"conda activate {told['name']}" in README


def test_documents_name_the_python_versions_of_the_project():
    project = (HOME / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11,<3.13"' in project
    assert "Python 3.11 or 3.12" in README


def test_version_is_the_same_everywhere():
    version = re.search(r'^version = "([^"]+)"', (HOME / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert yaml.safe_load((HOME / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
    assert f"version {version}" in section("How to cite")
    assert f"## [{version}]" in (HOME / "CHANGELOG.md").read_text(encoding="utf-8")


def anchors(path):
    """Return the addresses of a document's headings, as code hosts make them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_relative_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        where, _, anchor = target.partition("#")
        other = (path.parent / where).resolve() if where else path
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


def test_data_dictionary_is_the_generated_one():
    assert (HOME / "docs" / "data_dictionary.md").read_text(encoding="utf-8") == schema.as_markdown()


def table_of(heading):
    """Return the rows of the first table below a heading of docs/errors.md, as lists of cells."""
    part = ERRORS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.strip("|\n ").split(" | ") for line in part.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(
    ("heading", "scopes", "actions"),
    [
        ("Rows set aside at intake", {"record"}, {"quarantine"}),
        ("Rows counted as repeats", {"record"}, {"duplicate"}),
        ("Marks on records that count", {"record", "series"}, {"mark", "blank"}),
        ("Questions about a month", {"file"}, {"mark"}),
    ],
)
def test_every_check_is_explained_with_its_severity_and_only_those(heading, scopes, actions):
    words = {"error": "error", "warning": "warning", "info": "information"}
    wanted = [
        (f"`{code}`", words[check["severity"]])
        for code, check in CHECKS.items()
        if check["scope"] in scopes and check["action"] in actions
    ]
    rows = table_of(heading)
    assert [tuple(row[:2]) for row in rows] == wanted
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


def test_no_check_falls_between_the_tables():
    kinds = {(check["scope"], check["action"]) for check in CHECKS.values()}
    assert kinds <= {
        *(("record", action) for action in ("quarantine", "duplicate", "mark", "blank")),
        ("series", "mark"),
        ("file", "mark"),
    }


def test_every_other_rule_of_a_change_is_explained():
    source = (HOME / "istv_lib" / "_lineage.py").read_text(encoding="utf-8")
    named = set(re.findall(r'\(k, \w+, "(\w+)"', source)) - set(CHECKS)
    assert named
    kinds = [f"personal_{kind}" for kind in privacy.TOKENS]
    assert [rule for rule in [*sorted(named), *kinds] if f"`{rule}`" not in ERRORS] == []


def messages():
    """Return every text of the library with one sign in place of what is filled in."""
    found = []
    for path in sorted((HOME / "istv_lib").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_every_message_in_errors_md_is_one_of_the_code():
    told = ERRORS.split("## Files that are refused")[1]
    rows = re.findall(r"^\| (?!message|-)([^|]+) \|", told, re.MULTILINE)
    plain = [re.sub(r"\([^)]*\)", "…", row.replace("<…>", "…")) for row in rows]
    parts = [part.strip(" '.,:") for row in plain for part in re.split(r"[…;]", row)]
    source = messages()
    assert [part for part in parts if len(part) > 8 and part not in source] == []


def text_of(node):
    """Return a text of the code with … for what is filled in; nothing for other expressions."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def raised():
    """Yield what the library raises of its own errors: the text, up to what is to be done."""
    for path in sorted((HOME / "istv_lib").glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            given = {}
            for node in sorted(ast.walk(function), key=lambda n: getattr(n, "lineno", 0)):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    given[node.targets[0].id] = node.value
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                    name = ast.unparse(node.exc.func)
                    first = node.exc.args[0]
                    text = text_of(given.get(first.id, first) if isinstance(first, ast.Name) else first)
                    if name.startswith("errors.") and text:
                        yield path.name, re.split(r"[;:]", text)[0]


def test_every_error_of_the_library_is_explained():
    lost = []
    for where, text in raised():
        parts = [part.strip(" '.") for part in re.split("[…(,]", text)]
        parts = [part for part in parts if len(part) >= 10]
        if parts and not any(part in ERRORS for part in parts):
            lost.append(f"{where}: {text}")
    assert lost == []


def test_every_refusal_of_a_workbook_is_explained():
    tree = ast.parse((HOME / "istv_lib" / "_workbooks.py").read_text(encoding="utf-8"))
    texts = [text_of(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    refusals = [text.split(";")[0] for text in texts if "; " in text and " ask the site " in text]
    assert len(refusals) > 5
    assert [text for text in refusals if text not in ERRORS] == []


def test_no_document_code_or_setting_names_a_workplace():
    paths = [p for p in HOME.iterdir() if p.suffix in {".md", ".yml", ".yaml", ".toml", ".cff", ".lock"}]
    paths += [p for f in FOLDERS for p in (HOME / f).rglob("*") if p.suffix in {".md", ".py", ".yml", ".ipynb"}]
    found = [name(p) for p in paths if p != Path(__file__) and FOREIGN.search(p.read_text(encoding="utf-8"))]
    assert found == []
