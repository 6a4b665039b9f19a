"""The ISTV workbook: hospital assault records to safe, honest monthly pages.

One noun per module; a module imports lower floors only (see ``docs/adr/0001-floors.md``).
"""

__version__ = "0.1.0"
