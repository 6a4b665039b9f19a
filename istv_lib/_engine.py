"""Execute a notebook's cells in this process, as a papermill engine: no kernel, no port, a third of the time.

Each notebook gets a process of its own (see ``run``), forked from a server that has only imported the library, so
that nothing is shared between notebooks. Importing this module is what that server does.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import nbformat
import papermill
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from papermill.engines import Engine, NotebookExecutionManager, papermill_engines
from traitlets.config import Config

from istv_lib import coverage, disclosure, evaluate, figures, hotspots, maps, monitor, quality, store, tables, words

WARM = (coverage, disclosure, evaluate, figures, hotspots, maps, monitor, quality, store, tables, words)
NAME = "istv-inline"


class Shell(InteractiveShell):
    """IPython's shell without a terminal or an event loop."""

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
    shown: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    shell.display_pub = CapturingDisplayPublisher(shell=shell)
    shell.display_pub.outputs = shown
    shell.displayhook = shell.display_trap.hook = CapturingDisplayHook(shell=shell, outputs=results)
    printed, complained = io.StringIO(), io.StringIO()
    count = shell.execution_count
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        outcome = shell.run_cell(cell.source, store_history=True)
    cell.execution_count = count
    cell.outputs = [
        *(
            _stream(name, text.getvalue())
            for name, text in (("stdout", printed), ("stderr", complained))
            if text.getvalue()
        ),
        *(nbformat.v4.new_output("display_data", data=o["data"], metadata=o["metadata"]) for o in shown),
        *(
            nbformat.v4.new_output("execute_result", data=o["data"], metadata=o["metadata"], execution_count=count)
            for o in results
        ),
    ]
    raised = outcome.error_before_exec or outcome.error_in_exec
    if raised is not None:
        names = {"ename": type(raised).__name__, "evalue": str(raised), "traceback": []}
        cell.outputs = [nbformat.v4.new_output("error", **names)]
    return raised


def _stream(name: str, text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)


papermill_engines.register(NAME, InlineEngine)
__all__ = ["NAME", "InlineEngine", "papermill"]
