"""Execute a notebook's cells in this process, as a papermill engine: no kernel, no port, a third of the time.

Each notebook gets a process of its own (see ``run``), forked from a server that has only imported the library, so
that nothing is shared between notebooks. Importing this module is what that server does.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any, ClassVar

import geopandas
import nbformat
import papermill
from IPython.core import magics
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from traitlets import Type
from traitlets.config import Config

from istv_lib import (
    coverage,
    disclosure,
    evaluate,
    feedback,
    figures,
    hotspots,
    maps,
    monitor,
    quality,
    store,
    tables,
    words,
)

WARM = (coverage, disclosure, evaluate, feedback, figures, hotspots, maps, monitor, quality, store, tables, words)
WARM += (geopandas, magics)  # which maps and the shell import at their first use, too late to be shared
NAME = "istv-inline"


class Results(DisplayHook):
    """Keep what a cell ends in."""

    def start_displayhook(self) -> None:
        """Print no prompt."""

    def write_output_prompt(self) -> None:
        """Print no prompt."""

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        """Keep the value in all its forms."""
        count = self.shell.execution_count
        self.shell.kept.append(
            nbformat.v4.new_output("execute_result", data=format_dict, metadata=md_dict or {}, execution_count=count)
        )

    def finish_displayhook(self) -> None:
        """Print no line end."""


class Displays(DisplayPublisher):
    """Keep what a cell displays."""

    def publish(self, data: dict, metadata: dict | None = None, **_: Any) -> None:
        """Keep the data in all its forms."""
        self.shell.kept.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata or {}))


class Shell(InteractiveShell):
    """IPython's shell without a terminal or an event loop; ``kept`` holds the outputs of the running cell."""

    displayhook_class = Type(Results)
    display_pub_class = Type(Displays)
    kept: ClassVar[list[nbformat.NotebookNode]] = []

    def enable_gui(self, gui: object = None) -> None:
        """Do nothing: there is no window."""


class InlineEngine(Engine):
    """Run the code cells in order in one shell, and stop at the first that raises."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **_: Any) -> None:
        """Execute every code cell and keep its outputs, as a kernel would."""
        shell = Shell(config=Config({"HistoryManager": {"enabled": False}}), colors="nocolor")
        for index, cell in enumerate(nb_man.nb.cells):
            nb_man.cell_start(cell, index)
            if cell.cell_type == "code" and cell.source.strip():
                error = _run(shell, cell)
                if error is not None:
                    nb_man.cell_exception(cell, index, exception=error)
                    return
            nb_man.cell_complete(cell, index)


def _run(shell: Shell, cell: nbformat.NotebookNode) -> BaseException | None:
    """Run one cell: fill its outputs and count, and return what it raised."""
    shell.kept.clear()
    printed = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    cell.execution_count = shell.execution_count
    with contextlib.redirect_stdout(printed["stdout"]), contextlib.redirect_stderr(printed["stderr"]):
        outcome = shell.run_cell(cell.source, store_history=True)
    streams = [_stream(name, text.getvalue()) for name, text in printed.items() if text.getvalue()]
    cell.outputs = [*streams, *shell.kept]
    raised = outcome.error_before_exec or outcome.error_in_exec
    if raised is not None:
        names = {"ename": type(raised).__name__, "evalue": str(raised), "traceback": []}
        cell.outputs = [nbformat.v4.new_output("error", **names)]
    return raised


def _stream(name: str, text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)


papermill_engines.register(NAME, InlineEngine)
__all__ = ["NAME", "InlineEngine", "papermill"]
