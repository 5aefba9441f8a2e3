# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""VADER's rules, compiled: texts in Arrow's buffers in, scores out, without Python's lock.

Belongs here: the hot loop, and nothing that a Python module can say. Words come from
``vader_words``; ``vader`` chooses between this and ``vader_python`` and splits the work among
threads. A rule is written here as in ``vader_python``, operation by operation: the last bit counts.

How a text is read: as UTF-8, once. Every word that a table holds is ASCII, and only two letters
beyond ASCII have ASCII in their lower-case form: the Kelvin sign, which is read as the K that it
stands for, and the dotted capital I, which leaves a dot that is none. So a token with any other
letter beyond ASCII is in no table, and all that is asked of it is whether it is in capitals and
whether it holds "n't". White space and case beyond ASCII are CPython's own tables.
"""

from libc.math cimport fabs, rint, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    bint Py_UNICODE_ISSPACE(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISUPPER(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISLOWER(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISTITLE(Py_UCS4 character) noexcept nogil

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``vader`` whenever this file changes what it does or takes.
VERSION = 1

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()

ctypedef fused Offset:
    const int32_t
    const int64_t

# What a byte is. The first three also describe a character beyond ASCII, and a whole token.
cdef enum:
    SPACE = 1
    UPPER = 2
    LOWER = 4
    PUNCTUATION = 8
    BEYOND = 16  # part of a character beyond ASCII
    APOSTROPHE = 32
    EXCLAIMS = 64
    ASKS = 128

# What a word is to the rules.
cdef enum:
    IN_LEXICON = 1 << 0
    BOOSTS = 1 << 1
    NEGATES = 1 << 2
    OPENS = 1 << 3
    ENDS = 1 << 4
    AT = 1 << 5
    BUT = 1 << 6
    DOUBT = 1 << 7
    KIND = 1 << 8
    LEAST = 1 << 9
    NEVER = 1 << 10
    NO = 1 << 11
    NOR = 1 << 12
    OF = 1 << 13
    OR = 1 << 14
    SO = 1 << 15
    THIS = 1 << 16
    VERY = 1 << 17
    WITHOUT = 1 << 18

_ROLES = {
    "at": AT, "but": BUT, "doubt": DOUBT, "kind": KIND, "least": LEAST, "never": NEVER, "no": NO,
    "nor": NOR, "of": OF, "or": OR, "so": SO, "this": THIS, "very": VERY, "without": WITHOUT,
}

# A token: its word's place in the table (0: none that a rule knows), and what else is asked of it.
cdef enum:
    WORD = 0xFFFF
    IN_CAPITALS = 1 << 16
    HAS_NT = 1 << 17

cdef enum:
    LONGEST_WORD = 24
    SLOTS = 1 << 15
    MOST_PHRASES = 64
    #: Beyond these, no character is a space, has a case or is one of the emoji.
    CHARACTERS = 0x20000
    FIRST_EMOJI = 8
    KELVIN = 0x212A
    PADDING = 32
    UNUSED = -2
    NONE = -1

cdef struct Word:
    uint64_t letters[3]
    double valence
    double boost
    uint32_t roles
    uint32_t length

cdef struct Phrase:
    int32_t words[3]
    int32_t length
    double value

cdef struct Emoji:
    # Words of its name but the last, which fuses with what follows.
    uint32_t *tokens
    Py_ssize_t token_count
    Py_ssize_t exclamations
    Py_ssize_t questions
    uint8_t *last
    Py_ssize_t last_length
    uint32_t last_flags

cdef struct Tables:
    Word *words
    uint16_t slots[SLOTS]
    uint8_t bytes[256]
    # Flags of a character, or FIRST_EMOJI and more for an emoji.
    uint16_t *characters
    Emoji *emoji
    Phrase idioms[MOST_PHRASES]
    Phrase boosters[MOST_PHRASES]
    int idiom_count
    int booster_count
    double caps_increment
    double negation
    Py_ssize_t words_per_byte
    Py_ssize_t longest_name

# Room to work in: one for each thread.
cdef struct Scratch:
    uint8_t *lower
    uint8_t *fused
    uint8_t *kelvin
    Py_ssize_t text_room
    uint32_t *tokens
    Py_ssize_t *places
    double *valences
    Py_ssize_t token_room
    int32_t *left
    int32_t *right
    double *keys
    int32_t *roots
    Py_ssize_t heap_room

cdef struct Counts:
    Py_ssize_t tokens
    Py_ssize_t places
    Py_ssize_t capitals
    Py_ssize_t exclamations
    Py_ssize_t questions
    Py_ssize_t but

cdef struct Scores:
    double neg
    double neu
    double pos
    double compound


# --- words -----------------------------------------------------------------------------------

cdef extern from *:
    """
    /* The first bytes of eight that were read from a text, the others as zero. */
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define first_bytes(letters, length) ((letters) & (~(uint64_t)0 << (8 * (8 - (length)))))
    #else
    #define first_bytes(letters, length) ((letters) & (~(uint64_t)0 >> (8 * (8 - (length)))))
    #endif
    """
    uint64_t first_bytes(uint64_t letters, Py_ssize_t length) noexcept nogil


cdef inline uint64_t letters_at(const uint8_t *word, Py_ssize_t length) noexcept nogil:
    """Up to eight letters as a number; eight bytes must be readable."""
    cdef uint64_t letters = 0
    if length <= 0:
        return 0
    memcpy(&letters, word, 8)
    return letters if length >= 8 else first_bytes(letters, length)


cdef inline uint32_t slot_of(uint64_t one, uint64_t two, uint64_t three) noexcept nogil:
    one ^= (two ^ (two >> 29)) * <uint64_t> 0xBF58476D1CE4E5B9
    one ^= (three ^ (three >> 31)) * <uint64_t> 0x94D049BB133111EB
    return <uint32_t> ((one * <uint64_t> 0x9E3779B97F4A7C15) >> 49)


cdef inline uint32_t word_at(const Tables *tables, const uint8_t *word, Py_ssize_t length) noexcept nogil:
    """The word's place in the table, 0 where it isn't there."""
    if length > LONGEST_WORD:
        return 0
    cdef uint64_t one = letters_at(word, length), two = 0, three = 0
    if length > 8:
        two = letters_at(word + 8, length - 8)
        three = letters_at(word + 16, length - 16)
    cdef uint32_t slot = slot_of(one, two, three), found
    cdef const Word *known
    while True:
        found = tables.slots[slot]
        if found == 0:
            return 0
        known = &tables.words[found]
        # The length tells a word from the same with null characters behind it.
        if (
            known.letters[0] == one and known.letters[1] == two and known.letters[2] == three
            and known.length == <uint32_t> length
        ):
            return found
        slot = (slot + 1) & (SLOTS - 1)


cdef inline bint holds_nt(const uint8_t *start, const uint8_t *end) noexcept nogil:
    cdef const uint8_t *at = start + 1
    while at < end - 1:
        if at[0] == c"'" and (at - 1)[0] == c"n" and at[1] == c"t":
            return True
        at += 1
    return False


cdef inline void take_token(
    const Tables *tables, Scratch *room, Counts *counts,
    const uint8_t *start, const uint8_t *end, uint32_t flags,
) noexcept nogil:
    """Note a token that is in lower case already; ``flags`` is what its characters were."""
    cdef const uint8_t *first = start
    cdef const uint8_t *last = end
    cdef uint32_t token = 0, roles
    cdef Py_ssize_t i
    if flags & (EXCLAIMS | ASKS):
        for i in range(end - start):
            counts.exclamations += start[i] == c"!"
            counts.questions += start[i] == c"?"
    if not flags & BEYOND:
        if flags & PUNCTUATION:
            while first < last and tables.bytes[first[0]] & PUNCTUATION:
                first += 1
            while first < last and tables.bytes[(last - 1)[0]] & PUNCTUATION:
                last -= 1
            # Two characters or fewer were probably an emoticon: it keeps its punctuation.
            if last - first <= 2:
                first = start
                last = end
        token = word_at(tables, first, last - first)
    roles = tables.words[token].roles
    if token == 0:
        if flags & APOSTROPHE and holds_nt(start, end):
            token = HAS_NT
    elif roles & (IN_LEXICON | BOOSTS | BUT):
        # Boosters are never scored themselves, whatever the lexicon says of them.
        if roles & (IN_LEXICON | BOOSTS) == IN_LEXICON:
            room.places[counts.places] = counts.tokens
            counts.places += 1
        if roles & BUT and counts.but < 0:
            counts.but = counts.tokens
    if flags & (UPPER | LOWER) == UPPER:
        token |= IN_CAPITALS
        counts.capitals += 1
    room.tokens[counts.tokens] = token
    counts.tokens += 1


# --- texts -----------------------------------------------------------------------------------

cdef inline int character_at(const uint8_t *at, const uint8_t *end, uint32_t *character) noexcept nogil:
    """Decode what is not ASCII; returns its bytes. What is no UTF-8 is read as something else."""
    cdef Py_ssize_t left = end - at
    cdef uint32_t lead = at[0]
    if lead < 0xE0 and left >= 2:
        character[0] = (lead & 0x1F) << 6 | (at[1] & 0x3F)
        return 2
    if lead < 0xF0 and left >= 3:
        character[0] = (lead & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F)
        return 3
    if left >= 4:
        character[0] = (
            (lead & 0x07) << 18 | (at[1] & 0x3F) << 12 | (at[2] & 0x3F) << 6 | (at[3] & 0x3F)
        )
        return 4
    character[0] = 0xFFFD
    return 1


cdef int read_text(
    const Tables *tables, Scratch *room, Counts *counts, const uint8_t *text, Py_ssize_t length,
) noexcept nogil:
    """Split a text into tokens, as if each emoji were its name; 1 where it holds a Kelvin sign."""
    cdef Py_ssize_t i, fused
    cdef uint8_t byte
    cdef uint8_t *lower = room.lower
    for i in range(length):
        byte = text[i]
        lower[i] = byte | (<uint8_t> (<uint8_t> (byte - 65) < 26) << 5)
    cdef const uint8_t *at = text
    cdef const uint8_t *end = text + length
    cdef const uint8_t *start
    cdef const Emoji *before = NULL
    cdef const Emoji *emoji
    cdef uint32_t flags, kind, character = 0
    cdef int size
    counts[0] = Counts(0, 0, 0, 0, 0, -1)
    while True:
        start = at
        flags = before.last_flags if before != NULL else 0
        emoji = NULL
        size = 0
        while at < end:
            kind = tables.bytes[at[0]]
            if kind & (SPACE | BEYOND):
                size = 1
                if kind & SPACE:
                    break
                size = character_at(at, end, &character)
                kind = tables.characters[character] if character < CHARACTERS else 0
                if kind >= FIRST_EMOJI:
                    emoji = &tables.emoji[kind - FIRST_EMOJI]
                    break
                if kind & SPACE:
                    break
                if character == KELVIN:
                    return 1
                flags |= BEYOND | kind
                at += size
                size = 0
                continue
            flags |= kind
            at += 1
        if before != NULL:
            # The last word of an emoji's name fuses with what follows it.
            fused = before.last_length
            memcpy(room.fused, before.last, fused)
            memcpy(room.fused + fused, lower + (start - text), at - start)
            take_token(tables, room, counts, room.fused, room.fused + fused + (at - start), flags)
        elif at > start:
            take_token(tables, room, counts, lower + (start - text), lower + (at - text), flags)
        if at >= end:
            return 0
        at += size
        before = emoji
        if emoji != NULL:
            for i in range(emoji.token_count):
                take_name(tables, room, counts, emoji.tokens[i])
            counts.exclamations += emoji.exclamations
            counts.questions += emoji.questions


cdef inline void take_name(
    const Tables *tables, Scratch *room, Counts *counts, uint32_t token,
) noexcept nogil:
    """Note a word of an emoji's name, which was looked up when the tables were made."""
    cdef uint32_t roles = tables.words[token & WORD].roles
    if roles & (IN_LEXICON | BOOSTS) == IN_LEXICON:
        room.places[counts.places] = counts.tokens
        counts.places += 1
    if roles & BUT and counts.but < 0:
        counts.but = counts.tokens
    counts.capitals += (token & IN_CAPITALS) != 0
    room.tokens[counts.tokens] = token
    counts.tokens += 1


