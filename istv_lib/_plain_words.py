"""Words that name no place on a map, as they stand in reception staff's texts.

A helper of :mod:`istv_lib._classes`; all lists are our own. A text of such words alone is never looked up, so a word
that could be a place's name must not be here: add a line to ``tests/cases/texts.yml`` with every change.
"""

from __future__ import annotations

# May stand before "street" or "park" without making a name of it; so may every plain word in -ed.
JOINING = """
a about across after against all along alongside also am an and another any are around as at away be because been
before behind being below beside between both busy but by can cannot cant could couldnt crossing dark did didnt do
does doesnt dont down during each entering exiting far for from got had has have he her hers him his hit i if in
inside into is isnt it its just leaving left like local me my near nearby next no not of off on onto open opposite or
other our out outdoors outside over past public quiet right round same she since so some somewhere than that the their
them then there they this those through to towards under until up upon via walking was wasnt we went were what when
where which while whilst who whom with within without wont would wouldnt you your
""".split()

# Who, what, when, with what, hurt where, and places without a name.
NARRATIVE = """
111 999 abc abdo abdomen abdominal able abode above abrasion abrasions abuse abused abuser abusive accent accident
accidental accidentally accommodation accomodation accompanied ache aches aching acid acquaintance adult adults
afternoon afternoons afterwards again aggressive aggressor ago aimed airgun airport alcohol alleged allegedly alleyway
allotment allotments alone altercation ambulance ambushed ammonia angry ankle ankles answer answered answering
anterior anyone anything anywhere appearance appeared appears applicable approached approx approximately april arcade
area areas argue argued arguing argument arguments arm arrest arrested arresting arrival arrive arrived asdf asian ask
asked asleep assailant assailants assault assaulted assaulting assaults associate ate atm attack attacked attacker
attackers attacking attacks attend attended attending attends august aunt auntie aunties aunts available await
awaiting awake aware axe baby back bad badly bag bakery balaclava balcony ball bandage bang banged banging barbecue
barbers barged barmaid barman barrier barriers bars basement basket basketball bat baton battered bay bb bbq bc beach
beat beaten beating bed beds beer beers beggar beggars belly belt bench betting bf bfs biba bibp bicycle big bigger
bike bikes bilateral bin bingo bins birthday bit bite bites biting bitten black blade blank bleach bleed bleeding
bleeds block bloke blokes blood blunt body boiling book booked bookies booking bookmakers books boot booted boots boss
bottle bottled bottles bottom bought bouncer bouncers bowel bowl bowling boxing boy boyfriend boyfriends boys bracelet
brawl break breakfast breaking breaks breast breasts brick bricks brief briefly bring british broke broken broom
brother brothers brought brow brows bruise bruised bruises bruising bsns builder building bum bumped bumping burger
burgers burglar burglars burned burnt burst bus bush bushes business butchers butted buttock buttocks buy buying
bystander bystanders cable cad cafe cake calf call called calling calls came campus canal canalside cannabis cans
canteen cap car care carer carers carnival carpark carriageway carried carrying cars case cash cashpoint casino
catapult catch caught caused celebration cellar cemetery chain chair chairs changing charity chased chasing check
checked cheek cheekbone cheeks chef chemical chemist chest chicken child children chin chinese chip chippy chips choke
choked choking christening christmas chucked church cider cigarette cigarettes cinema circa class classmate classmates
classroom clavicle cleaner clerk client clients clinic clipped closed closing clothes clothing clubbing clubs cm coat
cocaine coffee cold collapsed collarbone colleague colleagues college collision come coming comment comments communal
community competition concert concussion conductor confirm confirmed confused congestion conscious consciousness
construction contusion convenience cook cornered corridor corridors corrosive cos council couple couples courier
cousin cousins crash crashed crew cricket crime crowbar crowd ct cue cuffs cup customer customers cut cuts cycle
cycling cyclist dad dads dance dancing data date daughter daughters day days dealer dealers dec december declined deep
defend defended defending defends deliberate deliberately delivering delivery demonstration denies dental dentist
dentists denture dentures depot desk detail details detained didn diesel different dinner disagreement disclose
disclosed disco dislocated dispute dizzy dj dk dna dnk dnw doctor doctors doesn dog dogs domestic door doorman
doorsteps doorway dozen dragged drank dressed dressing drill drink drinking drinks driver drivers driving drop dropped
drops drove drug drugged drugs drunk drunken due dunno duration dustbin dv ear earlier early earring earrings ears
easter eat eating ebike egg egged eggs eight elbow elbowed elbows elderly electrician eleven employee employer empty
english entered entrance entries entry escalator escape escaped escooter establishment etc ethnic etoh eve evening
event everything everywhere ex exact exit eye eyebrow eyelid eyes face faces facial factory fall falling falls family
fan fans fast father fathers feb february feet fell felt female females femur fence festival few ffs fiance fibula
fight fighting fights finger fingers fire firearm fired fireman firework fireworks first fist fists five fixed flank
flatmate flatmates flats fled flee floor fluid follow followed food foosh foot football footpath forearm forecourt
forehead foreign fork form fought found four foyer fracture fractured fractures free fri friday friend friends front
frontal frying full funeral furniture further fx gaff gallery game gang ganged garage gas gcs genitals gentleman get
gets getting gf gfs gig girl girlfriend girlfriends girls give given gives giving glass glassed glasses glue go goes
going golf gone gotten gp grab grabbed grabbing graduation gran grandad grandfather grandma grandmother grandson
grappled grass graveyard graze grazed grazes greengrocers groin groped group groups gsw guard guards gum gums gun
gunman gunshot guy guys gym haematoma hair hairdressers half halloween hallway hallways hammer hand handbag handcuff
handcuffed handcuffs handed handle handover hands happened happening harassed harm harmed hat hate having head
headache headbutt headbutted heads heavy hed hedge heel held helmet help helped helping hematoma heroin herself hes hi
high highway himself hip hips historian history hits hitting hockey holding homeless homophobic hood hooded hoodie
hoover hose hostel hostels hot hotels hour hours housemate housemates housing hr hrs humerus hurled hurt hurts husband
husbands hx ibuprofen ice idk im inch inches incident incidents indecent indian individual individuals indoor
industrial infant inflicted info information informed infos inj injured injuries injury inlaw inlaws inmate inmates
inner inspector intention intentional interpreter intervene intervened intervening interview intox intoxicated
involved involvement involving irish isn isolated italian ive jacket jan january jaw jewellery jogging judo july jump
jumped jumping junction june karate kebab kept kerb kerbside kettle key keys kick kickboxing kicked kicking kicks kid
kidnapped kidney kids kissed kitchen knee kneed knees knew knife knives knock knocked know known knows knuckle
knuckles l labourer lac laceration lacerations lacs lad lads lady lager lamp land landed landing landlord language
laptop large las lash last late later lateral launderette law layby laying league least leg legs leisure lesson let
lets lfb library licence lid lift lifted lifts lighter lights lip lips liquid litter liver living loading lobbed lobby
loc location locations lodger lol look looked looking loose looting lorry loss lost lots lower lunch lung lunged lungs
lwbs lying machete mad made main make makes making male males man manager mandible many march mark marks mask masked
masks match mate mates maxilla may maybe mc meal medication meds meeting member members memory men metacarpal metal
metatarsal midday middle midline midnight mild min minor mins minute minutes mirror misc missing mixed mm mma mob
mobile moderate molested mon monday money month months mop moped more morning mornings mosque mother mothers motorbike
motorcycle motorway mouth much mug mugged mugger muggers mugging multiple mum mums museum myself na nail nailgun nails
naked nan nans nasal neck necklace necklaces needed needing needs neighbour neighbours nephew netball newsagent
newsagents nfa niece night nightclub nightclubs nights nil nine nobody none noon nose nosebleed note notes nothing nov
november now nowhere nr null numb number numbness nurse nursery nurses nursing object objects obtain occipital
occurred occurring oclock oct october offender offenders office officer officers offices offie older once one only
opponent opponents opposition orbit orbital order ordered outdoor outnumbered overdose paid pain painful paint
paintball palm pan panel panels paracetamol paramedic paramedics parent parents parietal parked parking parkrun
parties partner partners party passenger passengers passer passerby passers passersby pathway patient patients
pavement pay paying pedestrian pedestrians pellet pen pencil pending penetrated penetrating penis people pepper per
periorbital perp perpetrator perps person persons petrol pharmacy phone phones picture pint pipe pipes pistol pitch
pizza plank plastic plate plates platform play played player players playground playing please pls plumber pm
pneumothorax pole police polish pool poor porch possible possibly post posterior postman poured powder practice prefer
prefers pregnant premises present presented presenting presents prev previous previously prf primary probable prom
property prostitute protect protected protecting protest provided pubs puddle pull pulled punch punched punches
punching puncture punter punters pupil pupils purse push pushed pushing put quad query queue quite qwerty r race
racial racially racist radius rage rain raining raised rally ran random randomly rang rank rape raped rave razor
really rear reason recall recalls received recently reception recollection record recorded recorder records rectal ref
referee reference referral referred refusal refuse refused refuses refusing relation relations relative relatives
remember remembers remote report reported resident residential residents resisting restaurant restaurants restrained
restraining restraint returned returning reunion rib ribs ridden riding rink riot rip river roadside rob robbed robber
robbers robbery rock rocks rolled roof rooftop room roommate rooms rope rough roundabout rows rta rtc rucksack rugby
run running safeguarding said salon sandwich sat saturday saucepan save saw say says scalded scalp scan scene school
schoolmate schoolmates schools scissors scooter scratch scratched scratches screaming screwdriver scuffle search
searched second secondary seconds security sedated see seemed seems seen self sell selling sent sep separate separated
separating sept september serious session set setting seven several severe sexual sexually shape shaped share sharp
shed sheet shelter sheltered shes shield shift shin shirt shoe shoes shooting shop shopkeeper shopping shops shortly
shot shoulder shoulders shouted shouting shove shoved shoving show shut sibling siblings sided sides sister site
sitting six skate skin skip skull slammed slap slapped slapping slaps slash slashed slashing sleeping slept slight
slingshot slipped slipping smacked small smash smashed smoke smoking snack snatch snatched snatching snooker snow
sober social sofa soft soldier sole somebody somehow someone something son sons sore sorry space spaces spanner
sparring spat speaking specific specified spiked spilled spilt spinal spine spirits spit spitting split splitting
spoke spoon sport sports spot spouse sprain sprained spray sprayed squat squirted stab stabbed stabbing stabbings
stabs stadium staff stag stair staircase stairs stairwell stalked stamp stamped stamping standing stapler start
started stated states stating station stations steal step stepbrother stepdad stepfather stepmother stepmum steps
stepson steward stewards stick sticks still stitches stole stolen stomach stone stones stood stop stopped stopping
store stores strained stranger strangers strangle strangled strangulation strike striking string struck struggle
struggling stuck student students stumbled substance substances subway suddenly suffered sun sunday superficial
supermarket supermarkets superstore supported supporter supporters supraorbital sure surgery surrounded suspect
suspects sustained sustaining sutures swearing swell swelling swimming swing swollen sword swore swung synagogue table
tackle tackled tackling take takeaway takeaways taken takes takeway talking target targeted taser tasered taxi tba tbc
tea teacher teachers team teams teen teenager teenagers teens teeth tell temp temporal temporary ten tenant tender
tennis tent test testicles testing tetanus text thai thanks thats theatre themselves theyre thief thieves thigh think
thinks thought threat threatened threatening threats three threw thrice throat throw throwing thrown thru thu thug
thugs thumb thumbs thumped thurs thursday tibia ticket tied time times tin tiny tissue today toddler toe toes together
toilet toilets told tomorrow tongue tonight too took tool tools tooth torn touched touching tournament town towpath
track traffic train trainer trainers training tram trapped trauma traumatic travelled travelling tray triage trip
tripped trips trolley trousers truncheon try trying tube tue tues tuesday tumble tumbled turkish tv twelve twice twin
twins twisted two uc ukn ulna umbrella unable uncertain uncle unclear uncles unconscious underpass undisclosed uni
unintentional university unk unknown unnamed unprovoked unresponsive unspecified unsure unwilling upper upset urban
used using utc vaginal van vape vehicle vehicles venue verbal verbally verge vertex very vets vicinity victim victims
violence violent vodka vomited vomiting w wait waited waiter waiting waitress wake walked walkway wall wallet walls
want wants warden warehouse watch watched watching water waving weapon weapons weather wed wedding wednesday week
weekend weeks wet weve whacked whisky white wife wifes willing window windows wine wire wish wishes witness woman
women wooden words work worked worker workers working workplace works wouldn wound wounds wrestled wrist wrists x xmas
xray xx xxx xxxx year years yes yest yesterday yoga young younger youth youths yr yrs z zebra zone zones zygoma
""".split()

