"""Words that make a name a street's, by language. Data only: ``address`` says how they are used.

Collected by hand, and written as the rules read a text: without accents. Each is a piece of a
regular expression.
"""

# Last word of a street's name, in capitals: enough beside a number.
STREETS = (
    "Street|Str|St|Avenue|Aven|Ave|Av|Road|Rd|Boulevard|Blvd|Bvd|Lane|Ln|Drive|Dr|Court|Ct|"
    "Square|Sq|Terrace|Terr|Crescent|Cresc|Cres|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Trail|Trl|"
    "Mews|Gardens|Gdns|Grove|Alley|Turnpike|Tpke|Expressway|Motorway|Esplanade|Promenade|Close|"
    "Parade|Pde|Causeway|Pl|Marg|Salai|Caddesi|Cad|Sokak|Sokagi|Sok|Bulvari|Umgwaqo|Indlela|"
    "Indawo|Isitaladi|Ithafa|Walkway|Stravenue"
)
# The same where capitals are part of many other names ("12 Jurassic Park"): a town, postcode or
# unit must follow.
STREETS_OR_NAMES = (
    "Place|Way|Row|Hill|Walk|Park|View|Green|Plaza|Loop|Path|Pike|Point|Ridge|Run|Rise|Vale|Quay|Wharf|"
    "Crossing|Xing|Bend|Cove|Glen|Heights|Landing|Meadow|Meadows|Mill|Manor|Mount|Oval|Common|Chase|"
    "Croft|Dene|Fold|Hollow|Spur|Creek|Yard|Arcade|Broadway|Strand|Estate|Gate|Bay|Lodge|Farm|"
    "Valley|Valleys|Cliff|Cliffs|Villages|Courts|Crest|Prairie|Mountains|Inlet|Shores|Ramp|Rapids|"
    "Flats|Divide|Cutting|Quays|Outlook|Reserve|Steps|Knoll|Knolls|Gateway|Circuit|Apt|Suite|Unit"
)
# Of these, those that begin a unit: behind a number and a name, with a number of their own.
UNITS_BEHIND = "Apt|Suite|Unit"
# Those that mean a street in lower case too.
STREETS_IN_ANY_CASE = (
    "street|avenue|ave|road|rd|boulevard|blvd|lane|drive|parkway|pkwy|crescent|terrace|highway|hwy"
)
# Words beside which none of these is a name: "5 miles down the road".
NO_STREET = frozenset(
    [
        "a",
        "about",
        "across",
        "after",
        "against",
        "all",
        "along",
        "an",
        "and",
        "another",
        "any",
        "are",
        "around",
        "as",
        "at",
        "back",
        "be",
        "before",
        "behind",
        "between",
        "block",
        "blocks",
        "boys",
        "but",
        "by",
        "cars",
        "day",
        "days",
        "dirt",
        "down",
        "each",
        "every",
        "fast",
        "few",
        "for",
        "from",
        "girls",
        "good",
        "got",
        "great",
        "guys",
        "he",
        "her",
        "his",
        "hour",
        "hours",
        "i",
        "in",
        "into",
        "is",
        "it",
        "just",
        "kids",
        "km",
        "last",
        "like",
        "lol",
        "long",
        "men",
        "mile",
        "miles",
        "min",
        "mins",
        "minutes",
        "more",
        "my",
        "near",
        "next",
        "of",
        "off",
        "on",
        "one",
        "open",
        "or",
        "other",
        "our",
        "out",
        "over",
        "people",
        "percent",
        "right",
        "she",
        "so",
        "some",
        "straight",
        "that",
        "the",
        "their",
        "them",
        "then",
        "they",
        "this",
        "through",
        "times",
        "to",
        "trip",
        "two",
        "under",
        "until",
        "up",
        "us",
        "was",
        "way",
        "we",
        "week",
        "weeks",
        "were",
        "when",
        "where",
        "which",
        "while",
        "who",
        "will",
        "with",
        "women",
        "year",
        "years",
        "you",
        "your",
    ]
)
# In one word with the name: Hauptstrasse, Kerkstraat, Eskelundsvej, Laugarvegur.
COMPOUNDS = (
    "stra(?:ss|\u00df)en?|str\\.|gasse|allee|platz|damm|ufer|bruck(?:e)?|steig|pfad|chaussee|straat|laan|"
    "weg|plein|kade|gracht|singel|dreef|steeg|dijk|baan|plantsoen|gatan|gata|vagen|gade|vej|"
    "alle|alleen|str(?:\u00e6|ae)det?|stien|vangen|veien|vegen|veg|svingen|vegur|str(?:\u00e6|ae)ti|"
    "braut|stigen|hagen|skogen|grenda|boulevard|bulevardi|katu|kuja|polku|tanav|puiestee|gyden|plads|plassen|torget|stigen|lunden|parken"
)
# The same where words and names end so too: none of these.
UNSURE_COMPOUNDS = (
    "pad|ring|tie|l(?:\u00f8|o)kka|h(?:\u00f8|o)gda|br(?:\u00e5|a)ten|marka|vika|kollen|kroken|faret|"
    "(?:\u00e5|a)sen|haugen|bakken|gr(?:\u00e4|a)nd"
)
# Words that end so and are no streets.
NO_COMPOUND = frozenset(
    [
        "brigade",
        "renegade",
        "norweg",
        "norvege",
        "beweg",
        "hinweg",
        "onderweg",
        "halfweg",
        "schleswig",
        "goddamm",
        "amsterdamm",
        "scoreboard",
        "megaplatz",
        "autobaan",
        "ipad",
        "thinkpad",
        "touchpad",
        "gamepad",
    ]
)
# First word of a street's name, in capitals: Via Roma, Largo do Carmo, Al. Jerozolimskie.
OPENINGS = (
    "Avenue|Boulevard|Boul\\.?|Bd\\.?|Allees?|Quai|Ruelle|Sentier|Avd\\.?|Av\\.?|Travesia|Callejon|R\\.|"
    "Largo|Alameda|Rodovia|Via|Corso|Contrada|Lungomare|Stretto|Ladeira|Prospekt|Leoforos|Bulevardul|"
    "Piazza|Carretera|Soseaua|Kalea|Lorong|Circunvalacion|Prolongacion|Loteamento|Al\\.|Os\\.|Pl\\.|Str\\."
)
# Those that are words or names elsewhere ("Plaza Cinemas 13"): a town, a comma before the number or
# a word such as "de" must say that this is a street.
OPENINGS_OR_NAMES = (
    "Place|Route|Cours|Paseo|Passage|Camino|Ronda|Glorieta|Plaza|Pza\\.?|Calzada|Carrera|Diagonal|Rambla|"
    "Strada|Gang|Trg|Cesta|Praia|Vale|Privada|Peatonal|Corredor|Ampliacion|Conjunto|Canada|Andador|"
    "Cerrada|Retorno|Viaduto|Condominio|Quinta|Setor|Passarela|Parque|Jardim|Fazenda|Colonia|"
    "Chacara|Borgo|Canale|Incrocio|Rotonda|Pasaje|Acceso|Cuesta|Vereda|Feira|Lago|Lagoa|Campo|Viela|"
    "Quadra|Morro|Distrito|Residencial|Vial|Pasadizo|Continuacion|Recanto|Nucleo|Esplanada|Patio"
)
# In lower case too, if the name has capitals.
OPENINGS_OF_NAMES = (
    "avenue|boulevard|allees?|quai|aleja|corso|paseo|piazza|carretera|place|cours|route|passage"
)
# Those that mean a street in any case.
OPENINGS_IN_ANY_CASE = (
    "rue|chemin|impasse|faubourg|calle|avenida|avda\\.?|carrer|travessa|ulica|ul\\.|al\\.|os\\.|jalan|jl\\.|"
    "jln\\.?|viale|vicolo|ulitsa|rua|osiedle|praca|estrada|plac|pl\\."
)
# Last word of a street's name with its number behind it: Agip u. 96, Gosposka ulica 47.
ENDINGS = (
    "utca|u\\.|ulica|cesta|trg|ulice|namesti|Caddesi|Cad\\.|Sokak|Sokagi|Sok\\.|Bulvari|gatve|iela|"
    "enparantza|kalea|kaiu|polku|katu|straat|strasse"
)
# The same, in capitals.
CAPITAL_ENDINGS = "Alle|Allee|Vej|Gade|Gata|Gatan|Vei|Veien|Vag|Vagen|Tie|Weg|Laan|Baan|Plein"
# Between the words of a name.
JOINING = (
    "de|del|des|du|da|do|das|dos|di|della|delle|dei|degli|la|le|les|el|los|las|van|von|der|den|ten|"
    "ter|zum|zur|am|y|e|et|sur|aux|au|a|the|of|and|upon|st|ste|dr|sv|sw|lez"
)
POST_BOX = (
    "p\\.? ?o\\.? ?(?:box|bag)|post(?:al)?(?: office)? box|g\\.?p\\.?o\\.? box|locked bag|"
    "postbus|posbus|"
    "postfach|postboks|apartado(?: de correos| postal)?|casilla(?: postal| de correo)?|"
    "casella postale|caixa postal|boite postale|private bag|privaatsak|skrytka pocztowa"
)
UNIT = (
    "apt|apartment|appartement|appt|suite|ste|unit|flat|room|lejl|whg|wohnung|"
    "piso|puerta|edif|interior|depto|dpto|interno|appartamento|piano|bloco|casa|bte|lgh|studio|level|"
    "h\\.? ?no"
)
SURE_UNIT = "apt|apartment|suite|appt"
# What is said before an address.
CUES = (
    "address(?:es)?(?: on file)?|adres(?:se)?|direccion|indirizzo|endereco|zip ?code|"
    "(?:liv(?:e|es|ed|ing)|stay(?:s|ing)?|resid(?:e|es|ed|ing)|located|based) at|mov(?:ed|ing) to|"
    "(?:office|house|home|shop|place|store|headquarters) is (?:at|on)|(?:meet|find|visit|"
    "join) (?:me|us) at|"
    "deliver(?:ed)? to|ship(?:ped)? to|mail(?:ed)? to|sen[dt](?: \\w+)? to|return to|"
    "taxi to|arrived at|"
    "woon(?:t)? (?:op|in|by)|wohn(?:e|t|haft)(?: in)?|habite(?: au)?|vivo en|abito in|"
    "moro na|location"
)
US_STATES = (
    "A[KLRZAEP]|C[AOT]|D[CE]|F[LM]|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEHINOPST]|N[CDEHJMVY]|O[HKR]|P[ARW]|"
    "RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
)
# Postcode areas of the United Kingdom.
UK_AREAS = (
    "AB|AL|B|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|E|"
    "EC|EH|EN|EX|FK|FY|G|GL|GU|GY|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|L|LA|LD|LE|LL|"
    "LN|LS|LU|M|ME|MK|ML|N|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|S|SA|SE|SG|SK|SL|SM|"
    "SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|W|WA|WC|WD|WF|WN|WR|WS|WV|YO|ZE"
)