# --- valences --------------------------------------------------------------------------------

cdef inline double boost_of(
    const Tables *tables, uint32_t token, double valence, bint caps_differ,
) noexcept nogil:
    cdef const Word *word = &tables.words[token & WORD]
    cdef double scalar = word.boost
    if word.roles & BOOSTS:
        if valence < 0:
            scalar = -scalar
        if caps_differ and token & IN_CAPITALS:
            scalar += tables.caps_increment if valence > 0 else -tables.caps_increment
    return scalar


cdef inline const Phrase *phrase_of(
    const Phrase *phrases, int count, const uint32_t *tokens, int length,
) noexcept nogil:
    """The phrase that the tokens make, or NULL."""
    cdef int i, j
    for i in range(count):
        if phrases[i].length == length:
            for j in range(length):
                if <uint32_t> phrases[i].words[j] != tokens[j] & WORD:
                    break
            else:
                return &phrases[i]
    return NULL


cdef double after_idioms(
    const Tables *tables, const uint32_t *tokens, Py_ssize_t i, Py_ssize_t count, double valence,
) noexcept nogil:
    """Valence of the word at ``i`` (3 or later) where it stands in or behind a set phrase."""
    cdef Py_ssize_t starts[5]
    cdef int lengths[5]
    cdef const Phrase *found = NULL
    cdef int which
    starts[:] = [i - 1, i - 2, i - 2, i - 3, i - 3]
    lengths[:] = [2, 3, 2, 3, 2]
    for which in range(5):
        found = phrase_of(
            tables.idioms, tables.idiom_count, tokens + starts[which], lengths[which]
        )
        if found != NULL:
            valence = found.value
            break
    for which in range(2, 4):
        if i + which <= count:
            found = phrase_of(tables.idioms, tables.idiom_count, tokens + i, which)
            if found != NULL:
                valence = found.value
    starts[:3] = [i - 3, i - 3, i - 2]
    lengths[:3] = [3, 2, 2]
    for which in range(3):
        found = phrase_of(
            tables.boosters, tables.booster_count, tokens + starts[which], lengths[which]
        )
        if found != NULL:
            valence += found.value
    return valence