# Words of homes, vehicles, custody, hospital and being abroad: plain, and they help to decide the class.
TELLING = """
abroad address ae airbnb bedroom birth cab carriage cell cells childrens coach commuter countries country cruise
cubicle custody deck department dept detention dlr doorstep downstairs dwelling ed emergency exercise flat health here
hmp holiday holidays home honeymoon hospital immigration inclusive indoors inpatient institution jail journey london
medical mental mh mhu minicab moving normal origin overground overseas prison private psych psychiatric residence
resort resus ride shared sharing suite transport uber underground unit upstairs usual vacation ward wards yoi
""".split()

# Part of a name after any word but a joining one ("school lane", "bath house"), save in the pairs below.
HEADS = """
alley arms bar bridge centre close club corner court drive end estate field fields garden gardens gate gates ground
grounds hall halls hotel house lane market park path place pub quarter road row side sisters square street walk walks
way wood woods yard
""".split()
PAIRS = """
a_bank back_garden back_gate back_road back_street back_yard beer_garden boxing_club bus_lane canal_path car_park
church_hall city_centre cocktail_bar community_centre council_estate council_house cycle_lane cycle_path dead_end
detention_centre exercise_yard football_club football_field football_ground front_garden front_gate golf_club
health_centre home_garden hospital_grounds hotel_bar housing_estate industrial_estate job_centre l_side left_side
leisure_centre main_road medical_centre metal_bar night_club park_gates playing_field playing_fields prison_yard
pub_garden r_side retail_park right_side road_side school_field school_gate school_gates school_grounds school_hall
school_yard service_road shisha_bar shopping_centre shopping_street side_road side_street skate_park slip_road
snack_bar snooker_club social_club sports_bar sports_centre street_corner street_market strip_club student_halls
the_bank the_common ticket_gate ticket_gates town_centre town_hall university_halls unknown_place unknown_road
unknown_street upper_arms wine_bar youth_club
""".split()
# "The Drive" is a street's name more often than any drive.
SHY = "close drive gardens ride row square walk walks".split()

