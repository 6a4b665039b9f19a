"""What the verbs of intake show, write and refuse."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from istv_lib import _show, cli, errors, extract, pipeline, schema, store
from tests.unit.test_pipeline import FIRST, OTHER, SECOND, given, put, where  # noqa: F401 - fixtures


@pytest.fixture
def istv(where, monkeypatch):  # noqa: F811
    """Return a function that runs a verb on that root and returns exit code and what it shows."""
    monkeypatch.setenv("ISTV_DATA", str(where.path))
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words):
        done = CliRunner().invoke(cli.app, list(words))
        if isinstance(done.exception, Exception) and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return run


def submissions(count, **columns):
    """Return accepted files without anything to note."""
    base = {"site_code": "SYN02", "month": "2024-01", "synthetic": True, "received": "2024-02-01", "status": "accepted"}
    frame = pd.DataFrame({"submission_id": [f"s{i:03d}" for i in range(count)]})
    frame = frame.assign(file=frame["submission_id"] + ".csv", zero_declared=False, rows_physical=9, **base)
    return schema.conform(frame.assign(rows_accepted=8, rows_quarantined=0, **columns), "submissions")


def line(text, start):
    """Return the cells of the line of a table that starts so."""
    found = next(row for row in text.splitlines() if row.startswith(start))
    return [cell.strip() for cell in found.split("│")]


def test_intake_shows_a_line_per_new_file_then_the_summary(istv, where):  # noqa: F811
    put(where, *FIRST)
    put(where, "bad.csv", "2024-02-11", "refuse")
    code, text = istv("intake")
    assert code == 1
    assert [cell.strip() for cell in text.splitlines()[1].split("┃")] == _show.FILE_HEADS
    assert line(text, "SYN02/first.csv") == ["SYN02/first.csv", "2024-01", "accepted", "4", "2", "1", "0", "0", ""]
    assert line(text, "SYN02/bad.csv")[:4] == ["SYN02/bad.csv", "", "refused", ""]
    assert "2 attendances of 1 sites in use" in text
    assert "Refused: 'bad.csv' is not one that we read." in text
    (where.incoming / "SYN02" / "bad.csv").unlink()
    put(where, *SECOND)
    code, text = istv("intake")
    assert (code, "SYN02/first.csv" in text, "SYN02/second.csv" in text) == (0, False, True)
    code, text = istv("intake")
    assert "No new file." in text
    code, text = istv("intake", "--all")
    assert line(text, "SYN02/first.csv")[2] == "superseded"


def test_again_tells_what_has_left_the_tables(istv, where):  # noqa: F811
    put(where, *FIRST)
    put(where, *OTHER)
    istv("intake")
    (where.incoming / "SYN02" / "other.csv").unlink()
    code, text = istv("intake", "--again")
    assert code == 0
    assert "no longer in the drop folders, and so no longer in the tables: 1 files." in text


def test_equal_refusals_are_told_once_with_their_number(istv, where):  # noqa: F811
    put(where, *FIRST)
    for name in ("a.csv", "b.csv"):
        (where.incoming / "RYJ99").mkdir(exist_ok=True)
        put(where, name, "2024-02-11", "x", site="RYJ99")
    code, text = istv("intake")
    assert (code, text.count("Refused")) == (1, 2)


def test_of_many_new_files_those_with_the_most_to_note_are_listed(capsys):
    many = submissions(60)
    many.loc[[5, 50], "rows_quarantined"] = [1, 7]
    many.loc[59, "status"] = "refused"
    account = pd.DataFrame(
        {"submission_id": ["s050"] * 5, "reason": ["", "a_b", "c", "d", "e"], "rows": [8, 1, 3, 2, 1]}
    )
    _show.files(many, account, everything=False)
    text = capsys.readouterr().out
    assert [row.split("│")[0].strip() for row in text.splitlines() if row.startswith("SYN02")] == [
        "SYN02/s059.csv", "SYN02/s050.csv", "SYN02/s005.csv"
    ]  # fmt: skip
    assert line(text, "SYN02/s050.csv")[-1] == "c 3, d 2, a b 1"
    assert "Not listed: 57 with nothing to note; `istv intake --all` lists every file." in text
    many["rows_duplicate"] = 1
    _show.files(many, account, everything=False)
    text = capsys.readouterr().out
    assert text.count("SYN02/") == _show.FILES_MOST
    assert "Not listed: 20 more with something to note and 0 with nothing to note" in text
    _show.files(many, account, everything=True)
    assert capsys.readouterr().out.count("SYN02/") == 60


def test_forty_files_are_all_listed_even_when_clean(capsys):
    _show.files(submissions(40), schema.empty("reconciliation"), everything=False)
    text = capsys.readouterr().out
    assert text.count("SYN02/") == 40
    assert "Not listed" not in text


def test_a_profile_is_drafted_to_the_screen_or_a_new_file(istv, where, tmp_path, monkeypatch):  # noqa: F811
    seen = []
    monkeypatch.setattr(cli._draft, "draft", lambda content, **k: seen.append(k["site"]) or "site: x\n")
    put(where, *FIRST)
    file = where.incoming / "SYN02" / "first.csv"
    assert istv("profile", str(file)) == (0, "site: x\n")
    out = tmp_path / "new.yml"
    assert (
        "check every line before intake uses it" in istv("profile", str(file), "--site", "RYJ01", "--out", str(out))[1]
    )
    assert out.read_text() == "site: x\n"
    assert seen == ["SYN02", "RYJ01"]
    with pytest.raises(errors.ParameterError, match=r"'new\.yml' exists already and is not written over"):
        istv("profile", str(file), "--out", str(out))
    with pytest.raises(errors.ParameterError, match="is not on the roster; give the site's code as --site"):
        istv("profile", str(out))
    with pytest.raises(errors.ParameterError, match="No file at"):
        istv("profile", str(tmp_path / "nothing.csv"))


def test_a_past_day_is_told_with_what_is_of_now(istv, where, tmp_path):  # noqa: F811
    put(where, *FIRST)
    istv("intake")
    code, text = istv("as-of", "2024-02-10", str(tmp_path / "then"))
    assert code == 0
    assert "1 files and 2 attendances, as known on 2024-02-10" in text
    assert pipeline.OTHERS_AS_THEY_ARE in text
    assert len(store.load("conformed", where=store.root(tmp_path / "then"))) == 2


def test_chasing_and_extracts_name_sites_for_the_team(istv, where, given, monkeypatch):  # noqa: F811
    given["hospitals/SYN05"] = {"contact": "ed@syn05.example"}
    put(where, "a.csv", "2024-02-10", "2024-01", "k1,fist,x", site="SYN05")
    put(where, *FIRST)
    put(where, *OTHER)
    istv("intake")
    text = istv("status", "--chase")[1]
    assert line(text, "SYN05")[2:] == ["late", "1", "2024-02", "2024-02", "ed@syn05.example"]
    frame = pd.DataFrame({"month": ["2024-01"]})
    made = extract.Extract(frame, frame, frame, frame, "partner", "r", "id", "synthetic", {"SYN05": "other_purpose"})
    monkeypatch.setattr(extract, "table", lambda *_, **__: made)
    text = istv("extract", "--area", "lambeth", "--month", "2024-01", "--on", "2024-06-01")[1]
    assert "Left out: SYN05, other purpose." in text
    assert "1 attendances (synthetic) are in" in text