cdef double valence_of(
    const Tables *tables, const uint32_t *tokens, Py_ssize_t i, Py_ssize_t count, bint caps_differ,
) noexcept nogil:
    """Valence of the lexicon word at ``i`` among its neighbours: three before, two after."""
    cdef uint32_t token = tokens[i]
    cdef uint32_t one = tokens[i - 1] if i > 0 else 0
    cdef uint32_t two = tokens[i - 2] if i > 1 else 0
    cdef uint32_t three = tokens[i - 3] if i > 2 else 0
    cdef uint32_t roles = tables.words[token & WORD].roles
    cdef uint32_t roles_one = tables.words[one & WORD].roles
    cdef uint32_t roles_two = tables.words[two & WORD].roles
    cdef uint32_t roles_three = tables.words[three & WORD].roles
    cdef uint32_t after = tables.words[tokens[i + 1] & WORD].roles if i + 1 < count else 0
    cdef double base = tables.words[token & WORD].valence
    cdef double valence = base
    if roles & KIND and after & OF:
        return 0.0
    if one & HAS_NT:
        roles_one |= NEGATES
    if two & HAS_NT:
        roles_two |= NEGATES
    if three & HAS_NT:
        roles_three |= NEGATES

    if roles & NO and after & IN_LEXICON:
        valence = 0.0
    if (roles_one | roles_two) & NO or (roles_three & NO and roles_one & (OR | NOR)):
        valence = base * tables.negation
    if caps_differ and token & IN_CAPITALS:
        valence += tables.caps_increment if valence > 0 else -tables.caps_increment

    if not roles_one & IN_LEXICON:
        valence += boost_of(tables, one, valence, caps_differ)
        if roles_one & NEGATES:
            valence *= tables.negation
    if not roles_two & IN_LEXICON:
        valence += boost_of(tables, two, valence, caps_differ) * 0.95
        if roles_two & NEVER and roles_one & (SO | THIS):
            valence *= 1.25
        elif roles_two & NEGATES and not (roles_two & WITHOUT and roles_one & DOUBT):
            valence *= tables.negation
    if i > 2 and not roles_three & IN_LEXICON:
        valence += boost_of(tables, three, valence, caps_differ) * 0.9
        if roles_one & (SO | THIS) or (roles_three & NEVER and roles_two & (SO | THIS)):
            valence *= 1.25
        elif roles_three & NEGATES and not (
            roles_three & WITHOUT and (roles_two | roles_one) & DOUBT
        ):
            valence *= tables.negation
        if (
            (roles & ENDS and roles_one & OPENS)
            or (roles_one & ENDS and roles_two & OPENS)
            or (roles_two & ENDS and roles_three & OPENS)
            or roles & OPENS
        ):
            valence = after_idioms(tables, tokens, i, count, valence)

    if roles_one & LEAST and not roles_two & (AT | VERY) and not roles_one & IN_LEXICON:
        valence *= tables.negation
    return valence


