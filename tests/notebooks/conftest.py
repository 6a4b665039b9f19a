"""One small demonstration for all tests of notebooks, and ways to work in a home as a person would."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

from istv_lib import cli, params, store
from tests.notebooks.demo import istv, make_home


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A project home with the small demonstration, made once for all workers: read it, and write to a copy only."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    home, made = shared / "home", shared / "home.made"
    with (shared / "home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(home, ignore_errors=True)
            done = istv(make_home(home), "demo", "--small", TZ="UTC", PYTHONHASHSEED="1")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "First page: " in done.stdout
            made.touch()
    return home


@pytest.fixture
def inside(monkeypatch):
    """Work in this process as if in a home, on its demo root."""

    def go(home: Path) -> store.Root:
        monkeypatch.setenv("ISTV_HOME", str(home))
        monkeypatch.delenv("ISTV_DATA", raising=False)
        params._read.cache_clear()
        return store.root()

    yield go
    params._read.cache_clear()


@pytest.fixture
def here(home, inside):
    return inside(home)


@pytest.fixture
def say(inside, monkeypatch, capsys):
    """Say a command in this process, which starts no other; its exit code, output and errors."""

    def spoken(home: Path, *words: str) -> tuple[int, str, str]:
        inside(home)
        monkeypatch.chdir(home)
        monkeypatch.setattr(sys, "argv", ["istv", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, *capsys.readouterr()

    return spoken
