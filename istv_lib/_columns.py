"""What a table and a column are: part of :mod:`istv_lib.schema`, through which they are used."""

from __future__ import annotations

from dataclasses import dataclass

TEXT, COUNT, NUMBER, FLAG, TIME = "str", "Int64", "float64", "bool", "datetime64[us]"


@dataclass(frozen=True)
class Column:
    """One column: its type, meaning and, where there is a list, its permitted codes."""

    name: str
    dtype: str
    meaning: str
    codes: tuple[str, ...] = ()
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """One table: its name, what a row is, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]


def col(name: str, dtype: str, meaning: str, codes: list[str] | None = None, *, null: bool = True) -> Column:
    return Column(name, dtype, meaning, tuple(codes or ()), null)
