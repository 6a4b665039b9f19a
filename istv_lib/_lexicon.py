"""The words the place finder knows: short forms, kinds of street and venue, everyday names, towns outside London.

A helper of :mod:`istv_lib.gazetteer` and :mod:`istv_lib.geocode`. All lists are our own. A word in the wrong
list is a silent error: add a line to ``tests/cases/locations.yml`` with every change.
"""

from __future__ import annotations

# Short form of one word to its full form. "st" is not here: it is street or saint by its neighbours.
SHORT_FORMS = {
    "rd": "road", "ave": "avenue", "av": "avenue", "ln": "lane", "dr": "drive", "cl": "close",
    "gdns": "gardens", "gdn": "gardens", "sq": "square", "pl": "place", "ct": "court", "crt": "court",
    "cres": "crescent", "cresc": "crescent", "terr": "terrace", "tce": "terrace", "grv": "grove",
    "mws": "mews", "wlk": "walk", "pde": "parade", "bdwy": "broadway", "bway": "broadway", "hts": "heights",
    "blvd": "boulevard", "hwy": "highway", "est": "estate", "pk": "park", "mkt": "market",
    "rbt": "roundabout", "rdbt": "roundabout", "cnr": "corner", "jct": "junction", "jctn": "junction",
    "junc": "junction", "opp": "opposite", "nr": "near", "btwn": "between", "stn": "station",
    "sta": "station", "statn": "station", "hosp": "hospital", "sch": "school", "ctr": "centre",
    "center": "centre", "hse": "house", "bldg": "building", "gt": "great", "lwr": "lower", "upr": "upper",
    "nth": "north", "sth": "south", "ldn": "london", "unk": "unknown", "nk": "unknown", "pt": "patient",
    "pts": "patients", "jamess": "james", "thomass": "thomas",
}  # fmt: skip

# Forms with a sign inside, rewritten before punctuation goes.
SIGNED_FORMS = {
    "o/s": "outside", "j/w": "junction with", "b/w": "between", "r/o": "rear of", "n/k": "unknown",
    "[address]": " home address ",  # privacy's token: what is left beside it may still be a home's street
    "[email]": " ", "[phone]": " ", "[nhs number]": " ", "[number]": " ", "[date of birth]": " ", "[vehicle]": " ",
    "[name]": " ",
    "n/a": "unknown", "u/k": "unknown", "@": " at ", "&": " and ", "+": " and ",
}  # fmt: skip

# Names that "st" before them makes a saint of, wherever they stand; at the start of a text it always does.
SAINTS = (
    "agathas agnes albans aldates alphege andrew andrews anne annes anns anselms antholins anthonys "
    "augustine augustines barnabas bartholomew bartholomews benedicts botolph botolphs bride brides bernards "
    "catherines chads charles christophers clement clements cross cuthberts cyprians davids dionis dunstan "
    "dunstans edmunds edwards faiths francis george georges germans giles gothards helen helens helier "
    "heliers hildas hughs ives james jamess john johns josephs judes julians katharines katherines kildas lawrence "
    "leonard leonards lukes luke margaret margarets mark marks martin martins mary marychurch marylebone "
    "marys matthew matthews mellitus michael michaels mildreds nicholas olaf olafs olave olaves oswalds "
    "pancras paul pauls peter peters petersburgh philip philips quintin saviour saviours simons stephen "
    "stephens swithin swithins thomas thomass ursulas vedast vincent vincents winifreds"
).split()

# "st" after one of these is a saint: "near st pancras".
LEADS = "outside near at in on by opposite the of from to off behind around inside towards and".split()

STREET_TYPES = frozenset(
    "road street lane avenue close drive way gardens garden place court crescent mews grove walk hill terrace "
    "square row park green broadway yard rise approach passage alley path parade vale villas view gate mead "
    "chase wharf quay embankment highway bypass hall circus crossway ridge ridgeway quadrant common mount "
    "end side cottages boulevard causeway courtyard croft dene dell field fields link buildings bridge "
    "esplanade promenade reach retreat spur viaduct wood woods corner crossing cross roundabout bank bottom "
    "gateway waye heights meadow meadows orchard drove piazza plaza broadwalk mall market arcade".split()
)
POINTS_OF_COMPASS = frozenset("north south east west".split())

# Two-word names that streets bear but that texts use for any street; never matched.
COMMON_PHRASES = frozenset(
    "main road,main street,side road,side street,back road,back street,back lane,bus lane,cycle lane,slip road,"
    "service road,private road,cul de sac,car park,dead end,town centre,town hall,village green,the street,"
    "the road,the lane,the park,the green,the hill,the walk,the square,the court,the yard,the common,the bank,"
    "the bridge,the market,the mall,the hall,the close,the drive,the way,the avenue,the gardens,the path,"
    "the alley,the corner,the end,the field,the wood,the gate,the view,the place,the cross,the pavement".split(",")
)

# "The X" is a usable street name for these only.
THE_NAMES = frozenset("broadway parade ridgeway quadrant vale crescent embankment grove terrace".split())

# Stations and areas whose bare name is an everyday word, a person's or a pub's; "<name> station" is kept.
EVERYDAY_NAMES = frozenset(
    "bank,borough,oval,temple,monument,arsenal,hook,lee,cyprus,maryland,all saints,royal oak,prince regent,"
    "clock house,abbey road,preston road,rectory road,silver street,star lane,wood lane,wood street,"
    "church street,green park,island gardens,mansion house".split(",")
)

# Places outside London that texts name. A street type or a venue word after one makes it a name in London again.
OUTSIDE = (
    "brighton,birmingham,manchester,liverpool,leeds,bristol,nottingham,sheffield,newcastle,glasgow,edinburgh,"
    "cardiff,leicester,coventry,southampton,portsmouth,oxford,cambridge,norwich,ipswich,colchester,chelmsford,"
    "southend,southend on sea,basildon,luton,watford,slough,guildford,woking,crawley,maidstone,dartford,"
    "gravesend,margate,ramsgate,canterbury,hastings,eastbourne,milton keynes,northampton,peterborough,"
    "stevenage,st albans,hemel hempstead,windsor,bournemouth,plymouth,scotland,wales,ireland,france,paris,"
    "spain,ibiza,majorca,tenerife,portugal,italy,greece,turkey,germany,poland,romania,albania,cyprus,malta,"
    "netherlands,amsterdam,dubai,thailand,india,pakistan,bangladesh,nigeria,ghana,jamaica,morocco,egypt,"
    "kent,essex,surrey,sussex,hertfordshire,berkshire,chatham,rochester,harlow,brentwood,thurrock,grays,reading,"
    "brazil,america,usa"
).split(",")

VENUE_WORDS = frozenset(
    "pub bar arms tavern inn hotel hostel club restaurant cafe kitchen kebab grill house lodge estate towers "
    "tower heights school college university church mosque gym nightclub casino supermarket store shop".split()
)
# Names that hold a place's name without being there.
OTHER_NAMES = (
    "chelsea and westminster,chelsea and westminster hospital,barking mad,reading a,reading the,roast turkey"
).split(",")

# What stands for a name that is not known.
NONE_WORDS = (
    "unknown not known recorded stated given specified available applicable disclosed provided unsure unclear "
    "unspecified unable to say none nil null na no info information details detail location place public "
    "declined refused patient did does wont will cannot dont know remember recall other tbc test london "
    "x xx xxx yes uncertain blank"
).split()
