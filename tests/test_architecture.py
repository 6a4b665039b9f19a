"""The floors: a module imports lower floors only; the middle is pure; modules and functions stay small."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "istv_lib"
FLOORS = {
    "errors": 0,
    "schema": 1, "months": 1, "places": 1,
    "params": 2,
    "store": 3, "agreements": 3, "releases": 3,
    "synth": 4, "privacy": 4, "gazetteer": 4,
    "intake": 5, "geocode": 5, "agencies": 5,
    "harmonise": 6, "review": 6,
    "tally": 7,
    "quality": 8, "coverage": 8, "accuracy": 8,
    "monitor": 9, "supply": 9, "hotspots": 9, "evaluate": 9, "feedback": 9,
    "blocks": 9, "compare": 9, "concentration": 9, "repeats": 9,
    "suppression": 8, "attack": 9,
    "disclosure": 10,
    "clearance": 11, "figures": 11, "maps": 11, "tables": 11, "words": 11, "extract": 11,
    "pipeline": 12, "run": 12, "scan": 12,
    "publish": 13,
    "datastore": 14,
    "cli": 15,
}  # fmt: skip
PURE = {name for name, floor in FLOORS.items() if 4 <= floor <= 9}
DISK = {"pathlib", "os", "tempfile", "shutil", "datetime.now", "time"}


def modules():
    return sorted(p for p in PACKAGE.glob("*.py") if p.stem != "__init__")


def imported(path):
    """Yield the istv_lib modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "istv_lib":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("istv_lib."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("istv_lib."))


def floor_of(name, graph, seen=()):
    """Floor of a public module; a private one stands just below the lowest module that uses it, if any does."""
    if name in FLOORS:
        return FLOORS[name]
    users = [m for m, uses in graph.items() if name in uses and m not in seen]
    return min((floor_of(m, graph, (*seen, name)) for m in users), default=max(FLOORS.values())) - 0.1


def faults(graph):
    """Return each import that does not go down."""
    return [
        f"{name} (floor {floor_of(name, graph)}) imports {used} (floor {floor_of(used, graph)})"
        for name, uses in graph.items()
        for used in uses
        if floor_of(used, graph) >= floor_of(name, graph)
    ]


def graph():
    return {p.stem: set(imported(p)) for p in modules()}


def test_every_module_has_a_floor_and_every_floor_a_module():
    assert {p.stem for p in modules() if not p.stem.startswith("_")} == set(FLOORS)


def test_modules_import_lower_floors_only():
    assert faults(graph()) == []


@pytest.mark.parametrize(
    ("name", "used"), [("schema", "store"), ("intake", "run"), ("coverage", "monitor"), ("words", "publish")]
)
def test_an_import_upwards_is_found(name, used):
    changed = graph()
    changed[name] = changed[name] | {used}
    assert any(f"{name} (floor" in fault and f"imports {used}" in fault for fault in faults(changed))


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_middle_touches_no_disk_and_no_clock(name):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert not names & DISK
    called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    assert not called & {"now", "today", "utcnow", "default_rng", "seed"} - (
        {"default_rng"} if name == "synth" else set()
    )


def test_modules_stay_under_450_lines_and_functions_under_50():
    long = [f"{p.name}: {n}" for p in modules() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 450]
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                if node.end_lineno - first.lineno + 1 > 50:
                    long.append(f"{path.name}: {node.name} {node.end_lineno - first.lineno + 1}")
    assert long == []
