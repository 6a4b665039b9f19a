"""The drawing surface: size, type, colours and the bytes of a picture, the same on every machine.

Importing it gives matplotlib the house style.
"""

from __future__ import annotations

import base64
import io

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from istv_lib._block import Block, marker
from istv_lib.disclosure import Released

BLUE, ORANGE = "#12436D", "#F46A25"
HIGHLIGHT = "#9E0059"
INK, QUIET, GRID, BAND, CONTEXT = "#353D42", "#595959", "#D8D8D8", "#E3EAF1", "#BFBFBF"
EDGE = "#6B7F92"  # thin lines that must be seen: borders of areas and of the expected range
CLASSES = ("#E3EAF1", "#B5C8DB", "#7A9EC0", "#3F6F9F", "#12436D")
DPI = 144

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "ytick.major.size": 0,
    "axes.axisbelow": True,
    "svg.hashsalt": "istv",
}


mpl.rcParams.update(STYLE)


def surface(
    width: float = 6.2, height: float = 3.6, rows: int = 1, heights: tuple[float, ...] | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure of that many inches with one axis per row, in the house style; ``heights`` are relative."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis in axes:
        axis.grid(axis="y", color=GRID, linewidth=0.8)
        axis.tick_params(labelsize=11)
    return figure, list(axes)


def png(figure: Figure, mark: str) -> str:
    """Return the picture as base64 PNG with at most 96 colours; ``mark`` is printed above it."""
    if mark:
        room = 0.24 / figure.get_size_inches()[1]
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - room))
        figure.text(0.995, 0.995, mark, ha="right", va="top", fontsize=9, fontweight="bold", color=HIGHLIGHT)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    picture = Image.open(raw).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    picture.save(small, format="PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode("ascii")


def framed(
    kind: str,
    name: str,
    figure: Figure,
    released: Released,
    title: str,
    alt: str,
    *,
    heading: str = "",
    note: str = "",
    drawn: str = "",
) -> Block:
    """Return a drawn figure as a stamped block, marked when its data are not real."""
    mark = marker(released)
    data = {"image/png": png(figure, mark)}
    title, alt = (f"{mark}. {text}" if mark else text for text in (title, alt))
    return Block(kind, name, data, released, title=title, alt=alt, heading=heading, note=note, drawn=drawn)


def blank(name: str, released: Released, title: str, told: str, *, kind: str = "figure") -> Block:
    """Return a grey panel that says why there is no picture."""
    figure, (axis,) = surface(height=1.6)
    axis.set_facecolor("#F4F4F4")
    axis.grid(visible=False)
    axis.set(xticks=[], yticks=[])
    axis.text(0.5, 0.5, f"{told}.", ha="center", va="center", fontsize=12, color=QUIET, transform=axis.transAxes)
    return framed(kind, name, figure, released, title, f"Empty panel. {title}. {told}.", heading=told)
