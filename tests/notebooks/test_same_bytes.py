"""The small London made twice: elsewhere it gives the same bytes, and again it changes nothing."""

import re

import pytest

from tests.notebooks.demo import copied, digests, istv, make_home

pytestmark = pytest.mark.slow


def test_a_second_home_with_another_clock_and_hash_seed_gives_the_same_bytes(home, tmp_path):
    other = make_home(tmp_path / "elsewhere")
    done = istv(other, "demo", "--small", TZ="Asia/Tokyo", PYTHONHASHSEED="77", LC_ALL="C")
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(other / "outputs" / "hub") == digests(home / "outputs" / "hub")


def test_doing_it_again_runs_nothing_and_changes_nothing(home, tmp_path):
    other = copied(home, tmp_path / "again")
    before = digests(other / "outputs" / "hub")
    done = istv(other, "demo", "--small")
    assert done.returncode == 0
    assert re.search(r"skipped\s*│\s*\d+", done.stdout)
    assert not re.search(r"done\s*│", done.stdout)
    assert digests(other / "outputs" / "hub") == before == digests(home / "outputs" / "hub")
