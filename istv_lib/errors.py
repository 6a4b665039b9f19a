"""The errors an analyst can meet.

Each message is one sentence that says what was found, where (file, row number, column: never a record's
text) and what to do next. ``docs/errors.md`` lists them with cause and cure. They are shown without a
traceback; anything else that is raised is a bug.
"""


class ISTVError(Exception):
    """Base of all errors that a person can mend."""


class ParameterError(ISTVError):
    """A month, area, site, notebook, threshold or parameter name that cannot be used."""


class IntakeError(ISTVError):
    """A file that cannot be taken in: unreadable, empty, of an unknown site, missing a column."""


class StoreError(ISTVError):
    """A root that must not be used, or a table that is not there yet."""


class DisclosureError(ISTVError):
    """Something that has not passed, or cannot pass, the disclosure gate."""


class PublishError(ISTVError):
    """A page that must not leave the restricted side."""
