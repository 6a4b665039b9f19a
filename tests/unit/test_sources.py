"""Place-name files as users download them: what is read, what is left out and counted, what is refused."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from typer.testing import CliRunner

from istv_lib import _sources, cli, errors, gazetteer, places, schema, store

TRAFALGAR = (530000, 180400)
FAR = (400000, 300000)


def read(reader, text, name="made.csv"):
    table, account = _sources.READERS[reader](io.BytesIO(text if isinstance(text, bytes) else text.encode()), name)
    schema.check(table, "gazetteer")
    assert account["rows_in"] == sum(n for reason, n in account.items() if reason != "rows_in")
    return table, account


def named(table, kind):
    return set(table.loc[table["kind"] == kind, "name"])


class TestVenues:
    """A plain list of named places."""

    TEXT = (
        "Name,Easting,Northing,Type,Radius_m,Address1,address2,Postcode\n"
        "The Crown & Anchor Inn (Harvester),530000,180400,,,12-14 Mare St,Bow,E8 1AA\n"
        'Blues Kitchen at the Old Yard,530100,180400,Bar,80,"Unit 2, 5 Well Street",,\n'
        ",530000,180400,,,,,\n"
        "Nightclub,530200,180400,,,Forest Hill,,\n"
        "Swan,400000,300000,,,,,\n"
        "Bell,,,,,,,\n"
    )

    def test_rows_are_kept_or_counted(self):
        assert read("venues", self.TEXT)[1] == {
            "rows_in": 6, "kept": 3, "no_name": 1, "no_point": 1, "outside_london": 1
        }  # fmt: skip

    def test_names_as_people_type_them_and_the_streets_of_addresses(self):
        table = read("venues", self.TEXT)[0]
        crown = table[(table["kind"] == "venue") & (table["x"] == 530000)]
        full = "the crown and anchor inn harvester"
        assert set(crown["name"]) >= {full, "the crown and anchor inn", "crown and anchor"}
        assert crown["place"].nunique() == 1
        assert crown.loc[crown["alias"] == "official", "name"].tolist() == [full]
        assert set(crown["display"]) == {"The Crown & Anchor Inn (Harvester)"}
        assert "blues kitchen" in named(table, "venue")
        assert "nightclub" not in named(table, "venue")
        kitchen = table[(table["kind"] == "venue") & (table["x"] == 530100)].iloc[0]
        assert kitchen[["type", "radius_m"]].tolist() == ["bar", 80]
        assert set(table.loc[table["kind"] == "street", "display"]) == {"Mare St", "Well Street"}

    def test_degrees_are_read_too_and_other_spellings(self):
        table, _ = read("venues", "VENUE NAME,Long,Lat\nSwan,-0.1280,51.5080\n")
        assert (abs(table["x"].iloc[0] - 529950), abs(table["y"].iloc[0] - 180450)) < (200, 200)
        assert table["borough_gss"].tolist() == ["E09000033"]

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("title,easting,northing\nSwan,530000,180400\n", "lacks the column name"),
            ("name,easting\nSwan,530000\n", "easting and northing, or longitude"),
            ("name,easting,northing\nSwan,-0.128,51.508\n", "British National Grid"),
            ("name,easting,northing\nSwan,-14250,6711000\n", "British National Grid"),
            ("name,longitude,latitude\nSwan,530000,180400\n", "in degrees"),
            ("name,longitude,latitude\nSwan,51.508,-0.128\n", "in degrees"),
            ("name,easting,northing\nSwan,180400,530000\n", "in or near Greater London"),
            ("name,easting,northing\n", "in or near Greater London"),
            ("", "cannot be read as a CSV"),
            ("name,easting,northing\nCafé,530000,180400\n".encode("utf-16"), "not in UTF-8"),
            ("name,easting,northing\nCafé,530000,180400\n".encode("cp1252"), "not in UTF-8"),
        ],
    )
    def test_wrong_files_are_refused_in_one_sentence(self, text, match):
        with pytest.raises(errors.IntakeError, match=match) as caught:
            read("venues", text)
        assert str(caught.value).startswith("'made.csv'")
        assert "Swan" not in str(caught.value)


def open_name(name, local, x=530000, y=180400, wide=0, high=0):
    cells = [""] * 34
    cells[:3] = "osgb1", "http://data.ordnancesurvey.co.uk/id/1", name
    cells[7], cells[8], cells[9] = local, str(x), str(y)
    cells[12:16] = [str(v) for v in (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)]
    return ",".join(cells)


class TestOrdnanceSurvey:
    """OS Open Names and OS Open Greenspace."""

    def test_open_names_by_kind(self):
        lines = [
            open_name("Mare Street", "Named Road", wide=600, high=800),
            open_name("Cat Hill", "Section Of Named Road"),
            open_name("Main Road", "Named Road"),
            open_name("A10", "Numbered Road"),
            open_name("Dalston", "Suburban Area", wide=1200, high=1600),
            open_name("London", "City", wide=60000, high=60000),
            open_name("Brixton Station", "Railway Station"),
            open_name("E8 1AB", "Postcode"),
            open_name("Homerton Hospital", "Hospital"),
            open_name("Mossbourne Academy", "Secondary Education"),
            open_name("Epping Wood", "Woodland Or Forest"),
            open_name("Far Road", "Named Road", *FAR),
        ]
        table, account = read("OS Open Names", "\n".join(lines))
        assert account == {
            "rows_in": 12, "kept": 7, "kind_not_used": 2, "everyday_name": 1, "too_wide": 1, "outside_london": 1
        }  # fmt: skip
        assert named(table, "street") == {"mare street", "cat hill"}
        assert named(table, "station") == {"brixton", "brixton station"}
        assert named(table, "area") == {"dalston"}
        assert named(table, "postcode") == {"e8 1ab"}
        assert named(table, "hospital") == {"homerton hospital"}
        assert set(table.loc[table["kind"] == "venue", "type"]) == {"school"}
        radius = table.drop_duplicates("name").set_index("name")["radius_m"]
        assert radius[["mare street", "cat hill", "dalston"]].tolist() == [500, 100, 1000]

    def test_a_tile_elsewhere_is_read_and_gives_nothing(self):
        table, account = read("OS Open Names", open_name("Far Road", "Named Road", *FAR))
        assert (len(table), account["outside_london"]) == (0, 1)

    def test_another_number_of_columns_is_refused(self):
        with pytest.raises(errors.IntakeError, match="has 3 columns, OS Open Names 34"):
            read("OS Open Names", "a,b,c\n")

    @staticmethod
    def parks(crs="EPSG:27700", middle=TRAFALGAR):
        shapes = [shapely.Point(middle).buffer(200), shapely.Point(middle).buffer(10)]
        rows = {"distName1": ["Well Street Common", None], "function": "Public Park Or Garden"}
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=crs)

    def test_named_greenspace_is_a_park_as_wide_as_its_area(self, tmp_path):
        access = gpd.GeoDataFrame({"id": ["1"]}, geometry=[shapely.Point(TRAFALGAR)], crs="EPSG:27700")
        access.to_file(tmp_path / "sites.gpkg", layer="access_point")
        self.parks().to_file(tmp_path / "sites.gpkg", layer="greenspace_site")
        table, account = read("OS Open Greenspace", (tmp_path / "sites.gpkg").read_bytes())
        assert account == {"rows_in": 2, "kept": 1, "no_name": 1}
        assert table[["name", "kind", "type", "x", "y"]].to_numpy().tolist() == [
            ["well street common", "venue", "park", *TRAFALGAR]
        ]
        assert abs(table["radius_m"].iloc[0] - 200) < 2

    def test_greenspace_in_degrees_is_converted_and_other_grids_are_refused(self, tmp_path):
        lonlat = self.parks()
        lonlat["geometry"] = shapely.transform(
            lonlat.geometry.to_numpy(), lambda p: pd.DataFrame(places.to_wgs84(*p.T)).T.to_numpy()
        )
        content = lonlat.set_crs("EPSG:4326", allow_override=True).to_json().encode()
        table, _ = read("OS Open Greenspace", content, "sites.geojson")
        assert table[["x", "y"]].to_numpy().tolist() == [list(TRAFALGAR)]
        self.parks("EPSG:3857").to_file(tmp_path / "sites.gpkg")
        with pytest.raises(errors.IntakeError, match="EPSG:27700"):
            read("OS Open Greenspace", (tmp_path / "sites.gpkg").read_bytes())
        with pytest.raises(errors.IntakeError, match="map file"):
            read("OS Open Greenspace", b"nothing")
        self.parks().drop(columns="distName1").to_file(tmp_path / "access.gpkg")
        with pytest.raises(errors.IntakeError, match="distName1"):
            read("OS Open Greenspace", (tmp_path / "access.gpkg").read_bytes())


class TestPostcodes:
    """Units from Code-Point Open and the ONS directories; sectors and outcodes from units."""

    UNITS = "".join(f'"E8  1A{letter}",10,{530000 + 10 * i},180400,E,,,,E09,E05\n' for i, letter in enumerate("BDEFGH"))

    def test_code_point(self):
        table, account = read("Code-Point Open", self.UNITS + "E8 2AB,90,0,0,E,,,,E09,E05\nnothing,1,2,3,,,,,,\n")
        assert account == {"rows_in": 8, "kept": 6, "postcode_unreadable": 1, "no_point": 1}
        assert (table["name"].iloc[0], table["display"].iloc[0], table["type"].iloc[0]) == ("e8 1ab", "E8 1AB", "unit")

    @pytest.mark.parametrize("heads", ["pcds,oseast1m,osnrth1m,doterm", "PCDS,EAST1M,NORTH1M,DOTERM"])
    def test_directories_in_both_spellings(self, heads):
        text = f"pcd,{heads}\nx,E8 1AB,530000,180400,\nx,E8 1AD,530000,180400,202001\nx,AB1 1AB,390000,800000,\n"
        table, account = read("postcode directory", text)
        assert account == {"rows_in": 3, "kept": 1, "ended": 1, "outside_london": 1}
        assert table["source"].tolist() == ["ONS postcode directory"]

    def test_a_lacking_column_is_named_with_those_found(self):
        with pytest.raises(errors.IntakeError, match=r"lacks the column osnrth1m .*found: pcds, oseast1m"):
            read("postcode directory", "pcds,oseast1m\nE8 1AB,530000\n")

    def test_sectors_and_outcodes_are_means_with_nine_tenths_within(self):
        units = read("Code-Point Open", self.UNITS + "E8 2AB,10,532000,180400,E,,,,E09,E05\n")[0]
        found = _sources.districts(units).set_index("name")
        assert found["type"].to_dict() == {"e8": "outcode", "e8 1": "sector", "e8 2": "sector"}
        assert found.loc["e8 1", ["x", "y", "radius_m"]].tolist() == [530025, 180400, 100]
        assert 300 < found.loc["e8", "radius_m"] < 1800
        assert (found["kind"] == "district").all()
        assert _sources.districts(gazetteer.build()).empty


class TestFoodHygiene:
    """Ratings in XML or CSV."""

    ROWS = (
        ("The Swan", "Pub/bar/nightclub", "9 Mare Street", "-0.1280", "51.5080"),
        ("Burger Van", "Mobile caterer", "", "-0.1280", "51.5080"),
        ("Hidden", "Takeaway/sandwich shop", "Well Street", "", ""),
    )
    TAGS = ("BusinessName", "BusinessType", "AddressLine1", "Longitude", "Latitude")

    def xml(self):
        body = ""
        for row in self.ROWS:
            *told, lon, lat = [f"<{t}>{v}</{t}>" for t, v in zip(self.TAGS, row, strict=True)]
            body += f"<EstablishmentDetail>{''.join(told)}<Geocode>{lon}{lat}</Geocode></EstablishmentDetail>"
        return f"<FHRSEstablishment><EstablishmentCollection>{body}</EstablishmentCollection></FHRSEstablishment>"

    def csv(self):
        return "\n".join(",".join(row) for row in (self.TAGS, *self.ROWS))

    @pytest.mark.parametrize("form", ["xml", "csv"])
    def test_both_forms_say_the_same(self, form):
        table, account = read("food hygiene", getattr(self, form)())
        assert account == {"rows_in": 3, "kept": 1, "no_fixed_place": 1, "no_point": 1}
        assert named(table, "venue") == {"the swan", "swan"}
        assert named(table, "street") == {"mare street"}
        assert set(table.loc[table["kind"] == "venue", "type"]) == {"pub"}

    @pytest.mark.parametrize("text", ["<FHRSEstablishment><Est", "<a/>", "BusinessName,BusinessType\nSwan,Pub\n"])
    def test_wrong_files_are_refused(self, text):
        with pytest.raises(errors.IntakeError, match="made"):
            read("food hygiene", text)


class TestStops:
    """NaPTAN: junctions and stations."""

    HEAD = "ATCOCode,CommonName,Street,Crossing,Easting,Northing,StopType,Status\n"

    def test_stops_name_streets_and_stations(self):
        text = self.HEAD + (
            "1,Mare Street / Well St,High Road,Bow Road,530000,180400,BCT,active\n"
            "2,Town Hall,,,530000,180400,BCT,active\n"
            "3,Grove Road,,,530000,180400,BCT,inactive\n"
            "4,Brixton Underground Station,,,530000,180400,TMU,act\n"
            "5,Brixton Underground Station,,,530100,180400,TMU,\n"
            "6,Bank DLR Station,Poultry,,532000,181000,MET,active\n"
        )
        table, account = read("NaPTAN", text)
        assert account == {"rows_in": 6, "kept": 4, "not_in_use": 1, "names_no_street": 1}
        assert named(table, "street") == {"mare street", "well street", "high road", "bow road"}
        assert named(table, "station") == {"brixton", "brixton station", "bank dlr station", "bank dlr"} - {
            "bank dlr",
            "bank dlr station",
        } | {"bank station"}
        assert set(table.loc[table["name"] == "bank station", "type"]) == {"dlr"}
        assert table.loc[table["kind"] == "station", "place"].nunique() == 2


@pytest.mark.parametrize(
    ("head", "reader"),
    [
        (open_name("Mare Street", "Named Road"), "OS Open Names"),
        (TestPostcodes.UNITS, "Code-Point Open"),
        ("pcd,pcd2,pcds,oseast1m\n", "postcode directory"),
        (TestStops.HEAD, "NaPTAN"),
        ("\ufeffCrime ID,Month,Reported by\n", "police"),
        (TestFoodHygiene().xml(), "food hygiene"),
        (TestFoodHygiene().csv(), "food hygiene"),
        ("name,address1,longitude,latitude\n", "venues"),
        ("SQLite format 3\0", "OS Open Greenspace"),
        ("name,colour\n", ""),
        ("", ""),
        ("PK\3\4\0\1", ""),
    ],
)
def test_files_are_recognised_by_their_content(head, reader):
    assert _sources.recognise(head.encode(), "x.csv") == reader


# ---- the verb --------------------------------------------------------------------------------------------


@pytest.fixture
def where(tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "reference" / "gazetteer").mkdir(parents=True)
    monkeypatch.setenv("ISTV_DATA", str(root))
    return store.root()


def build(*words):
    return CliRunner().invoke(cli.app, ["gazetteer", "build", *map(str, words)])


def refused(*words):
    """Return the error with which `istv gazetteer build` ends."""
    done = build(*words)
    assert isinstance(done.exception, errors.ISTVError)
    return str(done.exception), done.output


class TestVerb:
    """`istv gazetteer build`."""

    def test_named_and_lying_files_go_into_one_table(self, where, tmp_path):
        (tmp_path / "pubs.csv").write_text(TestVenues.TEXT, encoding="utf-8")
        tiles = where.reference / "gazetteer" / "names"
        tiles.mkdir()
        (tiles / "tq38.csv").write_text(open_name("Bow Road", "Named Road"), encoding="utf-8")
        with zipfile.ZipFile(where.reference / "gazetteer" / "code.zip", "w") as archive:
            archive.writestr("Data/e.csv", TestPostcodes.UNITS)
            archive.writestr("Doc/heads.csv", "a,b\n")
        (where.reference / "gazetteer" / "stops.csv.gz").write_bytes(
            gzip.compress((TestStops.HEAD + "1,Cat Hill / Well St,,,530000,180400,BCT,\n").encode())
        )
        done = build("--venues", tmp_path / "pubs.csv")
        assert done.exit_code == 0, done.output
        for words in ("OS Open Names", "Code-Point Open", "NaPTAN", "outside london 1", "restates the whole series"):
            assert words in done.output
        table = store.load("gazetteer", where=where)
        schema.check(table, "gazetteer")
        assert {"mare street", "bow road", "cat hill"} <= named(table, "street")
        assert {"e8", "e8 1"} == named(table, "district")
        assert gazetteer.version(table) in done.output

    def test_shapefiles_in_a_zip(self, where, tmp_path):
        folder = tmp_path / "shapes"
        folder.mkdir()
        TestOrdnanceSurvey.parks().to_file(folder / "TQ_GreenspaceSite.shp")
        with zipfile.ZipFile(tmp_path / "green.zip", "w") as archive:
            for part in folder.iterdir():
                archive.write(part, f"data/{part.name}")
        assert build("--greenspace", tmp_path / "green.zip").exit_code == 0
        assert named(store.load("gazetteer", where=where), "venue") == {"well street common"}

    def test_a_file_nobody_knows_is_named_and_the_rest_is_kept(self, where):
        (where.reference / "gazetteer" / "odd.csv").write_text("colour\nred\n", encoding="utf-8")
        (where.reference / "gazetteer" / "pubs.csv").write_text(TestVenues.TEXT, encoding="utf-8")
        done = build()
        assert done.exit_code == 1
        assert "'odd.csv' is not a file of place names" in done.output
        assert len(store.load("gazetteer", where=where))

    def test_nothing_to_read(self, where, tmp_path):
        assert "No file is named" in refused()[0]
        assert "absent.csv" in refused("--venues", tmp_path / "absent.csv")[0]
        (where.reference / "gazetteer" / "odd.csv").write_text("colour\nred\n", encoding="utf-8")
        assert "as it was" in refused()[0]
        assert not (where.store / "gazetteer.parquet").exists()

    def test_the_demo_takes_no_real_files(self, where, tmp_path, monkeypatch):
        monkeypatch.setattr(store.Root, "is_demo", property(lambda _: True))
        (tmp_path / "pubs.csv").write_text(TestVenues.TEXT, encoding="utf-8")
        assert "the demo takes no real files" in refused("--venues", tmp_path / "pubs.csv")[1]
        assert not (where.store / "gazetteer.parquet").exists()


@pytest.mark.real
@pytest.mark.skipif("ISTV_REAL_DATA" not in os.environ, reason="ISTV_REAL_DATA does not point at the real data")
def test_real_files(where):
    data = Path(os.environ["ISTV_REAL_DATA"])
    done = build("--police", data / "police", "--venues", data / "gazetteer" / "london_pubs_2019.csv.gz")
    assert done.exit_code == 0
    assert "4,098" in done.output
    table = store.load("gazetteer", where=where)
    police = table[table["source"] == "data.police.uk"]
    assert len(named(police, "street")) >= 12_000
    assert len(named(table, "venue")) > 2_900
