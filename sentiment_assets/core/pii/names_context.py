"""What stands around a name and tells of it: titles, announcements, words that belong to places.

What belongs here: word lists and patterns, in the languages that posts come in. Names themselves
are the ``lexicon``'s; which of these a rule asks, and in what order, is ``names``' to say.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Inside of a character class: capital letters that ``core.text`` leaves as they are.
UPPER = (
    "A-Z\u00c6\u00d0\u00d8\u00de\u0110\u0126\u0141\u014a\u0152\u018f"  # Latin
    "\u0386\u0388-\u038f\u0391-\u03ab\u0400-\u042f\u0490"  # Greek and Cyrillic
)
#: Of those, what lies beyond ASCII, one by one.
UPPER_BEYOND_ASCII = "".join(
    chr(code) for code in range(0x80, 0x500) if re.match(f"[{UPPER}]", chr(code))
)
CAPITALISED = re.compile(
    rf"(?<![^\W_])(?<![^\W_]['\u2019-])[{UPPER}][^\W\d_]*(?:['\u2019-][^\W\d_]+)*"
)
ANY_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
MIXED_CASE = re.compile(rf"[{UPPER}][a-z]")
POSSESSIVE = re.compile(r"['\u2019]s?$", re.IGNORECASE)

PARTICLE_WORDS = _words(
    """
    van von vom zu zum zur der den ter ten te af av ap de del della di da dal dos das do du la le y
    e el al ul bin bint ibn ben abu
    """
)
PARTICLES = f"(?:{'|'.join(sorted(PARTICLE_WORDS))})"
# Between two words of one name: a space, an initial's dot, small words that belong to surnames.
JOIN = re.compile(
    rf"\.? (?:{PARTICLES} ){{0,3}}\Z|\.\Z| ?['\u2019\"(][^\W\d_]{{2,12}}['\u2019\")] \Z"
)
PARTICLE_AHEAD = re.compile(rf"\.? (?:{PARTICLES} ){{1,3}}\Z")

# Titles that need no more proof: whoever follows is a person.
TITLES = _words(
    """
    mr mrs ms mx dr prof professor mnr mev mej herr frau fraulein senor senora senorita sr sra
    srta monsieur madame mme mlle signor signora sig dott pan pani sri smt shri hajji sheikh rabbi
    rev reverend fr
    """
)
# Titles that also stand before words that are none.
CALLED = _words(
    """
    sir lady lord miss dame uncle aunt auntie oom tannie tante tant tata ntate mama ma mme bra sis
    bhai didi president senator sen gov governor congressman congresswoman judge justice coach
    captain sergeant officer detective nurse pastor bishop imam sister brother cousin king queen
    prince princess minister chancellor mayor agent attending patient customer client user
    employee contact lieutenant colonel general secretary ambassador rep rn dj
    """
)
# Of those, what may stand before a given name that is also a word: Aunt Hope.
ROLES = _words(
    """
    patient customer client user employee agent attending nurse officer coach judge pastor uncle
    aunt auntie cousin brother sister
    """
)
# A name before one of these is a place's or a firm's, unless it is a given name with a surname.
NOT_PEOPLE = _words(
    """
    street st road rd avenue ave lane ln drive dr boulevard blvd way court ct close crescent
    square plaza terrace highway hwy park garden gardens beach bay island islands lake river creek
    falls mountain mountains mount hill hills valley canyon county city town village township
    heights springs harbor harbour port bridge station airport stadium arena center centre mall
    hall theatre theater museum library hotel inn resort casino restaurant cafe bar pub brewery
    tavern church cathedral temple school high college university academy institute hospital
    clinic medical foundation inc llc ltd corp corporation company co group holdings industries
    enterprises associates partners bank systems solutions technologies technology consulting
    services media records studios pictures entertainment motors airlines airways cup trophy bowl
    open series show awards award day week weekend festival fest tour album band team fc united
    rovers army navy fort base house tower towers building isd district province state states
    north south east west gmbh plc pty &
    """
)
# Beside an everyday word these make a place or a saying, though many people bear them.
FEATURES = NOT_PEOPLE | _words(
    """
    rock oak oaks ridge dam head mountain spring rise moon sun shine light day night love story
    time bear bull tree grove branch shore shores woods forest cross more little sweet best
    """
)
ROLES_AND_TITLES = TITLES | CALLED
# Surnames all the same, right behind a given name: Lauryn Hill.
PEOPLE_TOO = _words("hill west hall")
# A name behind one of these is a place's: Santa Monica, Port Elizabeth.
BEFORE_PLACES = _words(
    """
    san santa santo sao st saint ste port fort lake mount mt new north south east west los las el
    la le great cape glen point lower upper downtown hurricane university college rue via calle
    bay isle hotel camp team air rua avenue avenida travessa quai praca plaza place
    """
)
# Given names that are words of other languages where nothing is capitalised: Portuguese "linda".
LOWER_CASE_WORDS = _words(
    "linda gloria rosa sara bella vera donna clara ella alma mae dan leo nina alba rita dora lee "
    "melody marina marco mira lola mimi jean ray"
)
# Words at which a name ends, even where a list of surnames has them.
NO_SURNAME = _words(
    """
    a an and are as at be but by can did do does for from get go got had has have he her here him
    his how i if in is it its just like made me my no not now of off on or our out over she should
    so than that the their them then there these they this to too up us vs was we were what when
    where who why with would you your all any been being live lives love loves said says new
    old one two first last today tonight tomorrow yesterday happy birthday please thanks thank rt
    dob mrn ssn email phone npi dea address name date id hi hello hey dear sales box aura via ft
    feat aka born sen rep
    """
)

_APOSTROPHE = "['\u2019]?"
# Right before a name. Behind a strong announcement any capitalised word is one that no dictionary
# has; behind a weak one a given name that is a word, too.
_STRONG = (
    "name is", "name's", "names", "named", "call me", "called me", "patient", "patient:", "pt:",
    "customer:", "signed", "signed,", "signed:", "mr.", "mrs.", "dr.", "naam is", "je m'appelle",
    "ich hei\u00dfe", "ich heisse", "mein name ist", "me llamo", "igama lami ngu",
)  # fmt: skip
_WEAK = (
    "i'm", "i am", "this is", "it's", "ask for", "call", "called", "dear", "hi", "hello", "hey",
    "hiya", "howzit", "sawubona", "molo", "dumela", "hola", "hallo", "regards", "thanks",
    "thank you", "cheers", "sincerely", "yours", "from", "by", "with", "meet", "met", "meeting",
    "saw", "tell", "told", "ask", "asked", "says", "said", "cc", "cc:", "contact", "rip", "r.i.p.",
    "happy birthday", "my friend", "my wife", "my husband", "my son", "my daughter", "my brother",
    "my sister", "my mom", "my mum", "my dad", "my boss", "my cousin", "my colleague",
    "my girlfriend", "my boyfriend",
)  # fmt: skip


def _any_of(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(p).replace("'", _APOSTROPHE) for p in phrases)


STRONG = re.compile(
    rf"\b(?:{_any_of(_STRONG)}|names? ?[:=] ?[\"']?) {{0,2}}[\"']?\Z", re.IGNORECASE
)
WEAK = re.compile(rf"\b(?:{_any_of(_WEAK)})[,:!]? {{1,2}}\Z", re.IGNORECASE)
GREETED = re.compile(r"\b(?:dear|hi|hello|hey) \Z", re.IGNORECASE)


def _last_words(phrases: tuple[str, ...]) -> frozenset[str]:
    """As they stand before a name, signs and letter case included."""
    last = {phrase.split()[-1].rstrip(",:.") for phrase in phrases}
    last |= {word.replace("'", other) for word in last for other in ("", "\u2019")}
    return frozenset(
        written + sign
        for word in last
        for written in (word, word.capitalize(), word.upper())
        for sign in ("", ",", ":", "!", ".", "=")
    )


# A set is asked before a pattern is: most words have none of these before them.
ANNOUNCING = _last_words((*_STRONG, "name", "dear", "hi", "hello", "hey"))
ANNOUNCERS = ANNOUNCING | _last_words(_WEAK)
#: In any case of letters: where somebody writes everything small, or the announcement says enough.
LOWER_ANNOUNCED = re.compile(
    rf"\b(?:my name is|my name{_APOSTROPHE}s|call me|i{_APOSTROPHE}m called|ask for) "
    r"(?P<name>[^\W\d_]{3,}(?: [^\W\d_]{3,})?)",
    re.IGNORECASE,
)
SIGNED = re.compile(r"(?:^|[\n.!?] ?|  )[-~] ?\Z")
FIELD = re.compile(r"(?:^|[:\n\"'=>|] ?)\Z")

#: One of these stands in every list.
IN_LISTS = re.compile(", |&| (?:and|und|en|et|y|e) ")
LISTED = re.compile(r",? (?:and|&|und|en|et|y|e) |, ")
STATE_AHEAD = re.compile("(?:, ?| )[A-Z]{2}(?![A-Za-z])")
DEGREE_AHEAD = re.compile(r",? (?:M\.?D|Ph\.?D|DVM|DDS|J[rR]|S[rR]|I{2,3}|IV|Esq)\b\.?")
# How names begin that are made from words of their language, so that no list has them all. Only
# beside another word that nobody knows: "Adelaide" begins like a name from Lagos.
_BEGINNINGS = """
olu oluwa ade ayo ola omo ogun ife fola folo bab aki aye opa osa osar efo eho aig iye abio abim
chuk chin chid chib nwa nwo nne nna onye onwu okon okor okol ikech ikenn obio ezen ugoc uzo ifeo
ngoz kelec ezin nkem
mth mkh mts msh mhl ndl nts nks nko ndum nok nom non nob nos ntom sibu sibo siph siya sizw sine
sind thand thab themb thul lindi lunge lungi luya zand zane zinh zint zama zola zuk xol qha gqo
bong busi khany khay hlon hla ngc ngw ngq mng ndz mphat mbon mbath mabas mahl
tsh tlh ditl mots mokg moko mote moth moga letla lets keab kene kele boit boip boiy refi reit
reabe katl kgo mmat phal rama ntha lebo lerat tebo tumel
wanj wang nyam njor kipr kipk kipc chep cheru jepc jepk ocho ochi odhi onya otie akiny akel nak
nalu namu ssem sseb mukas mugis habi niyo uwim gebr wold tesf hailem selam alem abdel abdul abdir
"""
BEGINNINGS = tuple(sorted(_BEGINNINGS.split(), key=len, reverse=True))
FORMED = re.compile(rf"(?={'[a-z]' * 6})(?:{'|'.join(BEGINNINGS)})")

#: Right before a name that is known: it goes with it.
TITLE_BEFORE = re.compile(rf"(?<![^\W_])(?:{'|'.join(sorted(TITLES))})\.? \Z", re.IGNORECASE)