# --- "but" -----------------------------------------------------------------------------------
#
# The published code finds a word's place by its valence, so of equal valences the first is altered,
# and altered again. Its search takes time that grows with the square of a text's length. Here the
# places of each valence lie in a heap of their own, the first place on top: a skew heap, whose nodes
# are the places themselves.

cdef inline int32_t merged(int32_t *left, int32_t *right, int32_t one, int32_t two) noexcept nogil:
    cdef int32_t root = NONE, other
    cdef int32_t *link = &root
    while one != NONE and two != NONE:
        if two < one:
            one, two = two, one
        link[0] = one
        other = right[one]
        right[one] = left[one]
        link = &left[one]
        one = other
    link[0] = two if one == NONE else one
    return root


cdef inline int32_t *heap_of(Scratch *room, uint64_t mask, double valence) noexcept nogil:
    """The heap of the places that have a valence, made where there was none."""
    cdef uint64_t bits = 0, slot
    valence += 0.0  # -0.0 equals 0.0
    memcpy(&bits, &valence, 8)
    slot = ((bits ^ (bits >> 32)) * <uint64_t> 0x9E3779B97F4A7C15 >> 32) & mask
    while room.roots[slot] != UNUSED and room.keys[slot] != valence:
        slot = (slot + 1) & mask
    if room.roots[slot] == UNUSED:
        room.roots[slot] = NONE
        room.keys[slot] = valence
    return &room.roots[slot]