# Whose home, what one rides in, lines of the Underground (patterns; "_" is a space).
WHOSE = """
patients? own his her their my our friends? mates? ex_partners? partners? boyfriends? girlfriends? bfs? gfs? b_f g_f
exs? husbands? wifes mothers? mums? fathers? dads? parents? grandmas? grans nans? aunt(?:ie)?s? uncles? sisters?
brothers? cousins? sons? daughters? relatives? family(?:_members)? laws neighbours? victims? suspects? strangers?
some(?:one|body)s?(?:_elses)?
""".split()
VEHICLES = """
bus train tube tram coach taxi cab minicab uber overground underground dlr thameslink ferry boat plane aeroplane flight
ambulance police_van police_car transport
""".split()
LINES = """
bakerloo central circle district elizabeth jubilee metropolitan northern piccadilly victoria hammersmith_and_city
waterloo_and_city
""".split()

# A plain word of six letters or more is known one edit off, but for these: a name of London's lies that near.
NOT_MENDED = """
ankles around arrival associate bakery balcony barged bitten blokes booking bottle bouncer bouncers breaks bricks
bridge brought builder building burger burgers burned bushes butchers butted campus cannot casino celebration cellar
chairs chased chasing chicken cleaner concert corner country crossing denies dinner drivers during easter eating
falling fathers fiance fireman follow friday friend frying garden gentleman getting glassed glasses grazes hallway
hammer handle handover having health heroin hockey indian italian landing laying lesson lights litter living lodger
manager maxilla months normal nothing number parked pathway people pepper person persons petrol plumber postman powder
previous primary prison protect puddle pulled quarter random reason riding selling severe shared sharing shoved
shoving slipping soldier spiked spinal sports sprain square stairs stapler states stating steward stewards stones
stores string swearing swelling tender testing trying violent waited waiter waiting walked wallet warden waving
willing windows wooden working
""".split()
# Slips and short forms in common words, after the word they stand for.
SLIPS = """
home hme hoem hmoe homw homr homee hoome ohme hone hm
house hosue huose huse
address addr adress adres
bus bsu buss busss
train trian trn trane tain
taxi txi taxy
tube tueb
work wrok wokr wrk
week wk
town twn
street steet stret sreet streeet
road raod raed
park prk
pub pubb
shop shp shpo
stop stp
lift lft
hostel hostl
hand hnd
night nite nght
wound wnd
knife knfie
punched punced pnched puched
kicked kiked kciked
fight fihgt figth
mugged mugd
hit hti
bite bt
dog dg
face fce
pain pn
friend frend freind
friends frends freinds
boyfriend bfriend
partner ptnr prtnr
resident resi
bottle botle bottel
stairs stiars
waiting waitng watiing
walking walkng wlaking
playground playgrnd
the teh hte
unable unabel
able abel
language lang
english eng
present pres
garden gdn
birthday bday
ground grnd
abroad abraod abroud
"""
