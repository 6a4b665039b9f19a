"""Each way to run a notebook: cell by cell in a kernel, by bare papermill, by the command line."""

import os
import re
import subprocess
import sys

import nbformat
import pytest

pytestmark = pytest.mark.slow


def test_nbval_runs_every_notebook_on_its_defaults(here, home):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", str(home / "notebooks")],
        cwd=home, env=os.environ | {"ISTV_HOME": str(home), "ISTV_DATA": str(here.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d{2} passed", done.stdout)


def test_a_kernel_and_our_engine_give_the_same_outputs(here, home, tmp_path):
    import papermill  # noqa: PLC0415

    os.environ["ISTV_DATA"] = str(here.path)
    made = papermill.execute_notebook(
        str(home / "notebooks" / "40_borough_profile.ipynb"), str(tmp_path / "o.ipynb"),
        {"area": "lambeth", "month": "2024-12", "audience": "partner"}, progress_bar=False, cwd=str(home / "notebooks"),
    )  # fmt: skip
    ours = nbformat.read(here.restricted / "2024-12" / "40_borough_profile__lambeth__partner.ipynb", as_version=4)

    def shown(notebook):
        outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
        return [(o.output_type, o.metadata.istv.digest) for o in outputs]

    assert shown(made) == shown(ours)
    assert len(shown(ours)) >= 14


def test_bare_papermill_with_a_misspelt_parameter_is_refused(home, tmp_path):
    given = ["40_borough_profile.ipynb", str(tmp_path / "o.ipynb"), "-p", "bourough", "Camden"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *given],
        cwd=home / "notebooks",
        env=os.environ | {"ISTV_HOME": str(home), "ISTV_DATA": str(home / "outputs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ParameterError: 'bourough' is not a parameter of 40_borough_profile" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "--month", "2024-13"), "'2024-13' is not a month"),
        (("run", "--month", "2031-01"), "The store holds"),
        (("run", "--area", "Camdem"), "Did you mean camden"),
        (("run", "-p", "bourough", "Camden"), "'bourough' is not a parameter"),
        (("run", "--site", "XYZ99"), "no site 'XYZ99'"),
        (("run", "--notebook", "99"), "no notebook '99'"),
        (("run", "--audience", "press"), "no audience 'press'"),
        (("run", "-p", "month", "2024-05"), "Give 'month' as --month"),
        (("events", "import", "police", "nothing.csv"), "No police street file at nothing.csv"),
        (("synth", "inside"), "lies inside the checkout"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence_with_exit_code_2(home, say, words, told):
    code, out, err = say(home, *words)
    assert code == 2
    assert told in err
    assert "Traceback" not in err + out
    assert len(err.strip().splitlines()) == 1
