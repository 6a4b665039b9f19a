"""The verb `istv geocode`: an answer in words for one text, and a file filled row by row; nothing is kept."""

import io

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from istv_lib import _placing, _texts_file, cli, errors, gazetteer, geocode, params, places, store

SITE = "R1H12"
ADDED = [*_texts_file.ADDED.values()]
ODD = [
    "",
    "NA",
    "007",
    "=1+1",
    "\U0001f600",
    "شارع",
    "a\x07b",
    "'; DROP TABLE x;--",
    "<b>x</b>",
    "x" * 255,
    "-5",
    "nan",
]
NAMES = gazetteer.embedded().query("kind == 'borough' or name.str.startswith('camden')")
VENUES = "name,easting,northing\nGilded Otter,535000,184500\n"


@pytest.fixture
def istv(tmp_path, monkeypatch):
    """Run the verb in a folder of its own, on some of the names that ship with the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(_placing, "names", lambda _: NAMES)
    return lambda *words: CliRunner().invoke(cli.app, ["geocode", *words], catch_exceptions=False)


def fill(istv, tmp_path, content, *words):
    (tmp_path / "in.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = istv("--input", "in.csv", "--output", "out.csv", *words)
    return pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False), done


def test_one_text_in_words(istv, tmp_path):
    told = istv("camden town statoin", "--site", SITE).stdout
    said = "Camden Town|(EPSG:27700)|Camden\n|spelt another way|Radius|probability|On a map|place names|method"
    assert [words for words in said.split("|") if words not in told] == []
    told = istv("at home otterword").stdout
    assert "no: at a home" in told
    assert "otterword" not in told
    assert "none" in istv("").stdout
    assert not list(tmp_path.rglob("*.parquet"))


def test_rows_order_and_columns_stay(istv, tmp_path):
    rows = pd.DataFrame({"id": [f"{i:03}" for i in range(len(ODD))], "Text ": ODD, "easting": "1", "site_code": SITE})
    out, done = fill(istv, tmp_path, rows.to_csv(index=False))
    assert list(out) == ["id", "Text ", "easting_given", "site_code", *ADDED]
    assert out["id"].tolist() == rows["id"].tolist()
    assert out["Text "].tolist() == [("'" + t) if t == "=1+1" else t for t in ODD]
    assert f"{len(ODD)} rows" in done.stdout
    first = (tmp_path / "out.csv").read_bytes()
    fill(istv, tmp_path, rows.to_csv(index=False))
    assert (tmp_path / "out.csv").read_bytes() == first
    assert "easting_given_given" in fill(istv, tmp_path, first)[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_a_place_has_whole_metres_and_none_has_none(istv, tmp_path):
    out, _ = fill(istv, tmp_path, 'text\nCamden Town station\n"at\nhome"\n\nzzz qqq\n')
    assert len(out) == 4
    assert out["text"].tolist()[1:3] == ["at home", ""]
    assert out["easting"].str.fullmatch(r"\d{6}").tolist() == [True, False, False, False]
    assert out.loc[0, ["precision_class", "borough_gss"]].tolist() == ["point", "E09000007"]
    assert set(out.loc[1:, "easting"]) == {""}
    assert "zzz" not in " ".join(out["explanation"])
    assert list(fill(istv, tmp_path, "text\n")[0]) == ["text", *ADDED]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), max_size=6))
def test_any_texts_in_any_chunks(tmp_path, texts):
    finder = geocode.Matcher(NAMES, places.shipped_sites(), rules=params.defaults())
    path, made = tmp_path / "any.csv", []
    pd.DataFrame({"n": range(len(texts)), "text": texts}).to_csv(path, index=False, lineterminator="\n", quoting=1)
    for rows in (_texts_file.ROWS, 4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_texts_file, "ROWS", rows)
            made.append(_texts_file.filled(path, "utf-8", finder, set(), lambda: None))
    assert made[0] == made[1]
    assert made[0][1]["rows"] == len(texts)
    out = pd.read_csv(io.BytesIO(made[0][0]), dtype=str, keep_default_na=False)
    assert out["n"].tolist() == [str(i) for i in range(len(texts))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(istv, tmp_path, encoding):
    out, _ = fill(istv, tmp_path, "text,who\nCafé – Camden,Zoë\n".encode(encoding))
    assert out.loc[0, ["text", "who"]].tolist() == ["Café – Camden", "Zoë"]
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf") == (encoding != "utf-8")


BAD = {
    "": "row 1, needs one column text.*found: none",
    "place,site_code\nx,y\n": "found: place, site_code",
    "o/s otter club,secret words\nx,y\n": "found: 2 that are no plain word",
    "text,Text\na,b\n": "needs one column text",
    "text,n\nsecret,1\nsecret\n": "Row 3 of 'in.csv' has 1 cells where row 1 has 2",
    'text\n"secret\n': "quotation mark",
    b"text\nse\x81cret\n": "neither UTF-8",
    "text\nsecret\n".encode("utf-16"): "neither UTF-8",
}


@pytest.mark.parametrize(("content", "told"), BAD.items())
def test_bad_files_are_refused_without_their_texts(istv, tmp_path, content, told):
    with pytest.raises(errors.IntakeError, match=told) as refusal:
        fill(istv, tmp_path, content)
    assert "secret" not in str(refusal.value)
    assert not (tmp_path / "out.csv").exists()


def test_sites(istv, tmp_path):
    out, done = fill(istv, tmp_path, f"text,site_code\nhome,{SITE}\nhome,ZZZ99\nhome, secret words\nhome,\n")
    assert len(out) == 4
    assert "2 rows have a site that is not on the roster and count as without one (ZZZ99)" in done.stderr
    with pytest.raises(errors.ParameterError, match="no site 'ZZZ99'"):
        istv("camden", "--site", "ZZZ99")


def test_what_cannot_be_asked(istv, tmp_path):
    (tmp_path / "in.csv").write_text("text\nx\n")
    both = ["--input", "in.csv", "--output", "./in.csv"]
    for words in ([], ["x", *both], ["--input", "in.csv"], ["--output", "x.csv"], [*both, "--site", SITE]):
        with pytest.raises(errors.ParameterError, match="Give"):
            istv(*words)
    with pytest.raises(errors.ParameterError, match="never written over"):
        istv(*both)
    with pytest.raises(errors.ParameterError, match=r"no file or folder no\.csv, in\.txt"):
        istv("--input", "in.txt", "--output", "b.csv", "--venues", "no.csv")
    (tmp_path / "taken").mkdir()
    with pytest.raises(errors.ParameterError, match="cannot be written"):
        istv("--input", "in.csv", "--output", "taken")


def test_sources_for_this_call(istv, tmp_path, monkeypatch):
    (tmp_path / "v.csv").write_text(VENUES)
    (tmp_path / "bad.csv").write_text("name,easting\nOtter,1\n")
    assert "Gilded Otter" not in istv("gilded otter pub").stdout
    done = istv("gilded otter pub", "--venues", "v.csv", "--venues", "bad.csv")
    assert "Gilded Otter" in done.stdout
    assert (done.exit_code, "Refused: 'bad.csv'" in done.stderr) == (1, True)
    own = store.root().reference / "gazetteer"
    own.mkdir(parents=True)
    (tmp_path / "v.csv").rename(own / "v.csv")
    assert "Gilded Otter" in istv("gilded otter pub").stdout
    monkeypatch.setattr(store.Root, "is_demo", property(lambda self: self.path.name == "root"))
    assert "Nothing of this is kept" in istv("gilded otter pub").stderr
