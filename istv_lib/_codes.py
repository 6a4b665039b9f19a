"""Code lists of the tables and the words for them: part of :mod:`istv_lib.schema`, through which they are used."""

METHODS = (
    "fist foot head other_body body_unspecified knife glass blunt firearm corrosive animal vehicle "
    "multiple other unknown"
).split()
LOCATION_TYPES = "home street licensed transport school shop workplace park hospital custody other unknown".split()
PRECISION_CLASSES = "point junction street area district borough hospital home mobile outside none".split()
SHAPES = "isb1594 ecds_v4 trust".split()
AGE_BANDS = "0-9 10-17 18-24 25-34 35-44 45-54 55-64 65+ unknown".split()
SEXES = "female male other unknown".split()
ETHNIC_GROUPS = "asian black mixed white other unknown".split()
YES_NO = "yes no unknown".split()
OPTIONAL_FIELDS = "age_band sex ethnic_group alcohol".split()
SEVERITIES = "error warning info".split()
FATES = "header blank total accepted quarantined duplicate".split()
USABILITY = {
    "point": "A",
    "junction": "A",
    "street": "B",
    "area": "C",
    "district": "C",
    "borough": "D",
    "hospital": "D",
    "outside": "D",
    "home": "H",
    "mobile": "X",
    "none": "X",
}
USABILITY_WORDS = {
    "A": "venue, junction, station or full postcode",
    "B": "street",
    "C": "neighbourhood or postcode district",
    "D": "borough, town or hospital only",
    "H": "home, never mapped",
    "X": "not usable",
}
STATUSES = "complete partial zero missing late closed not_joined".split()
FINDING_STATUSES = "final provisional gated no_data".split()
SOURCE_NAMES = {
    "mps": "Metropolitan Police",
    "city": "City of London Police",
    "btp": "British Transport Police",
}
STATUS_WORDS = {
    "complete": "sent",
    "partial": "sent in part",
    "zero": "sent: none treated",
    "late": "not yet received",
    "missing": "missing",
    "closed": "closed",
    "not_joined": "not yet sharing",
}
LABEL_KINDS = "place none home mobile outside".split()
LABEL_SAMPLES = "synthetic audit labelled".split()
PLACE_KINDS = "borough district postcode area station street venue hospital".split()
ALIAS_KINDS = "official variant acronym bare".split()
UNITS = "attendance victim crime callout incident site file signal share rate hour day metre class square".split()
