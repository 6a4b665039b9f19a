"""Parameters are refused in one sentence before anything runs."""

import types

import pytest

from istv_lib import errors, params


def test_every_threshold_has_value_unit_reason_source_and_decider(rules):
    assert len(rules) > 10
    assert all(rules.why(name) for name in rules)


def test_an_unknown_threshold_names_its_neighbour(rules):
    with pytest.raises(errors.ParameterError, match="did you mean coverage_full"):
        rules["coverage_ful"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"area": "camden", "month": "2024-13", "audience": "public"}, "'2024-13' is not a month"),
        ({"area": "Camdem", "month": "latest", "audience": "public"}, "(?i)did you mean camden"),
        ({"bourough": "x", "area": "camden", "month": "latest", "audience": "public"}, "'bourough' is not a parameter"),
        ({"area": "camden", "month": "latest", "audience": "internal"}, "Audience 'internal'"),
        ({"area": "camden", "month": "latest"}, "needs a value for audience"),
        ({"area": 3, "month": "latest", "audience": "public"}, "3"),
        ({"area": "camden", "month": 202412, "audience": "public"}, "202412"),
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(given, message):
    with pytest.raises(errors.ParameterError, match=message):
        params.check("40_borough_profile", given)


def test_an_unknown_notebook_is_refused():
    with pytest.raises(errors.ParameterError, match="did you mean 40_borough_profile"):
        params.check("40_borough_profil", {})


def test_in_a_notebook_only_the_cells_before_the_check_count():
    given = {
        "In": [
            "",
            'area = "camden"\nmonth = "latest"\naudience = "public"',
            'p = store.settle("40", globals())',
            "held = 3",
        ],
        "area": "camden",
        "month": "latest",
        "audience": "public",
        "held": 3,
        "store": types,
        "p": 1,
    }
    assert params.check("40_borough_profile", given).area.slug == "camden"
    given["In"][1] += '\nbourough = "x"'
    given["bourough"] = "x"
    with pytest.raises(errors.ParameterError, match="bourough"):
        params.check("40_borough_profile", given)


def test_settings_know_their_last_whole_year():
    given = {"area": "camden", "month": "2024-06", "audience": "public"}
    assert params.check("40_borough_profile", given).year == "2023"


def test_parameter_files_that_are_not_there_name_those_that_are():
    with pytest.raises(errors.ParameterError, match="no parameter file"):
        params.file("cases/nothing")


def test_the_code_version_needs_no_git_and_ignores_line_endings():
    assert len(params.code_version()) == 12
    assert params.code_version() == params.code_version()


def test_a_run_draws_from_a_seed_of_the_thresholds_and_knows_for_whom_it_is():
    settings = params.check("40_borough_profile", {"area": "camden", "month": "2024-12", "audience": "partner"})
    assert settings.partner
    assert settings.rng("chance_seed").random() == settings.rng("chance_seed").random()