cdef int weigh_but(Scratch *room, const Counts *counts) noexcept nogil:
    """Halve what stands before the first "but", raise what stands behind it by half."""
    cdef Py_ssize_t slots = 16, i
    cdef int32_t first
    cdef int32_t *heap
    # At most two valences for each place: the one it had and the one it was given.
    while slots < 4 * counts.places:
        slots *= 2
    if not heaps_have_room(room, slots):
        return -1
    for i in range(slots):
        room.roots[i] = UNUSED
    for i in range(counts.places):
        room.left[i] = room.right[i] = NONE
        heap = heap_of(room, slots - 1, room.valences[i])
        first = merged(room.left, room.right, heap[0], <int32_t> i)
        heap[0] = merged(room.left, room.right, room.left[first], room.right[first])
        room.valences[first] *= 0.5 if room.places[first] < counts.but else 1.5
        room.left[first] = room.right[first] = NONE
        heap = heap_of(room, slots - 1, room.valences[first])
        heap[0] = merged(room.left, room.right, heap[0], first)
    return 0


# --- scores ----------------------------------------------------------------------------------

cdef double rounded_by_python(double value, int digits) noexcept with gil:
    return round(value, digits)


cdef inline double rounded(double value, double scale, int digits) noexcept nogil:
    """``round(value, digits)`` to the last bit."""
    cdef double scaled = value * scale
    cdef double whole = rint(scaled)
    # Near a tie the product is not exact enough to tell the side. Elsewhere the nearest whole
    # number is right, and its division gives the double nearest to the decimal, as Python does.
    if fabs(fabs(scaled - whole) - 0.5) < 1e-6:
        return rounded_by_python(value, digits)
    return whole / scale


