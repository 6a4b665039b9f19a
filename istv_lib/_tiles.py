"""Map tiles under a picture, where the analyst has asked for them; the one module that imports contextily.

A helper of :mod:`istv_lib._basemap`. ``parameters/maps.yml`` says which tiles: of a file below ``reference/`` of the
root, which asks nobody, or of a provider, who then knows which place is looked at.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from istv_lib import errors, params, places, store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NONE = "none"


def add(axis: Axes) -> str:
    """Draw the tiles of ``parameters/maps.yml`` under an axis in EPSG:27700; return their attribution, or nothing.

    Raises
    ------
    errors.ParameterError
        When there is neither such a file below ``reference/`` nor such a provider.
    """
    told = params.file("maps")
    name = str(told["tiles"] or NONE)
    if name == NONE:
        return ""
    import contextily  # noqa: PLC0415 - takes a second, and only those who ask for tiles need it

    path = store.root().reference / name
    source = str(path) if path.is_file() else _provider(name, contextily.providers)
    contextily.add_basemap(axis, crs=places.BNG, source=source, attribution=False, zorder=0)
    return told["attribution"] or ("" if path.is_file() else str(source.get("attribution", "")))


def _provider(name: str, known: object) -> dict:
    try:
        return reduce(lambda part, key: part[key], name.split("."), known)
    except (KeyError, TypeError):
        msg = (
            f"There are no tiles '{name}': neither a file of that name in reference/ of the root nor a provider; "
            "mend tiles in parameters/maps.yml, or write none."
        )
        raise errors.ParameterError(msg) from None
