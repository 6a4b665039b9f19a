"""Which pages the browser looks at, the browser itself, and the table of what it found."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

from istv_lib import places
from tests.browser import devtools

HEADS = ("page type", "KB", "tables", "figures", "key stops", "print pages", "axe violations", "axe undecided")
FOUND = pytest.StashKey[dict]()
WANTED = "hub,public london,public borough,public case,public withdrawn,partner borough,partner hospital".split(",")
MISSING = (
    "No Chromium was found: install it (on Debian and Ubuntu: apt-get install chromium), "
    "or name one with CHROMIUM=/path/to/chromium."
)
RELEASE = re.compile(r"hub/([^/]+)/(?:latest|\d{4}-\d\d/v\d+)/index.html|partner/[^/]+/([^/]+)/index.html")
BOROUGHS = "|".join(places.boroughs()["slug"])


def sort_of(way, text):
    """Return a page's type from its way below the root: hub pages by name, others by what they are about."""
    if way.startswith("restricted"):
        return "internal " + Path(way).name.split("__")[0]
    if not (release := RELEASE.fullmatch(way)):
        return way.removesuffix("/index.html").replace("/", " ")
    if re.search(r"<h1[^>]*>[^<]*withdrawn", text, re.IGNORECASE):
        return "public withdrawn"
    about = re.sub(rf"^({BOROUGHS})(?=-|$)", "borough", release[1] or release[2])
    about = re.sub(r"^[a-z]+\d+", "hospital", re.sub("^case-.*", "case", about))
    return f"{'public' if release[1] else 'partner'} {about}"


def sorts():
    """Return the largest page of each type below ISTV_BROWSER, the root whose pages are looked at."""
    top, best = Path(os.environ.get("ISTV_BROWSER", "nowhere")), {}
    pages = [page for part in ("hub", "partner", "restricted") for page in top.glob(f"{part}/**/*.html")]
    for page in sorted(pages, key=lambda p: (-p.stat().st_size, p)):
        best.setdefault(sort_of(page.relative_to(top).as_posix(), page.read_text(encoding="utf-8")), page)
    return dict(sorted(best.items()))


def pytest_generate_tests(metafunc):
    """Run a check once for each page type; without pages it stays one check, which is skipped."""
    if "sort" in metafunc.fixturenames:
        metafunc.parametrize("sort", list(sorts()) or ["every page type"], scope="session")


@pytest.fixture(scope="session")
def pages():
    """The pages by type; a root without a hub ends the run with a sentence."""
    if "hub" not in (held := sorts()):
        pytest.exit(f"There is no hub in {os.environ['ISTV_BROWSER']}: make one first with istv demo.", returncode=2)
    return held


@pytest.fixture
def page(pages, sort):
    """The page of a type."""
    return pages[sort]


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, from the installed wheel that holds it."""
    if (spec := importlib.util.find_spec("axe_playwright_python")) is None:
        pytest.exit("axe-core is not installed: use make axe.", returncode=2)
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """One browser for the whole run."""
    if not (binary := devtools.find()):
        pytest.exit(MISSING, returncode=2)
    browser = devtools.Chromium(binary, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def note(request, sort):
    """What the table at the end says of a page type."""
    return request.config.stash.setdefault(FOUND, {}).setdefault(sort, {})


def pytest_terminal_summary(terminalreporter, config):
    """Print page type against what was found."""
    found = config.stash.get(FOUND, {})
    rows = [HEADS, *((sort, *(str(row.get(head, "")) for head in HEADS[1:])) for sort, row in sorted(found.items()))]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if found else []:
        terminalreporter.write_line("  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)).rstrip())
    if found and (absent := sorted(set(WANTED) - set(found))):
        terminalreporter.write_line(f"This root has no page of these types: {', '.join(absent)}.")
