"""The hub's own pages by address: their door, heading, template, description and further words for the search."""

from __future__ import annotations

from typing import NamedTuple


class Own(NamedTuple):
    """One of the hub's own pages: entry of the navigation, heading, template, description, further search words."""

    door: str
    heading: str
    template: str
    description: str
    also: str = ""


PAGES = {
    "index.html": Own(
        "",
        "Violence seen in London's emergency departments",
        "index.html.j2",
        "How many people came to a London emergency department after an assault, by borough and month. "
        "Management information, not official statistics.",
    ),
    "boroughs/index.html": Own(
        "boroughs",
        "Boroughs",
        "boroughs.html.j2",
        "Attendances at emergency departments because of assault in each of London's 33 boroughs, month by month.",
        "trend table compare list",
    ),
    "health-professionals/index.html": Own(
        "health",
        "For health professionals",
        "health.html.j2",
        "What to record when a patient was assaulted, why each item matters, and what comes back to the hospital.",
        "hospital reception triage nurse doctor record ed a&e",
    ),
    "analysts/index.html": Own(
        "analysts",
        "For analysts",
        "analysts.html.j2",
        "How to use the published numbers: files, columns, symbols and a worked reading.",
        "researchers data csv columns schema symbols",
    ),
    "partnerships/index.html": Own(
        "partners",
        "For partnerships",
        "partners.html.j2",
        "What each product answers for community safety partnerships, the Mayor's Office for Policing and Crime and "
        "the Violence Reduction Unit, and when it comes.",
        "mopac vru police community safety council licensing",
    ),
    "cases/index.html": Own(
        "cases",
        "Case studies",
        "cases.html.j2",
        "What stood out, what was done about it, and whether it made a difference.",
        "sara scanning analysis response assessment cardiff",
    ),
    "about/index.html": Own(
        "about",
        "About and resources",
        "about.html.j2",
        "What the programme is and where it comes from; wider resources, licence, privacy and accessibility.",
        "history licence privacy accessibility support cardiff help",
    ),
    "misleading/index.html": Own(
        "analysts",
        "How these numbers can mislead",
        "misleading.html.j2",
        "Ways in which a true number about violence can leave a false impression, and what to do instead.",
        "limits caution warning rank compare rate",
    ),
    "methods/index.html": Own(
        "analysts",
        "Methods and limits",
        "methods.html.j2",
        "How the numbers on these pages are made, and what they cannot say.",
        "coverage expected range rounding police",
    ),
    "downloads/index.html": Own(
        "analysts",
        "Downloads",
        "downloads.html.j2",
        "Every published table of the newest month as a CSV file, with its size and description.",
        "csv data files json",
    ),
    "calendar/index.html": Own(
        "about",
        "Release calendar",
        "calendar.html.j2",
        "When the next months are due, and what came out when.",
        "dates upcoming next release",
    ),
    "revisions/index.html": Own(
        "about",
        "Revisions and withdrawals",
        "revisions.html.j2",
        "Every page that was published again or withdrawn, with the date and the reason.",
        "corrections changes versions",
    ),
    "months/index.html": Own(
        "about",
        "All pages by month",
        "months.html.j2",
        "Every month that has been published, with the permanent address of each page.",
        "archive earlier older",
    ),
}
NO_LONDON = Own("london", "London", "nothing.html.j2", "The page of London has not been published yet.")
