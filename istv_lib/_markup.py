"""XML of the ISTV minimum data set to rows of cells: the period first, then one row per assault group.

A helper of :mod:`istv_lib._readers`. The schema of the standard is not public, so no element name is fixed: the
records are the repeated element that holds most of the layout's names. Names are compared by their letters and
digits; namespaces do not count. Declarations of entities are refused before anything is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from istv_lib import errors

Row = list[Any]
HEADER = 2  # index of the row of names
_PERIOD = ("reporting period start date", "reporting period end date", "site code of treatment")


def letters(name: Any) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, str(name).casefold()))


def rows(
    content: bytes, filename: str, known: Collection[str], headings: Sequence[str], rules: Mapping[str, Any]
) -> list[Row]:
    """Read an XML file.

    Parameters
    ----------
    content, filename : bytes, str
        The file and its name.
    known : collection of str
        Names of the layout's columns as :func:`letters` spells them.
    headings : sequence of str
        One name of each column of a layout of the minimum data set; empty for other layouts.
    rules : mapping
        Thresholds: ``xml_depth_most``, ``xml_attributes_most``, ``xml_elements_most``.

    Returns
    -------
    list of list
        Names and values of the elements outside the records that hold something; names of the elements inside;
        one row per record, None where an element is absent or empty. Of an element that a record repeats the
        first is taken. A file that holds a reporting period and nothing else gets the headings as its names, so
        that it reads as a month without records, as a text file with a header and no record does.

    Raises
    ------
    errors.IntakeError
        For a file that is not well-formed, is nested too deep or too large, declares entities, or is a
        spreadsheet or web page in XML.
    """
    root = _tree(content, filename, rules)
    kind = letters(root.name)
    if kind in {"html", "workbook"}:
        said = "a web page" if kind == "html" else "a spreadsheet in the XML form of 2003"
        msg = f"'{filename}' is {said}, which cannot be read as records; ask the site to save it as .xlsx or .csv."
        raise errors.IntakeError(msg)
    records = _records(root, set(known))
    within = {id(record) for record in records}
    opening = {name: value for name, value in _first_of_each(_leaves(root, within)).items() if value}
    tables = [_first_of_each(_leaves(record, set())) for record in records]
    names = list(dict.fromkeys(name for table in tables for name in table))
    if not records and _only_a_period(root):
        names = list(headings)
    return [list(opening), list(opening.values()), names, *([table.get(name) for name in names] for table in tables)]


class _Element:
    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[_Element] = []
        self.text: list[str] = []

    def value(self) -> str | None:
        return "".join(self.text).strip() or None


class _TooMuchError(Exception):
    """More depth, attributes or elements than a file of one month has."""


class _Builder:
    """Build the tree and stop when it grows beyond bounds."""

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._most = [rules[f"xml_{what}_most"] for what in ("depth", "attributes", "elements")]
        self._open = [_Element("")]
        self._count = 0
        self._words: dict[str, str] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        found = (len(self._open), len(attributes), self._count)
        if any(count > most for count, most in zip(found, self._most, strict=True)):
            raise _TooMuchError
        if tag not in self._words:
            self._words[tag] = _in_words(tag.rpartition("}")[2])
        element = _Element(self._words[tag])
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].text.append(text)

    def close(self) -> _Element:
        return self._open[0].children[0]


def _in_words(name: str) -> str:
    """Return a name in words, so that it can be read like the heading of a table."""
    known = next((period for period in _PERIOD if letters(period) == letters(name)), "")
    return known or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_.-]+", " ", name).strip()


def _tree(content: bytes, filename: str, rules: Mapping[str, Any]) -> _Element:
    body = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    skipped = content[: len(content) - len(body)].count(b"\n")
    parser = defusedxml.ElementTree.DefusedXMLParser(target=_Builder(rules), forbid_dtd=True)
    try:
        parser.feed(body)
        return parser.close()
    except _TooMuchError:
        msg = f"'{filename}' is nested deeper or has more elements than a month's file; ask the site what it sent."
    except DefusedXmlException:
        msg = (
            f"'{filename}' declares a document type or entities, as no month's file does; do not open it, ask the "
            "site what it sent."
        )
    except defusedxml.ElementTree.ParseError as error:
        line = error.position[0] + skipped
        msg = f"Line {line} of '{filename}' is not well-formed XML; ask the site to export the file again."
    except (ValueError, LookupError):
        msg = f"'{filename}' declares an encoding that cannot be read; ask the site to export it as UTF-8."
    raise errors.IntakeError(msg)


def _leaves(element: _Element, without: set[int]) -> Iterator[_Element]:
    """Yield the elements that hold values, in order, leaving out those inside other records."""
    for child in element.children:
        if id(child) in without:
            continue
        if child.children:
            yield from _leaves(child, without)
        else:
            yield child


def _first_of_each(leaves: Iterator[_Element]) -> dict[str, str | None]:
    out: dict[str, str | None] = {}
    for leaf in leaves:
        out.setdefault(leaf.name, leaf.value())
    return out


def _records(root: _Element, known: set[str]) -> list[_Element]:
    """Return the elements that are records: those of the path that holds most known names.

    Of two paths that hold the same names the one with more elements wins, then the inner one.
    """
    known = known - {letters(name) for name in _PERIOD}
    places: dict[tuple[str, ...], list[_Element]] = {}
    held: dict[tuple[str, ...], set[str]] = {}
    spelled: dict[str, str] = {}

    def gather(element: _Element, path: tuple[str, ...]) -> set[str]:
        places.setdefault(path, []).append(element)
        if not element.children:
            name = spelled.setdefault(element.name, letters(element.name))
            return {name} & known
        names = set().union(*(gather(child, (*path, child.name)) for child in element.children))
        held.setdefault(path, set()).update(names)
        return names

    gather(root, (root.name,))
    best = max(held, key=lambda path: (len(held[path]), len(places[path]), len(path)), default=None)
    return places[best] if best and held[best] else []


def _only_a_period(root: _Element) -> bool:
    """Whether all that is written stands beside the start of the reporting period."""
    written = {leaf.name for leaf in _leaves(root, set()) if leaf.value()}
    groups, found = [root], False
    while groups and not found:
        group = groups.pop()
        groups += group.children
        beside = {child.name for child in group.children if not child.children}
        found = _PERIOD[0] in beside and written <= beside
    return found
