"""Squares for QGIS: released cells alone, in the right place, the same bytes each time."""

import csv
import io
import sqlite3

import geopandas as gpd
import pytest

from istv_lib import _geopackage, places

SIDES = {"": 250, "proportion_test": 500}


def row(**more):
    told = dict.fromkeys(_geopackage.TEXTS, "") | {"stratum_dim": "cell", "stratum": "E537500N174750", "value": "12"}
    return told | {"measure": "incidents_around", "method": "lattice_test", "synthetic": "True"} | more


TABLES = {
    "top": [row(), row(measure="p_hot", value="0.97", lower="0.9"), row(stratum="E538000N174750", value="7")],
    "sources": [row(method="proportion_test", measure="source_ratio", stratum="E537500N174500", value="1.8")],
    "venues": [row(stratum_dim="venue", stratum="E537500N174750: The Arms")],
    "unmapped": [row(stratum_dim="", stratum="", value="0.4"), row(value="")],
}


@pytest.fixture(scope="module")
def squares():
    return _geopackage.rows(TABLES, SIDES, "OFFICIAL-SENSITIVE")


def test_cells_with_a_figure_go_in_and_nothing_else(squares):
    assert [(r["layer"], r["cell"], r["side_m"]) for r in squares] == [
        ("top", "E537500N174750", 250), ("top", "E537500N174750", 250), ("top", "E538000N174750", 250),
        ("sources", "E537500N174500", 500),
    ]  # fmt: skip
    assert b"Arms" not in _geopackage.to_gpkg(squares) + _geopackage.to_csv(squares)


@pytest.mark.filterwarnings("ignore")
def test_qgis_readers_find_squares_of_the_lattice_in_the_national_grid(squares, tmp_path):
    path = tmp_path / "squares.gpkg"
    path.write_bytes(_geopackage.to_gpkg(squares))
    layers = gpd.list_layers(path)
    assert sorted(layers["name"]) == ["sources_source_ratio", "top_incidents_around", "top_p_hot"]
    assert set(layers["geometry_type"]) == {"Polygon"}
    held = gpd.read_file(path, layer="top_incidents_around")
    assert held.crs.to_epsg() == 27700
    assert held.geometry.area.tolist() == [250.0**2] * 2
    assert held.geometry.bounds.iloc[0, :2].tolist() == list(places.cell_origin("E537500N174750"))
    assert held["value"].tolist() == [12, 7]
    assert set(held["marking"]) == {"OFFICIAL-SENSITIVE"}


def test_the_same_squares_give_the_same_bytes(squares):
    assert _geopackage.to_gpkg(squares) == _geopackage.to_gpkg(squares)
    assert _geopackage.to_csv(squares) == _geopackage.to_csv(squares)


def test_the_file_is_a_sound_geopackage(squares, tmp_path):
    path = tmp_path / "squares.gpkg"
    path.write_bytes(_geopackage.to_gpkg(squares))
    with sqlite3.connect(path) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert base.execute("SELECT count(*) FROM gpkg_spatial_ref_sys").fetchone() == (3,)
    base.close()


def test_the_csv_tells_corner_and_side(squares):
    first = next(csv.DictReader(io.StringIO(_geopackage.to_csv(squares).decode())))
    assert (first["x"], first["y"], first["side_m"], first["synthetic"]) == ("537500", "174750", "250", "True")
