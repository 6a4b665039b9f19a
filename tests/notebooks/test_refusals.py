"""What must not be published or taken in: it is refused in a sentence, and stops nothing else."""

import re
import shutil

import nbformat
import pandas as pd
import pytest

from istv_lib import clearance, errors, publish, run, scan, store
from tests.notebooks.demo import LAMBETH, copied, istv

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        ("print('x')", "stamp"),
        ("import pandas; pandas.DataFrame({'a': [1]})", "stamp"),
        ("import matplotlib.pyplot as plt; plt.plot([1, 2])", "stamp"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("import os; os._exit(9)", "ended early"),
    ],
    ids=["print", "bare DataFrame", "plain matplotlib", "an error", "a killed process"],
)
def test_a_notebook_with_a_stray_output_fails_with_1_stays_restricted_and_stops_no_other(
    home, inside, say, tmp_path, ending, why
):
    other = copied(home, tmp_path / "spoilt", "restricted", "hub", "partner")
    path = other / "notebooks" / "40_borough_profile.ipynb"
    notebook = nbformat.read(path, as_version=4)
    only_lambeth = "exit" in ending or "/ 0" in ending
    spoilt = f"if p.area.slug == 'lambeth':\n    {ending}" if only_lambeth else ending
    notebook.cells.append(nbformat.v4.new_code_cell(spoilt))
    nbformat.write(notebook, path)
    where = inside(other)
    code, out, _ = say(other, "run", "--notebook", "40", "--audience", "public", *([] if only_lambeth else LAMBETH))
    assert code == 1
    assert why in out
    runs = {r["id"]: r for r in run.manifest(where, "2024-12")["runs"]}
    spoiled = runs.pop("40_borough_profile__lambeth__public")
    assert spoiled["status"] == "failed"
    assert why in spoiled["why"]
    assert {r["status"] for r in runs.values()} == ({"done"} if only_lambeth else set())
    publish.publish(where, "2024-12")
    assert not (other / "outputs" / "hub" / "lambeth" / "2024-12").exists()


def test_with_the_gate_off_the_scan_finds_the_counts_and_no_hub_is_made(home, inside, tmp_path, monkeypatch):
    other = copied(home, tmp_path / "open", "restricted", "hub", "partner", "incoming", "ledger.jsonl")
    path = other / "parameters" / "disclosure.yml"
    gate = path.read_text(encoding="utf-8")
    assert gate.count("  public: nhs_hes\n") == 1
    path.write_text(gate.replace("  public: nhs_hes\n", "  public: internal_exact\n"), encoding="utf-8")
    where, found, check = inside(other), [], scan.check
    for name in ("decide", "verify"):
        monkeypatch.setattr(clearance, name, lambda *_: {})
    monkeypatch.setattr(scan, "check", lambda *given: found.extend(check(*given)) or found)
    jobs = run.plan(where, "2024-12", notebook="30", audience="public", area="london")
    assert [r["status"] for r in run.execute(jobs, where, "2024-12", tick=id)] == ["done"]
    with pytest.raises(errors.PublishError, match="The scan of the hub refused, and nothing was changed"):
        publish.publish(where, "2024-12", ["public"])
    assert not where.hub.exists()
    folder = "london/2024-12/v1"
    for name in ("weapons-SYNTHETIC.csv", "week-SYNTHETIC.csv", "boroughs-SYNTHETIC.csv", "index.html"):
        assert [hit for hit in found if f"'{folder}/{name}'" in hit and "exact count" in hit], (name, found)


def test_a_tampered_notebook_is_not_published(home, say, tmp_path):
    other = copied(home, tmp_path / "tampered", "hub")
    path = other / "outputs" / "restricted" / "2024-12" / "40_borough_profile__lambeth__public.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("attendances", "attendance", 1), encoding="utf-8")
    code, out, _ = say(other, "publish")
    assert code == 1
    assert "is not the one that was run" in out
    assert not (other / "outputs" / "hub" / "lambeth" / "2024-12").exists()
    assert (other / "outputs" / "hub" / "southwark" / "2024-12").exists()


class TestBadFiles:
    """Each bad file stops only itself, with one sentence that names it."""

    @pytest.fixture
    def other(self, home, tmp_path):
        return copied(home, tmp_path / "bad", "hub", "partner", "restricted", "police")

    def test_real_files_unknown_sites_and_unreadable_files(self, other):
        drop = other / "outputs" / "incoming"
        (drop / "SYN02" / "mine.csv").write_text("Arrival,Where\n01/12/2024,SECRET PLACE\n", encoding="utf-8")
        (drop / "RYJ01").mkdir()
        (drop / "RYJ01" / "dec.csv").write_text("a,b\n", encoding="utf-8")
        done = istv(other, "intake", ISTV_DATA=str(other / "outputs"))
        assert done.returncode == 1
        assert "'mine.csv' in incoming/SYN02 is not one of the files that the synthetic London wrote" in done.stdout
        assert "'dec.csv' in incoming/RYJ01 is not one of the files" in done.stdout
        assert "SECRET" not in done.stdout + done.stderr
        held = pd.read_parquet(other / "outputs" / "store" / "submissions.parquet")
        assert (held["status"] == "accepted").sum() > 100

    def test_outside_the_demo_an_unknown_site_an_empty_file_and_a_missing_column(self, other, tmp_path):
        root = tmp_path / "london"
        shutil.copytree(other / "outputs", root)
        drop = root / "incoming"
        (drop / "RYJ99").mkdir()
        (drop / "RYJ99" / "dec.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        text = min(p for p in drop.glob("SYN*/*.csv") if p.read_bytes()[:1].isalpha())
        (text.parent / f"{text.stem} (2).csv").write_bytes(b"")
        (text.parent / f"{text.stem} (3).csv").write_text("Colour,Shape\nred,round\n", encoding="utf-8")
        done = istv(other, "intake", ISTV_DATA=str(root))
        assert done.returncode == 1
        assert "'RYJ99', the folder of 'dec.csv', is not on the roster" in done.stdout
        assert re.search(r"Refused: .*\(2\)\.csv' is empty", done.stdout)
        assert re.search(r"Refused: .*\(3\)\.csv' has no header row of layout", done.stdout)
        assert "round" not in done.stdout

    def test_a_root_of_both_kinds_is_never_published(self, other, inside, say):
        where = inside(other)
        events = pd.read_parquet(next((where.store / "events" / "source=btp").glob("*.parquet")))
        store.save(where, "events", events.assign(synthetic=False), source="btp")
        assert say(other, "run", "--area", "lambeth")[0] == 0
        code, _, err = say(other, "publish")
        assert code == 2
        assert "holds both real and synthetic rows, which are never published" in err
        assert not where.hub.exists()
        assert say(other, "publish", "--audience", "partner")[0] == 0
        page = (where.partner / "2024-12" / "lambeth" / "index.html").read_text(encoding="utf-8")
        assert "MIXED REAL AND SYNTHETIC" in page