cdef int score_text(
    const Tables *tables, Scratch *room, const uint8_t *text, Py_ssize_t length, Scores *scores,
) noexcept nogil:
    """Score one text; -1 where there is no memory for it."""
    cdef Counts counts
    cdef Py_ssize_t i
    cdef double total = 0.0, positive = 0.0, negative = 0.0, emphasis, whole, valence
    cdef Py_ssize_t neutral
    cdef bint caps_differ
    if not texts_have_room(tables, room, length):
        return -1
    if read_text(tables, room, &counts, text, length):
        length = without_kelvin(room, text, length)
        read_text(tables, room, &counts, room.kelvin, length)
    scores[0] = Scores(0.0, 0.0, 0.0, 0.0)
    if counts.tokens == 0:
        return 0
    if counts.places == 0:
        scores.neu = 1.0
        return 0

    caps_differ = 0 < counts.capitals < counts.tokens
    for i in range(counts.places):
        room.valences[i] = valence_of(
            tables, room.tokens, room.places[i], counts.tokens, caps_differ
        )
    if counts.but >= 0 and weigh_but(room, &counts) < 0:
        return -1

    # From left to right, without compensation: later Pythons' sum() flips labels.
    neutral = counts.tokens
    for i in range(counts.places):
        valence = room.valences[i]
        total += valence
        if valence > 0:
            positive += valence + 1
            neutral -= 1
        elif valence < 0:
            negative += valence - 1
            neutral -= 1
    emphasis = min(counts.exclamations, 4) * 0.292
    if counts.questions >= 2:
        emphasis += counts.questions * 0.18 if counts.questions <= 3 else 0.96
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    if positive > -negative:
        positive += emphasis
    elif positive < -negative:
        negative -= emphasis
    whole = positive - negative + neutral
    scores.neg = rounded(-negative / whole + 0.0, 1e3, 3)
    scores.neu = rounded(neutral / whole, 1e3, 3)
    scores.pos = rounded(positive / whole, 1e3, 3)
    scores.compound = rounded(total / sqrt(total * total + 15), 1e4, 4)
    return 0


