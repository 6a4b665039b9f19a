"""How long the stages take, side by side in one run, and the in-process engine against a Jupyter kernel.

Run it from the project folder: ``.venv/bin/python benchmarks/demo.py [--full]``. It works in a temporary folder and
prints a table; times depend on the machine, the ratios much less.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import papermill

from istv_lib import params, pipeline, publish, run, store


def timed(name, work, times):
    """Do some work and note its seconds."""
    start = time.perf_counter()
    result = work()
    times[name] = time.perf_counter() - start
    return result


def kernel(where, month, folder):
    """Execute one borough page with a Jupyter kernel."""
    notebook = params.home() / "notebooks" / "40_borough_profile.ipynb"
    parameters = {"area": "lambeth", "month": month, "audience": "partner"}
    papermill.execute_notebook(
        str(notebook), str(folder / "kernel.ipynb"), parameters, progress_bar=False, cwd=str(notebook.parent)
    )


def main():
    """Time the stages and print them."""
    scale = "full" if "--full" in sys.argv else "small"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ISTV_DATA"] = str(Path(folder) / "root")
        where, times = store.root(), {}
        timed("write the synthetic London", lambda: pipeline.write_synthetic(where, scale=scale), times)
        timed("read police files", lambda: pipeline.import_police(where, pipeline.police_files(where)), times)
        timed("take in hospital files", lambda: pipeline.take_in(where), times)
        timed("place records, derive tables", lambda: pipeline.derive(where), times)
        month = run.newest(where)
        jobs = run.plan(where, month)
        one = [j for j in jobs if j.id == "40_borough_profile__lambeth__partner"]
        timed("one notebook, in process", lambda: run.execute(one, where, month, workers=1, tick=id), times)
        timed(
            "the same, again from a warm server",
            lambda: run.execute(one, where, month, workers=1, force=True, tick=id),
            times,
        )
        timed("the same, Jupyter kernel", lambda: kernel(where, month, Path(folder)), times)
        timed(f"all {len(jobs)} notebooks", lambda: run.execute(jobs, where, month, tick=id), times)
        timed("publish", lambda: publish.publish(where, month), times)
    for name, seconds in times.items():
        print(f"{seconds:7.1f} s  {name}")
    ratio = times["the same, Jupyter kernel"] / times["the same, again from a warm server"]
    print(f"{ratio:7.1f}    times as long with a Jupyter kernel as in process")


if __name__ == "__main__":
    main()