cdef Py_ssize_t without_kelvin(Scratch *room, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Write the text with each Kelvin sign as the K that it is in lower case, and in capitals."""
    cdef Py_ssize_t i = 0, written = 0
    while i < length:
        if text[i] == 0xE2 and i + 2 < length and text[i + 1] == 0x84 and text[i + 2] == 0xAA:
            room.kelvin[written] = 75
            i += 3
        else:
            room.kelvin[written] = text[i]
            i += 1
        written += 1
    return written


# --- room ------------------------------------------------------------------------------------

cdef inline bint texts_have_room(const Tables *tables, Scratch *room, Py_ssize_t length) noexcept nogil:
    return length <= room.text_room or make_room_for_texts(tables, room, length)


cdef bint make_room_for_texts(const Tables *tables, Scratch *room, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t letters = 2 * length + 512
    cdef Py_ssize_t tokens = letters * tables.words_per_byte
    free_texts(room)
    room.lower = <uint8_t *> malloc(letters + PADDING)
    room.fused = <uint8_t *> malloc(letters + tables.longest_name + PADDING)
    room.kelvin = <uint8_t *> malloc(letters + PADDING)
    room.tokens = <uint32_t *> malloc(tokens * sizeof(uint32_t))
    room.places = <Py_ssize_t *> malloc(tokens * sizeof(Py_ssize_t))
    room.valences = <double *> malloc(tokens * sizeof(double))
    if not (
        room.lower and room.fused and room.kelvin and room.tokens and room.places and room.valences
    ):
        return False
    room.text_room = letters
    return True


cdef bint heaps_have_room(Scratch *room, Py_ssize_t slots) noexcept nogil:
    if slots <= room.heap_room:
        return True
    free_heaps(room)
    room.left = <int32_t *> malloc(slots * sizeof(int32_t))
    room.right = <int32_t *> malloc(slots * sizeof(int32_t))
    room.keys = <double *> malloc(slots * sizeof(double))
    room.roots = <int32_t *> malloc(slots * sizeof(int32_t))
    if not (room.left and room.right and room.keys and room.roots):
        return False
    room.heap_room = slots
    return True


cdef void free_texts(Scratch *room) noexcept nogil:
    free(room.lower)
    free(room.fused)
    free(room.kelvin)
    free(room.tokens)
    free(room.places)
    free(room.valences)
    room.lower = room.fused = room.kelvin = NULL
    room.tokens = NULL
    room.places = NULL
    room.valences = NULL
    room.text_room = -1


cdef void free_heaps(Scratch *room) noexcept nogil:
    free(room.left)
    free(room.right)
    free(room.keys)
    free(room.roots)
    room.left = room.right = room.roots = NULL
    room.keys = NULL
    room.heap_room = 0


# --- tables, from Python's objects -----------------------------------------------------------

cdef class Kernel:
    """The words in tables; scores texts for any number of threads at once."""

    cdef Tables *tables
    cdef Py_ssize_t emoji_count

    def __cinit__(self):
        self.tables = <Tables *> calloc(1, sizeof(Tables))
        if self.tables == NULL:
            raise MemoryError

    def __init__(self, words, str caseless, double caps_increment, double negation):
        """``words``: as ``vader_words.Words``; ``caseless``: letters that count as without case."""
        if self.tables.words != NULL:
            raise ValueError("a kernel's words are given once")
        self.tables.caps_increment = caps_increment
        self.tables.negation = negation
        self._read_characters(caseless)
        places = self._read_words(words.words)
        self.tables.idiom_count = self._read_phrases(self.tables.idioms, words.idioms, places)
        self.tables.booster_count = self._read_phrases(
            self.tables.boosters, words.booster_phrases, places
        )
        self._read_emoji(words.emoji, places)

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.tables == NULL:
            return
        for i in range(self.emoji_count):
            free(self.tables.emoji[i].tokens)
            free(self.tables.emoji[i].last)
        free(self.tables.emoji)
        free(self.tables.words)
        free(self.tables.characters)
        free(self.tables)

    cdef _read_characters(self, str caseless):
        cdef Tables *tables = self.tables
        cdef Py_UCS4 character
        cdef uint32_t code
        tables.characters = <uint16_t *> allocated(CHARACTERS, sizeof(uint16_t))
        for code in range(CHARACTERS):
            tables.characters[code] = (
                (SPACE if Py_UNICODE_ISSPACE(code) else 0)
                | (UPPER if Py_UNICODE_ISUPPER(code) else 0)
                | (LOWER if Py_UNICODE_ISLOWER(code) or Py_UNICODE_ISTITLE(code) else 0)
            )
        for character in caseless:
            tables.characters[character] &= SPACE
        for code in range(128):
            tables.bytes[code] = tables.characters[code]
        for code in range(128, 256):
            tables.bytes[code] = BEYOND
        for character in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
            tables.bytes[character] |= PUNCTUATION
        tables.bytes[<uint8_t> c"'"] |= APOSTROPHE
        tables.bytes[<uint8_t> c"!"] |= EXCLAIMS
        tables.bytes[<uint8_t> c"?"] |= ASKS

    cdef dict _read_words(self, words):
        cdef Tables *tables = self.tables
        cdef Word *word
        cdef uint32_t slot, place
        cdef uint8_t padded[LONGEST_WORD + 8]
        cdef const uint8_t *letters
        # The first is the word that no rule knows.
        tables.words = <Word *> allocated(len(words) + 1, sizeof(Word))
        places = {}
        # A word beyond ASCII, as one emoticon of the lexicon is, can't be met: see above.
        known = [(text, facts) for text, facts in words.items() if text.isascii()]
        if len(known) > SLOTS // 2:
            raise ValueError(f"{len(known)} words are too many for the kernel's table")
        for place, (text, facts) in enumerate(known, 1):
            encoded = text.encode()
            if not 0 < len(encoded) <= LONGEST_WORD:
                raise ValueError(f"a word of {len(encoded)} letters is too long for the kernel")
            places[text] = place
            word = &tables.words[place]
            letters = encoded
            memset(padded, 0, sizeof(padded))
            memcpy(padded, letters, len(encoded))
            word.length = len(encoded)
            for slot in range(3):
                word.letters[slot] = letters_at(padded + 8 * slot, 8)
            word.valence = facts.valence or 0.0
            word.boost = facts.boost
            word.roles = (
                _ROLES.get(text, 0)
                | (IN_LEXICON if facts.valence is not None else 0)
                | (BOOSTS if facts.boost else 0)
                | (NEGATES if facts.negates else 0)
            )
            slot = slot_of(word.letters[0], word.letters[1], word.letters[2])
            while tables.slots[slot]:
                slot = (slot + 1) & (SLOTS - 1)
            tables.slots[slot] = place
        return places

    cdef int _read_phrases(self, Phrase *phrases, dict values, dict places) except -1:
        if len(values) > MOST_PHRASES:
            raise ValueError(f"{len(values)} phrases are too many for the kernel")
        for i, (phrase, value) in enumerate(values.items()):
            if len(phrase) not in (2, 3):
                raise ValueError(f"the kernel knows no phrases of {len(phrase)} words")
            phrases[i].length = len(phrase)
            phrases[i].value = value
            for j, word in enumerate(phrase):
                phrases[i].words[j] = places[word]
                # May precede, or be, the last word of a phrase: a cheap look before a search.
                self.tables.words[phrases[i].words[j]].roles |= (
                    ENDS if j == len(phrase) - 1 else OPENS
                )
        return len(values)

    cdef _read_emoji(self, names, dict places):
        cdef Tables *tables = self.tables
        cdef Emoji *emoji
        cdef const uint8_t *letters
        cdef Py_UCS4 character
        cdef Py_ssize_t i
        tables.emoji = <Emoji *> allocated(len(names), sizeof(Emoji))
        tables.words_per_byte = 1
        for character, name in names.items():
            emoji = &tables.emoji[self.emoji_count]
            if not 127 < character < CHARACTERS:
                raise ValueError("an emoji lies beyond the characters that the kernel knows")
            tables.characters[character] = FIRST_EMOJI + self.emoji_count
            self.emoji_count += 1
            if any(other in names for other in name) or name != name.strip() or not name:
                raise ValueError("an emoji's name is more than words")
            *firsts, last = name.split()
            emoji.exclamations = sum(word.count("!") for word in firsts)
            emoji.questions = sum(word.count("?") for word in firsts)
            emoji.token_count = len(firsts)
            emoji.tokens = <uint32_t *> allocated(len(firsts), sizeof(uint32_t))
            for i, text in enumerate(firsts):
                emoji.tokens[i] = named_token(text, places)
            encoded = last.encode()
            letters = encoded
            emoji.last = <uint8_t *> allocated(len(encoded), 1)
            emoji.last_length = len(encoded)
            for i in range(emoji.last_length):
                emoji.last[i] = letters[i] | (32 if 65 <= letters[i] <= 90 else 0)
                emoji.last_flags |= tables.bytes[letters[i]]
            for other in last:
                if ord(other) > 127:
                    emoji.last_flags |= tables.characters[ord(other)] & (UPPER | LOWER)
            tables.longest_name = max(tables.longest_name, emoji.last_length)
            # An emoji takes two bytes at least.
            tables.words_per_byte = max(tables.words_per_byte, (len(firsts) + 2) // 2)

    def score(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        Py_ssize_t start,
        Py_ssize_t stop,
        double[::1] neg,
        double[::1] neu,
        double[::1] pos,
        double[::1] compound,
    ):
        """Score rows ``start`` to ``stop`` of an Arrow array of strings into four columns.

        ``offsets``, ``data`` and ``valid`` (a bitmap, or None) are the array's buffers, ``offset``
        its place in them. Null rows score zero: the caller masks them.
        """
        cdef Scratch room
        cdef Scores scores
        cdef Py_ssize_t i, row, first, last, problem = 0
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef bint has_nulls = valid is not None
        if not (
            0 <= start <= stop
            and stop <= min(neg.shape[0], neu.shape[0], pos.shape[0], compound.shape[0])
            and 0 <= offset and offset + stop < offsets.shape[0]
            and (not has_nulls or offset + stop <= 8 * valid.shape[0])
        ):
            raise ValueError("rows to score lie outside the buffers")
        memset(&room, 0, sizeof(Scratch))
        room.text_room = -1
        with nogil:
            for i in range(start, stop):
                row = offset + i
                if has_nulls and not valid[row >> 3] >> (row & 7) & 1:
                    neg[i] = neu[i] = pos[i] = compound[i] = 0.0
                    continue
                first = <Py_ssize_t> offsets[row]
                last = <Py_ssize_t> offsets[row + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    problem = 1
                    break
                if score_text(self.tables, &room, text + first, last - first, &scores) < 0:
                    problem = 2
                    break
                neg[i] = scores.neg
                neu[i] = scores.neu
                pos[i] = scores.pos
                compound[i] = scores.compound
            free_texts(&room)
            free_heaps(&room)
        if problem == 1:
            raise ValueError("an offset of the texts to score lies outside their buffer")
        if problem == 2:
            raise MemoryError("no memory to score a text of the batch")


cdef void *allocated(Py_ssize_t count, Py_ssize_t size) except NULL:
    cdef void *memory = calloc(max(count, 1), size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef uint32_t named_token(str text, dict places):
    """A word of an emoji's name, looked up by Python's own rules."""
    stripped = text.strip("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    word = (text if len(stripped) <= 2 else stripped).lower()
    token = places.get(word, 0)
    if not token and "n't" in word:
        token = HAS_NT
    return token | (IN_CAPITALS if text.isupper() else 0)
