# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""The first look at a column of texts, compiled: plain masks, and which rules a text needs.

Belongs here: one pass over each text that says which rules may find something in it. A yes is a
reason to look, a no is a proof, and a test; what a rule finds is said in Python alone, once. So a
condition here is what ``find`` of a rule can't do without, never the rule itself. ``look`` chooses
between this and Polars' patterns, and says what the bits are for.

How a text is read: as UTF-8, masks blank. Letters and folds beyond ASCII come from one table of
characters; a text with such a letter that nothing folds is left to the rules of names.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t items)
    bint Py_UNICODE_ISALPHA(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISALNUM(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISDECIMAL(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISDIGIT(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISUPPER(Py_UCS4 character) noexcept nogil

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``look`` whenever this file changes what it does or takes.
VERSION = 6

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()

ctypedef fused Offset:
    const int32_t
    const int64_t

ctypedef fused NameOffset:
    const int32_t
    const int64_t

# What is said of a text.
cdef enum:
    IS_DISGUISED = 1 << 0
    HOLDS_MASK = 1 << 1
    HAS_DIGIT = 1 << 2
    MAY_NAME = 1 << 3
    FOUR_DIGITS = 1 << 4
    SIX_DIGITS = 1 << 5
    SEVEN_DIGITS = 1 << 6
    LIKE_URL = 1 << 7
    LIKE_EMAIL = 1 << 8
    LIKE_HANDLE = 1 << 9
    LIKE_DEVICE = 1 << 10
    LIKE_COORDINATES = 1 << 11
    LIKE_IP = 1 << 12
    LIKE_IBAN = 1 << 13
    LIKE_NATIONAL_ID = 1 << 14
    LIKE_STREET = 1 << 15
    LIKE_POSTCODE = 1 << 16
    LIKE_TOKEN = 1 << 17

DISGUISED, TYPED, DIGIT, NAME = IS_DISGUISED, HOLDS_MASK, HAS_DIGIT, MAY_NAME
FOUR, SIX, SEVEN = FOUR_DIGITS, SIX_DIGITS, SEVEN_DIGITS
URL, EMAIL, HANDLE, DEVICE = LIKE_URL, LIKE_EMAIL, LIKE_HANDLE, LIKE_DEVICE
COORDINATES, IP, IBAN, NATIONAL_ID = LIKE_COORDINATES, LIKE_IP, LIKE_IBAN, LIKE_NATIONAL_ID
STREET, POSTCODE, TOKEN = LIKE_STREET, LIKE_POSTCODE, LIKE_TOKEN

# What a word is. The first eight are the lexicon's own bits.
cdef enum:
    GIVEN = 1
    SURNAME = 2
    PLACE = 8
    BRAND = 16
    SELDOM = 32
    UNSURE = 60
    OFTEN = 64
    FREQUENT = 128
    NO_SURNAME = 1 << 8
    TITLE = 1 << 9
    CALLED = 1 << 10
    ROLE = 1 << 11
    FEATURE = 1 << 12
    BEFORE_PLACE = 1 << 13
    ANNOUNCING = 1 << 14
    ANNOUNCER = 1 << 15
    PARTICLE = 1 << 16
    PLATFORM = 1 << 17
    SITE = 1 << 18
    IN_DICTIONARY = 1 << 19
    NOT_PEOPLE = 1 << 20
    ALLOWED = 1 << 21
    STREET_IN_CAPITALS = 1 << 27
    STREET_IN_ANY_CASE = 1 << 28
    CORNER = 1 << 29
    NOBODY = 1 << 30
    NAMED = 255
    # Of one word of a text, besides.
    UNKNOWN = 1 << 22
    FORMED = 1 << 23
    INITIAL = 1 << 24
    COMPOUND = 1 << 25
    SURE = 1 << 26

#: Bits of a word, for whoever fills the tables.
MARKS = {
    "no_surname": NO_SURNAME, "title": TITLE, "called": CALLED, "role": ROLE, "feature": FEATURE,
    "before_place": BEFORE_PLACE, "announcing": ANNOUNCING, "announcer": ANNOUNCER,
    "particle": PARTICLE, "platform": PLATFORM, "site": SITE, "in_dictionary": IN_DICTIONARY,
    "not_people": NOT_PEOPLE, "allowed": ALLOWED,
    "street": STREET_IN_CAPITALS, "street_in_any_case": STREET_IN_ANY_CASE, "corner": CORNER,
    "nobody": NOBODY,
}

# What a byte is.
cdef enum:
    UPPER = 1
    LOWER = 2
    NUMERAL = 4
    BEYOND = 8  # part of a character beyond ASCII
    CONTROL = 16
    AT = 32
    BRACKET = 64
    ESCAPE = 128
    LETTER = UPPER | LOWER
    ALNUM = UPPER | LOWER | NUMERAL

# What a character beyond ASCII is.
cdef enum:
    FOLDS = 1
    ALPHA = 2

cdef enum:
    LONGEST_WORD = 24
    SLOTS = 1 << 18
    CHARACTERS = 0x20000
    MOST_WORDS = 64
    MOST_MASKS = 32
    LONGEST_MASK = 32
    #: Zeros before and after a text, so that a look around needs no bounds.
    PADDING = 64
    #: A handle of one letter grows from two bytes to eight.
    GROWTH = 4
    FIRST_TAG = 0xE0000
    LAST_TAG = 0xE0FFF
    #: A longer name is looked for in detail.
    LONGEST_NAME = 256
    SIGN_SLOTS = 1 << 13
    MOST_SIGNS = 1 << 12
    LONGEST_SIGN = 40
    #: Beyond an end of a sign: any byte but a small letter, or the text's end.
    EDGE = 1
    SHORTEST_PART = 3
    JOINER = 0x200D
    SELECTOR = 0xFE0F

cdef struct Entry:
    uint64_t letters[3]
    uint32_t length
    uint32_t marks

cdef struct Tables:
    Entry *entries
    uint32_t entry_count
    # Place of an entry, 0 for none.
    uint32_t slots[SLOTS]
    uint8_t bytes[256]
    uint8_t characters[CHARACTERS]
    # By three letters: whether a word that begins so may be formed like a name.
    uint8_t formed[26 * 26 * 26]
    # By two letters: a bit for each length of a platform's name that begins so.
    uint16_t platforms[26 * 26]
    uint8_t masks[MOST_MASKS][LONGEST_MASK]
    Py_ssize_t mask_lengths[MOST_MASKS]
    int mask_count
    int handle_mask
    int url_mask
    uint8_t providers[MOST_MASKS][LONGEST_MASK]
    int provider_count

# Room to work in: one for each call.
cdef struct Room:
    # The text that rules read, between zeros.
    uint8_t *read
    Py_ssize_t read_room
    # The texts that come out, one behind the other.
    uint8_t *out
    Py_ssize_t out_room
    Py_ssize_t out_length

# A text in lower case.
cdef struct Letters:
    uint8_t *lower
    Py_ssize_t room
    Py_ssize_t length
    # By six bits of a byte: a bit for six of each byte that follows one.
    uint64_t pairs[64]
    bint beyond

cdef struct Word:
    Py_ssize_t start
    Py_ssize_t end
    uint32_t marks


# --- words -----------------------------------------------------------------------------------

cdef inline uint64_t hashed(const uint64_t *letters) noexcept nogil:
    cdef uint64_t one = letters[0]
    one ^= (letters[1] ^ (letters[1] >> 29)) * <uint64_t> 0xBF58476D1CE4E5B9
    one ^= (letters[2] ^ (letters[2] >> 31)) * <uint64_t> 0x94D049BB133111EB
    return (one * <uint64_t> 0x9E3779B97F4A7C15) >> 32


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
    """Up to eight letters as a number, capitals as small ones; eight bytes must be readable.

    Signs become others, the same ones in texts and tables; no sign becomes a letter.
    """
    cdef uint64_t letters
    if length <= 0:
        return 0
    memcpy(&letters, word, 8)
    letters |= <uint64_t> 0x2020202020202020
    return letters if length >= 8 else first_bytes(letters, length)


cdef inline void read_key(const uint8_t *word, Py_ssize_t length, uint64_t *key) noexcept nogil:
    key[0] = letters_at(word, length)
    key[1] = key[2] = 0
    if length > 8:
        key[1] = letters_at(word + 8, length - 8)
        key[2] = letters_at(word + 16, length - 16)


cdef inline uint32_t marks_of(const Tables *tables, const uint8_t *word, Py_ssize_t length) noexcept nogil:
    """What the tables say of a word in any case; 0 where they don't have it."""
    cdef uint64_t key[3]
    cdef const Entry *entry
    cdef uint32_t slot, place
    if length > LONGEST_WORD:
        return 0
    read_key(word, length, key)
    slot = hashed(key) & (SLOTS - 1)
    while True:
        place = tables.slots[slot]
        if place == 0:
            return 0
        entry = &tables.entries[place]
        if (
            entry.letters[0] == key[0] and entry.letters[1] == key[1]
            and entry.letters[2] == key[2] and entry.length == <uint32_t> length
        ):
            return entry.marks
        slot = (slot + 1) & (SLOTS - 1)


cdef inline bint is_formed(const Tables *tables, const uint8_t *word, Py_ssize_t length) noexcept nogil:
    cdef uint32_t place = 0
    cdef int i
    if length < 6:
        return False
    for i in range(3):
        place = place * 26 + ((word[i] | 32) - 97)
    return tables.formed[place]


cdef inline bint matches(const uint8_t *at, const char *lower, Py_ssize_t length) noexcept nogil:
    """Whether a text goes on like this, letters in any case."""
    cdef Py_ssize_t i
    for i in range(length):
        if (at[i] | (32 if 65 <= at[i] <= 90 else 0)) != <uint8_t> lower[i]:
            return False
    return True


# --- characters ------------------------------------------------------------------------------

cdef inline uint32_t character_at(const uint8_t *at, Py_ssize_t *width) noexcept nogil:
    """The character that begins here; texts in Arrow are valid UTF-8."""
    if at[0] < 0xE0:
        width[0] = 2
        return (at[0] & 0x1F) << 6 | (at[1] & 0x3F)
    if at[0] < 0xF0:
        width[0] = 3
        return (at[0] & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F)
    width[0] = 4
    return (
        (at[0] & 0x07) << 18 | (at[1] & 0x3F) << 12 | (at[2] & 0x3F) << 6 | (at[3] & 0x3F)
    )


cdef inline uint8_t kinds_of(const Tables *tables, uint32_t character) noexcept nogil:
    if character < CHARACTERS:
        return tables.characters[character]
    return FOLDS if FIRST_TAG <= character <= LAST_TAG else ALPHA


cdef inline bint is_apostrophe(const uint8_t *at, Py_ssize_t *width) noexcept nogil:
    if at[0] == 39:
        width[0] = 1
        return True
    if at[0] == 0xE2 and at[1] == 0x80 and at[2] == 0x99:
        width[0] = 3
        return True
    return False


# --- disguises -------------------------------------------------------------------------------

cdef bint is_disguised(const Tables *tables, const uint8_t *text, Py_ssize_t length, int seen, bint *letters) noexcept nogil:
    """Whether ``canonicalise`` may change it, and whether it has letters beyond ASCII.

    ``text`` stands between zeros.
    """
    cdef Py_ssize_t i = 0, j, width = 1
    cdef uint32_t character
    cdef uint8_t kinds, byte
    letters[0] = False
    if seen & CONTROL:
        return True
    if seen & (ESCAPE | NUMERAL):
        for i in range(length):
            byte = text[i]
            if byte == b"%":
                if text[i + 1] in (b"2", b"4", b"5"):
                    return True
            elif byte == b"&":
                if text[i + 1] == b"#":
                    return True
                j = i + 1
                while j - i < 27 and tables.bytes[text[j]] & ALNUM:
                    j += 1
                if j > i + 1 and text[j] == b";":
                    return True
            elif tables.bytes[byte] & NUMERAL:
                if is_look_alike(text[i + 1]) or is_look_alike((text + i - 1)[0]):
                    return True
    if not seen & BEYOND:
        return False
    i = 0
    while i < length:
        if text[i] < 0x80:
            i += 1
            continue
        character = character_at(text + i, &width)
        kinds = kinds_of(tables, character)
        if kinds & FOLDS:
            return True
        if kinds & ALPHA:
            letters[0] = True
        elif character == JOINER or character == SELECTOR:
            byte = text[i + width]
            if (text + i - 1)[0] < 0x80 or 32 < byte < 127:
                return True
        i += width
    return False


cdef inline bint is_look_alike(uint8_t byte) noexcept nogil:
    return byte == b"O" or byte == b"o" or byte == b"l" or byte == b"I" or byte == b"S" or byte == b"B"


cdef bint has_letters_beyond(const Tables *tables, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t i = 0, width = 1
    while i < length:
        if text[i] < 0x80:
            i += 1
            continue
        if kinds_of(tables, character_at(text + i, &width)) & ALPHA:
            return True
        i += width
    return False


# --- masks -----------------------------------------------------------------------------------

cdef inline int mask_at(const Tables *tables, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Which mask stands here, -1 for none."""
    cdef int i
    for i in range(tables.mask_count):
        if tables.mask_lengths[i] <= end - at and memcmp(at, tables.masks[i], tables.mask_lengths[i]) == 0:
            return i
    return -1


cdef bint blank_masks(const Tables *tables, uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Nothing may be found in a mask; true where there was one."""
    cdef Py_ssize_t i = 0
    cdef int which
    cdef bint found = False
    while i < length:
        if text[i] == b"[":
            which = mask_at(tables, text + i, text + length)
            if which >= 0:
                memset(text + i, 0, tables.mask_lengths[which])
                i += tables.mask_lengths[which]
                found = True
                continue
        i += 1
    return found


cdef inline bint opens_handle(uint8_t before) noexcept nogil:
    """What may stand before a plain handle; 0 is the beginning of the text."""
    return (
        before == 0 or before == b" " or before == b"\n" or before == b"\r" or before == b"."
        or before == b"," or before == b":" or before == b";" or before == b"!" or before == b"?"
        or before == b'"' or before == b"'" or before == b"("
    )


cdef Py_ssize_t write_masked(const Tables *tables, const uint8_t *text, Py_ssize_t length, uint8_t *out) noexcept nogil:
    """The text with its plain handles and the platform's short links masked; its new length.

    What these are is said by the patterns in ``look``. ``text`` stands between zeros.
    """
    cdef Py_ssize_t i = 0, j, k, written = 0
    cdef uint8_t before = 0
    while i < length:
        if text[i] == b"@" and opens_handle(before):
            j = i + 1
            if tables.bytes[text[j]] & LETTER or text[j] == b"_":
                while tables.bytes[text[j]] & ALNUM or text[j] == b"_":
                    j += 1
                while text[j] == b".":
                    k = j + 1
                    while tables.bytes[text[k]] & (LOWER | NUMERAL) or text[k] == b"_":
                        k += 1
                    if k == j + 1:
                        break
                    j = k
                # The scheme of a link: left to the rules.
                if text[j] == b":" and text[j + 1] == b"/":
                    before = b"@"
                    out[written] = before
                    written += 1
                    i += 1
                    continue
                memcpy(out + written, tables.masks[tables.handle_mask], tables.mask_lengths[tables.handle_mask])
                written += tables.mask_lengths[tables.handle_mask]
                before = b"]"
                i = j
                continue
        elif (
            text[i] == b"h" and (before == 0 or before == b" " or before == b"\n" or before == b"\r")
            and memcmp(text + i, b"https://t.co/", 13) == 0 and tables.bytes[text[i + 13]] & ALNUM
        ):
            j = i + 13
            while j < i + 23 and tables.bytes[text[j]] & ALNUM:
                j += 1
            memcpy(out + written, tables.masks[tables.url_mask], tables.mask_lengths[tables.url_mask])
            written += tables.mask_lengths[tables.url_mask]
            before = b"]"
            i = j
            continue
        before = text[i]
        out[written] = before
        written += 1
        i += 1
    return written


# --- hints -----------------------------------------------------------------------------------

cdef inline bint is_hex(uint8_t byte) noexcept nogil:
    return 48 <= byte <= 57 or 65 <= (byte & 0xDF) <= 70


cdef inline int hex_run(const uint8_t *at, int most) noexcept nogil:
    cdef int i = 0
    while i < most and is_hex(at[i]):
        i += 1
    return i


cdef uint32_t digits_hints(const Tables *tables, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """What the rules of numbers can't do without."""
    cdef uint32_t found = HAS_DIGIT
    cdef Py_ssize_t i, j, end
    cdef int together = 0, gap = 0, decimals = 0, run, groups
    cdef bint called = False, numbered = False
    # Where the first comma or end of a line stands behind the last number.
    cdef Py_ssize_t comma = -1
    cdef uint8_t byte
    cdef const uint8_t *at
    i = 0
    while i < length:
        byte = text[i]
        at = text + i
        if not tables.bytes[byte] & NUMERAL:
            if numbered and comma < 0 and (byte == b"," or byte == b"\n"):
                comma = i
            # Between the digits of one number stand six separators at most.
            if byte == b" " or byte == b"." or byte == b"*" or byte == b"_" or byte == b"~" or byte == b"/" or byte == b"(" or byte == b")" or byte == b"-":
                gap += 1
            elif byte == 0xC2 and at[1] == 0xB7:
                gap += 1
                i += 1
            elif byte == 0xE2 and at[1] == 0x80 and at[2] == 0xA2:
                gap += 1
                i += 2
            else:
                together = 0
            if gap > 6:
                together = 0
            # Code+of a place.
            if byte == b"+" and i >= 4 and is_plus_code(at[1]) and is_plus_code((at - 1)[0]) and is_plus_code((at - 2)[0]):
                found |= LIKE_COORDINATES
            elif byte == b":" or byte == b"-" or byte == b".":
                run = hex_run(at + 1, 5)
                if run == 2 or run == 4:
                    if at[1 + run] == byte and is_hex(at[2 + run]):
                        found |= LIKE_DEVICE
                if byte == b":":
                    if run <= 4 and at[1 + run] == b":" and (run or is_hex((at - 1)[0]) or is_hex(at[2])):
                        found |= LIKE_IP
            i += 1
            continue
        # A run of digits.
        j = i + 1
        while tables.bytes[text[j]] & NUMERAL:
            j += 1
        end = j - i
        together = <int> min(together + end, 100)
        gap = 0
        if together == end:
            called = is_called(tables, at)
        if together >= 4:
            found |= FOUR_DIGITS
            # Four are enough behind a word for a phone.
            if together >= 6 or called:
                found |= SIX_DIGITS
                if together >= 7:
                    found |= SEVEN_DIGITS
        if end >= 6:
            found |= LIKE_NATIONAL_ID
        if text[j] == b"." and tables.bytes[text[j + 1]] & NUMERAL:
            decimals += 1
            if decimals >= 2:
                found |= LIKE_COORDINATES
                if decimals >= 3:
                    found |= LIKE_IP
        # Degrees, with minutes or a pole behind them, or a pole before.
        if after_degrees(text + j):
            found |= LIKE_COORDINATES
        if text[i - 1] == b":" and matches(at - 4, b"geo:", 4):
            found |= LIKE_COORDINATES
        if (text[i - 1] == b"-" or text[i - 1] == b"+") and matches(at - 5, b"geo:", 4):
            found |= LIKE_COORDINATES
        if tables.bytes[(at - 1)[0]] & LETTER and tables.bytes[(at - 2)[0]] & LETTER and end >= 2:
            if is_iban(tables, text + i + 2):
                found |= LIKE_IBAN
        if end >= 2 and tables.bytes[(at - 1)[0]] & UPPER and tables.bytes[(at - 2)[0]] & UPPER and tables.bytes[(at - 3)[0]] & UPPER and tables.bytes[(at - 4)[0]] & UPPER:
            found |= LIKE_NATIONAL_ID
        if tables.bytes[(at - 1)[0]] & LETTER and is_token(tables, text + j):
            found |= LIKE_TOKEN
        if is_long(tables, text + j, end):
            found |= LIKE_TOKEN
        if tables.bytes[(at - 1)[0]] & UPPER and is_postcode(tables, at + 1):
            found |= LIKE_POSTCODE
        if comma >= 0 and is_code(tables, text, comma, i):
            found |= LIKE_POSTCODE
        numbered, comma = True, -1
        # Two capitals and three pairs; two digits, or a Corsican department.
        if is_insured(tables, at) or is_corsican(tables, text + j - 1):
            found |= LIKE_NATIONAL_ID
        i = j
    return found


cdef bint is_called(const Tables *tables, const uint8_t *at) noexcept nogil:
    """Whether the words before a number call it a phone: "call me on ", "tel. ", "number is "."""
    cdef const uint8_t *stop = at - 8
    cdef const uint8_t *last
    cdef int words = 0
    cdef Py_ssize_t length
    at -= 1
    while at > stop and (
        at[0] == b" " or at[0] == b"." or at[0] == b":" or at[0] == b"=" or at[0] == b"(" or at[0] == b"+"
        or at[0] == 34 or at[0] == 39
    ):
        at -= 1
    while words < 4:
        last = at
        while tables.bytes[at[0]] & LETTER and last - at < 12:
            at -= 1
        length = last - at
        if length < 1:
            return False
        if is_phone_word(at + 1, length):
            return True
        # my number's
        if length == 1 and last[0] | 32 == b"s" and at[0] == 39:
            at -= 1
            continue
        if length > 4 or at[0] != b" ":
            return False
        at -= 1
        if at[0] == b".":
            at -= 1
        words += 1
    return False


cdef bint is_phone_word(const uint8_t *at, Py_ssize_t length) noexcept nogil:
    """One of the words of ``called_phone``, in any case."""
    if length == 2:
        return matches(at, b"ph", 2)
    if length == 3:
        return (
            matches(at, b"tel", 3) or matches(at, b"mob", 3) or matches(at, b"fax", 3) or matches(at, b"txt", 3)
            or matches(at, b"sms", 3) or matches(at, b"bel", 3)
        )
    if length == 4:
        return (
            matches(at, b"call", 4) or matches(at, b"cell", 4) or matches(at, b"dial", 4)
            or matches(at, b"ring", 4) or matches(at, b"text", 4)
        )
    if length == 5:
        return matches(at, b"phone", 5) or matches(at, b"movil", 5) or matches(at, b"llama", 5)
    if length == 6:
        return (
            matches(at, b"mobile", 6) or matches(at, b"number", 6) or matches(at, b"skakel", 6)
            or matches(at, b"chiama", 6)
        )
    if length == 7:
        return (
            matches(at, b"telefon", 7) or matches(at, b"celular", 7) or matches(at, b"hotline", 7)
            or matches(at, b"appelez", 7) or matches(at, b"anrufen", 7)
        )
    if length == 8:
        return (
            matches(at, b"telefono", 8) or matches(at, b"telefoon", 8) or matches(at, b"landline", 8)
            or matches(at, b"whatsapp", 8)
        )
    return length > 8 and (
        matches(at, b"telephone", 9) or matches(at, b"cellphone", 9) or matches(at, b"telemovel", 9)
        or matches(at, b"cellulare", 9) or matches(at, b"voicemail", 9)
    )


cdef inline bint is_plus_code(uint8_t byte) noexcept nogil:
    return (
        50 <= byte <= 57 or byte == b"C" or byte == b"F" or byte == b"G" or byte == b"H"
        or byte == b"J" or byte == b"M" or byte == b"P" or byte == b"Q" or byte == b"R"
        or byte == b"V" or byte == b"W" or byte == b"X"
    )


cdef inline bint after_degrees(const uint8_t *at) noexcept nogil:
    """Whether behind a number stand degrees, and behind these what goes on."""
    cdef uint8_t byte
    if at[0] == b" ":
        at += 1
    if at[0] == 0xC2 and at[1] == 0xB0:
        return True
    if at[0] | 32 != b"d":
        return False
    at += 1
    if at[0] == b" ":
        at += 1
    byte = at[0] | 32
    return (
        48 <= at[0] <= 57 or byte == b"n" or byte == b"s" or byte == b"e" or byte == b"w"
        or byte == b"o" or at[0] == b"," or at[0] == b";" or at[0] == b"/" or at[0] == b" "
        or at[0] == b"+" or at[0] == b"-"
    )


cdef inline bint is_iban(const Tables *tables, const uint8_t *at) noexcept nogil:
    """What stands behind the two check digits: ten characters, or fours in groups."""
    cdef int i, group
    for i in range(10):
        if not tables.bytes[at[i]] & ALNUM:
            break
    else:
        return True
    for group in range(2):
        if at[0] != b" " and at[0] != b"-":
            return False
        for i in range(1, 5):
            if not tables.bytes[at[i]] & (UPPER | NUMERAL):
                return False
        at += 5
    return True


cdef inline bint is_token(const Tables *tables, const uint8_t *at) noexcept nogil:
    """Whether letters and a digit stand behind a number."""
    if not tables.bytes[at[0]] & LETTER:
        return False
    while tables.bytes[at[0]] & LETTER:
        at += 1
    return tables.bytes[at[0]] & NUMERAL != 0


cdef inline bint is_long(const Tables *tables, const uint8_t *at, Py_ssize_t digits) noexcept nogil:
    """Whether letters and digits go on behind a number for as long as in a coin's address."""
    while digits < 26 and tables.bytes[at[0]] & ALNUM:
        at += 1
        digits += 1
    return digits >= 26


cdef inline bint is_postcode(const Tables *tables, const uint8_t *at) noexcept nogil:
    """What stands behind a capital and a digit: ``1AA``, ``A 1AA``, `` 1A1``."""
    return is_inward(tables, at) or (
        tables.bytes[at[0]] & (UPPER | NUMERAL) and is_inward(tables, at + 1)
    )


cdef inline bint is_inward(const Tables *tables, const uint8_t *at) noexcept nogil:
    if at[0] == b" " or at[0] == b"-":
        at += 1
    return (
        tables.bytes[at[0]] & NUMERAL and tables.bytes[at[1]] & UPPER
        and tables.bytes[at[2]] & (UPPER | NUMERAL)
    )


cdef bint is_code(const Tables *tables, const uint8_t *text, Py_ssize_t comma, Py_ssize_t i) noexcept nogil:
    """Whether a number with a comma somewhere before it may be a place's code, letters before it."""
    cdef Py_ssize_t before = i - 1, letters = 0
    if not (
        is_in_code(tables, text[i + 1]) and is_in_code(tables, text[i + 2])
        and tables.bytes[text[i + 3]] & (UPPER | NUMERAL)
    ):
        return False
    if is_between(text[before]) and before > comma:
        return True
    if text[before] == b"-":
        before -= 1
    while letters < 2 and tables.bytes[text[before]] & UPPER:
        before -= 1
        letters += 1
        if is_between(text[before]) and before > comma:
            return True
    return False


cdef inline bint is_between(uint8_t byte) noexcept nogil:
    return byte == b" " or byte == b"," or byte == b"\n" or byte == b"-"


cdef inline bint is_in_code(const Tables *tables, uint8_t byte) noexcept nogil:
    return tables.bytes[byte] & (UPPER | NUMERAL) or byte == b" " or byte == b"-"


cdef inline bint is_insured(const Tables *tables, const uint8_t *at) noexcept nogil:
    """Two capitals and three pairs of digits, spaces between them or none."""
    cdef const uint8_t *before = at - 1
    cdef int pair
    if before[0] == b" ":
        before -= 1
    if not (tables.bytes[before[0]] & UPPER and tables.bytes[(before - 1)[0]] & UPPER):
        return False
    for pair in range(3):
        if pair and at[0] == b" ":
            at += 1
        if not (tables.bytes[at[0]] & NUMERAL and tables.bytes[at[1]] & NUMERAL):
            return False
        at += 2
    return True


cdef inline bint is_corsican(const Tables *tables, const uint8_t *last) noexcept nogil:
    """Whether a run of digits ends in the 2 of a department that has a letter."""
    cdef const uint8_t *at = last + 1
    if last[0] != b"2" or (at[0] != b"A" and at[0] != b"B"):
        return False
    at += 1
    if at[0] == b" ":
        at += 1
    return tables.bytes[at[0]] & NUMERAL and tables.bytes[at[1]] & NUMERAL and tables.bytes[at[2]] & NUMERAL


cdef inline bint in_local_part(const Tables *tables, uint8_t byte) noexcept nogil:
    return tables.bytes[byte] & (ALNUM | BEYOND) or byte == b"_" or byte == b"." or byte == b"+" or byte == b"-"


cdef bint is_foreign_before(const Tables *tables, const uint8_t *text, const uint8_t *at) noexcept nogil:
    """Whether in the word before an @ stands a letter of a script with an alphabet."""
    while at > text and in_local_part(tables, (at - 1)[0]):
        at -= 1
        if 0xC3 <= at[0] <= 0xE0:
            return True
    return False


cdef bint spells_at(const Tables *tables, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Whether behind `` at `` a host may stand that is spelled out, or that everybody knows."""
    cdef int i
    cdef const uint8_t *stop
    for i in range(tables.provider_count):
        if matches(at, <const char *> tables.providers[i], tables_length(tables.providers[i])):
            return True
    stop = at + 281 if end - at > 281 else end
    while at < stop and at[0] != b" ":
        at += 1
    return at[0] == b" " and matches(at, b" dot ", 5)


cdef inline Py_ssize_t tables_length(const uint8_t *word) noexcept nogil:
    cdef Py_ssize_t length = 0
    while word[length]:
        length += 1
    return length


cdef inline bint has_handle_behind(const Tables *tables, const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Whether behind a platform's name may stand what could be a handle there.

    A word without a digit or the like is one only where a colon says so.
    """
    cdef bint plain = True
    cdef const uint8_t *stop = at + 72 if end - at > 72 else end
    while at < stop:
        if tables.bytes[at[0]] & NUMERAL or at[0] == b"_":
            return True
        if at[0] == b"." and tables.bytes[at[1]] & LOWER:
            return True
        if plain and at[0] == b":" and at[1] == b" ":
            return True
        plain = plain and (at[0] == b" " or tables.bytes[at[0]] & LETTER)
        at += 1
    return False


cdef inline bint announces_in_lower_case(const Tables *tables, const uint8_t *at) noexcept nogil:
    """``my name is thabo``, ``ask for thabo``: a given name behind such words, in any case.

    ``at`` is the space before it.
    """
    cdef Py_ssize_t length = 1
    cdef uint8_t before = (at - 1)[0] | 32, further = (at - 2)[0] | 32
    cdef bint said = False
    if before == b"s":
        said = (
            (further == b"i" and matches(at - 7, b"name is", 7))
            or (further == b"e" and matches(at - 5, b"names", 5))
            or (further == 39 and matches(at - 6, b"name's", 6))
            or (further == 0xB9 and matches(at - 8, b"name\xe2\x80\x99s", 8))
        )
    elif before == b"e":
        said = further == b"m" and matches(at - 7, b"call me", 7)
    elif before == b"d":
        said = further == b"e" and matches(at - 8, b"m called", 8)
    elif before == b"r":
        said = further == b"o" and matches(at - 7, b"ask for", 7)
    if not said:
        return False
    while tables.bytes[at[length]] & LETTER:
        length += 1
    return length > 3 and (length > LONGEST_WORD or marks_of(tables, at + 1, length - 1) & GIVEN)


cdef bint is_user_name(const Tables *tables, const uint8_t *at, Py_ssize_t length) noexcept nogil:
    """Whether letters before a digit may be a person's name, as accounts are called: jsmith42."""
    cdef uint8_t before = (at - 1)[0]
    cdef Py_ssize_t i = length
    cdef uint32_t marks
    if (
        before == b"@" or before == b"#" or before == b"/" or before == b"&" or before == b"%"
        or before == b"=" or before == b"-" or tables.bytes[before] & NUMERAL
    ):
        return False
    while i < length + 5 and tables.bytes[at[i]] & NUMERAL:
        i += 1
    if i > length + 4 or tables.bytes[at[i]] & LETTER or at[i] == b"_" or at[i] == b"-":
        return False
    for i in range(1, 4):
        if not tables.bytes[at[length - i]] & LOWER:
            return False
    # The second half of a name.
    if before == b"." or before == b"_":
        return tables.bytes[(at - 2)[0]] & LETTER
    if length > LONGEST_WORD:
        return True
    marks = marks_of(tables, at, length)
    if marks & (IN_DICTIONARY | PLACE | BRAND):
        return False
    if marks & (GIVEN | SURNAME):
        return True
    for i in range(3, length - 2):
        if marks_of(tables, at, i) & GIVEN and marks_of(tables, at + i, length - i) & SURNAME:
            return True
    return marks_of(tables, at + 1, length - 1) & SURNAME or marks_of(tables, at, length - 1) & GIVEN


cdef inline bint is_field_quoted(const Tables *tables, const uint8_t *at) noexcept nogil:
    """Whether this sign stands between the name of a field for users and a quoted value."""
    cdef const uint8_t *value = at + 2 if at[1] == b" " else at + 1
    if value[0] != 34 and value[0] != 39:
        return False
    at -= 1
    if at[0] == b" ":
        at -= 1
    if at[0] == 34 or at[0] == 39:
        at -= 1
    return (
        matches(at - 3, b"user", 4) or matches(at - 3, b"name", 4) or matches(at - 3, b"nick", 4)
        or matches(at - 4, b"login", 5) or matches(at - 5, b"handle", 6) or matches(at - 1, b"id", 2)
    )


cdef uint32_t signs_hints(const Tables *tables, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """What links, addresses, handles and names in lower case can't do without."""
    cdef uint32_t found = 0
    cdef Py_ssize_t i = 0, j
    cdef uint8_t byte, before
    cdef const uint8_t *at
    cdef const uint8_t *end = text + length
    while i < length:
        byte = text[i]
        at = text + i
        before = (at - 1)[0]
        if tables.bytes[byte] & ALNUM:
            j = i + 1
            while tables.bytes[text[j]] & LETTER:
                j += 1
            if (
                1 < j - i < 16 and tables.bytes[byte] & LETTER
                and tables.platforms[((byte | 32) - 97) * 26 + (text[i + 1] | 32) - 97] >> (j - i) & 1
                and (
                    text[j] == b" " or text[j] == b":" or text[j] == b"=" or text[j] == b">"
                    or text[j] == b"-"
                )
                and not found & LIKE_HANDLE
                and not (
                    tables.bytes[before] & NUMERAL or before == b"_" or before == b"@"
                    or before == b"#" or before == b"." or before == b"-"
                )
                and marks_of(tables, at, j - i) & PLATFORM
                and has_handle_behind(tables, text + j, end)
            ):
                found |= LIKE_HANDLE
            if (
                tables.bytes[text[j]] & NUMERAL and j - i > 2 and not found & LIKE_HANDLE
                and is_user_name(tables, at, j - i)
            ):
                found |= LIKE_HANDLE
            i = j
            continue
        if byte == b"@":
            if tables.bytes[at[1]] & ALNUM or at[1] == b"_":
                found |= LIKE_HANDLE
                if tables.bytes[before] & ALNUM or before == b"_" or before == b"+" or before == b"-":
                    found |= LIKE_EMAIL
            if in_local_part(tables, before) and is_foreign_before(tables, text, at):
                found |= LIKE_EMAIL
        elif byte == b"=":
            if is_field_quoted(tables, at):
                found |= LIKE_HANDLE
        elif byte == b":":
            if is_field_quoted(tables, at):
                found |= LIKE_HANDLE
            if at[1] == b"/" and tables.bytes[before] & LETTER and (before | 32 == b"p" or before | 32 == b"s"):
                found |= LIKE_URL
        elif byte == b".":
            if tables.bytes[before] & ALNUM and tables.bytes[at[1]] & LETTER:
                j = i + 1
                while tables.bytes[text[j]] & LETTER:
                    j += 1
                if (text[j] == b"/" and 2 <= j - i - 1 <= 12) or (
                    not tables.bytes[text[j]] & NUMERAL and text[j] != b"_" and text[j] != b"-"
                    and marks_of(tables, at + 1, j - i - 1) & SITE
                ):
                    found |= LIKE_URL
            if matches(at - 3, b"www", 3):
                found |= LIKE_URL
        elif byte == b"/":
            if (
                before | 32 == b"u" and not tables.bytes[(at - 2)[0]] & ALNUM
                and (tables.bytes[at[1]] & ALNUM or at[1] == b"_" or at[1] == b"-")
            ):
                found |= LIKE_HANDLE
        elif byte == b"#":
            if tables.bytes[before] & ALNUM or before == b"_" or before == b".":
                if (
                    tables.bytes[at[1]] & NUMERAL and tables.bytes[at[2]] & NUMERAL
                    and tables.bytes[at[3]] & NUMERAL and tables.bytes[at[4]] & NUMERAL
                ):
                    found |= LIKE_HANDLE
        elif byte == b" ":
            if at[1] | 32 == b"a" and at[2] | 32 == b"t" and at[3] == b" " and spells_at(tables, at + 4, end):
                found |= LIKE_EMAIL
            if announces_in_lower_case(tables, at):
                found |= MAY_NAME
        elif byte == b"[" or byte == b"(" or byte == b"{" or byte == b"<":
            j = i + 2 if at[1] == b" " else i + 1
            if text[j] | 32 == b"a" and text[j + 1] | 32 == b"t":
                j += 3 if text[j + 2] == b" " else 2
                if text[j] == b"]" or text[j] == b")" or text[j] == b"}" or text[j] == b">":
                    found |= LIKE_EMAIL
        i += 1
    return found


# --- names -----------------------------------------------------------------------------------

cdef inline bint is_quote(uint8_t byte) noexcept nogil:
    return byte == b'"' or byte == b"'"


cdef uint32_t announced(const Tables *tables, const uint8_t *text, Py_ssize_t start) noexcept nogil:
    """What the word before a capitalised one says of it, and whether the text is signed with it."""
    cdef Py_ssize_t end = start - 1, first
    cdef uint8_t byte
    cdef uint32_t marks = 0
    if start == 0:
        return 0
    byte = text[end]
    if byte == b"-" or byte == b"~" or (byte == b" " and end and (text[end - 1] == b"-" or text[end - 1] == b"~")):
        marks = ANNOUNCER
    if end > 0 and is_quote(byte):
        end -= 1
    while end > 0 and text[end - 1] == b" ":
        end -= 1
    first = end
    while first > 0 and end - first < LONGEST_WORD:
        byte = text[first - 1]
        if byte <= 32:
            break
        if byte >= 0x80:
            # Of what lies beyond ASCII only an apostrophe is in such a word.
            if not (byte == 0x99 and first >= 3 and text[first - 3] == 0xE2 and text[first - 2] == 0x80):
                break
            first -= 3
            continue
        first -= 1
    return marks | (marks_of(tables, text + first, end - first) & (ANNOUNCING | ANNOUNCER))


cdef uint32_t part_marks(const Tables *tables, const uint8_t *word, Py_ssize_t length) noexcept nogil:
    """What is said of a word, or of a part of one that is made of several."""
    cdef uint32_t marks
    if length == 1:
        return (marks_of(tables, word, 1) & NO_SURNAME) | (INITIAL if tables.bytes[word[0]] & UPPER else 0)
    marks = marks_of(tables, word, length)
    if not marks & (NAMED | TITLE | CALLED):
        marks |= UNKNOWN
        if is_formed(tables, word, length):
            marks |= FORMED
    return marks


cdef bint is_sure(uint32_t marks) noexcept nogil:
    return marks & NAMED and not marks & (UNSURE | NO_SURNAME)


cdef bint read_word(const Tables *tables, const uint8_t *text, Py_ssize_t start, Word *word) noexcept nogil:
    """The capitalised word that begins here; false where it is too long to say.

    A word of several parts is all that its parts are: what is allowed may take some of them away.
    """
    cdef Py_ssize_t end = start, first, width = 0, last_width = 0, whole, parts = 0
    cdef uint32_t marks = 0, part = 0
    cdef bint sure = False
    while True:
        first = end
        while tables.bytes[text[end]] & LETTER:
            end += 1
        if end - first > LONGEST_WORD:
            return False
        part = part_marks(tables, text + first, end - first)
        if parts and end - first == 1 and text[first] | 32 == b"s" and text[first - 1] != b"-":
            # A possessive is no part, where the word ends in it.
            width = 1 if text[end] == b"-" else 0
            if not (
                (width or is_apostrophe(text + end, &width))
                and tables.bytes[text[end + width]] & LETTER
            ):
                end = first - last_width
                break
        parts += 1
        marks |= part
        sure = sure or is_sure(part)
        if text[end] == b"-":
            width = 1
        elif not is_apostrophe(text + end, &width):
            break
        if not tables.bytes[text[end + width]] & LETTER:
            break
        end += width
        last_width = width
    word.start = start
    word.end = end
    if parts > 1:
        marks |= COMPOUND
        # Only its last part can be an initial before another word.
        if not part & INITIAL:
            marks &= ~<uint32_t> INITIAL
        whole = end - start
        if whole > LONGEST_WORD:
            return False
        part = marks_of(tables, text + start, whole)
        marks |= part
        sure = sure or is_sure(part)
    word.marks = marks | (SURE if sure else 0)
    return True


cdef bint is_joined(const Tables *tables, const uint8_t *text, const Word *left, const Word *right) noexcept nogil:
    """Whether a word may go on in the next: a space, a dot, particles, a nickname between them."""
    cdef Py_ssize_t at = left.end, end = right.start, first
    cdef int particles = 0
    if end - at == 1 and text[at] == b" ":
        return True
    if text[at] == b".":
        if not left.marks & (INITIAL | TITLE | CALLED):
            return False
        at += 1
        if at == end:
            return True
    if text[at] == b" " and at + 1 == end:
        return True
    if text[at] == b" " and tables.bytes[text[at + 1]] & LOWER:
        at += 1
        while at < end and particles < 3:
            first = at
            while tables.bytes[text[at]] & LOWER:
                at += 1
            if text[at] != b" " or not marks_of(tables, text + first, at - first) & PARTICLE:
                return False
            at += 1
            particles += 1
        # A sign may open what follows.
        return at == end
    # A nickname: Thabo "rocket" Mokoena.
    return is_nickname(tables, text + at, text + end)


cdef inline bint is_field(const uint8_t *text, Py_ssize_t start) noexcept nogil:
    """Whether a word stands at the beginning, or where a value does; ``text`` stands behind zeros."""
    cdef uint8_t before = (text + start - 1)[0]
    if start and before == b" ":
        before = (text + start - 2)[0]
    return (
        start == 0 or before == b":" or before == b"\n" or before == b'"' or before == b"'"
        or before == b"=" or before == b">" or before == b"|"
    )


cdef bint is_nickname(const Tables *tables, const uint8_t *at, const uint8_t *end) noexcept nogil:
    cdef Py_ssize_t width = 0
    cdef const uint8_t *first
    if at[0] == b" ":
        at += 1
    if at[0] == b'"' or at[0] == b"(":
        at += 1
    elif is_apostrophe(at, &width):
        at += width
    else:
        return False
    first = at
    while tables.bytes[at[0]] & LETTER:
        at += 1
    if not 2 <= at - first <= 12:
        return False
    if at[0] == b'"' or at[0] == b")":
        at += 1
    elif is_apostrophe(at, &width):
        at += width
    else:
        return False
    return at[0] == b" " and at + 1 == end


cdef inline bint is_unknown(const Word *word) noexcept nogil:
    return word.marks & UNKNOWN or not word.marks & NAMED


cdef inline bint ends_name(const Word *word) noexcept nogil:
    """Whether no name goes on in this word."""
    return not word.marks & COMPOUND and word.marks & NO_SURNAME


cdef bint is_place(const Tables *tables, const uint8_t *text, const Word *words, int i, int count) noexcept nogil:
    """Whether a sure name is a place's by itself, and goes on from no name before it.

    ``San Diego``, ``Beverly Hills``. Not where the word that says so is one that is allowed.
    """
    cdef const Word *word = &words[i]
    cdef const Word *other
    cdef bint joined = i + 1 < count and is_joined(tables, text, word, &words[i + 1])
    if word.marks & (COMPOUND | TITLE | CALLED):
        return False
    # Behind a surname a given name: Family name first.
    if joined and words[i + 1].marks & (COMPOUND | SURE):
        return False
    if i and is_joined(tables, text, &words[i - 1], word):
        other = &words[i - 1]
        return (
            other.marks & BEFORE_PLACE and other.marks & NAMED
            and not other.marks & (OFTEN | COMPOUND | TITLE | CALLED | ALLOWED | SURE)
            and not (i > 1 and is_joined(tables, text, &words[i - 2], other))
        )
    return joined and words[i + 1].marks & NOT_PEOPLE and not words[i + 1].marks & (COMPOUND | ALLOWED)


cdef bint is_behind_initials(const Tables *tables, const uint8_t *text, const Word *words, int i, int count) noexcept nogil:
    """Whether a surname may stand behind the initials that begin with word ``i``."""
    cdef const Word *word
    cdef int j = i
    while words[j].marks & INITIAL and j + 1 < count and is_joined(tables, text, &words[j], &words[j + 1]):
        if text[words[j].end] != b"." and not words[j + 1].marks & SURNAME:
            return False
        j += 1
        if words[j].marks & COMPOUND:
            return True
    word = &words[j]
    return j > i and not word.marks & (INITIAL | SELDOM) and not ends_name(word)


cdef bint begins_name(const Tables *tables, const uint8_t *text, const Word *words, int i, int count) noexcept nogil:
    """Whether a name may begin with word ``i``, or be part of it."""
    cdef const Word *word = &words[i]
    cdef const Word *following = &words[i + 1]
    cdef uint32_t marks = word.marks, said
    cdef bint simple = not marks & COMPOUND
    cdef bint joined = i + 1 < count and is_joined(tables, text, word, following)
    cdef int j
    if marks & SURE:
        return not is_place(tables, text, words, i, count)
    if marks & UNKNOWN and not (simple and marks & IN_DICTIONARY):
        if announced(tables, text, word.start) & ANNOUNCING and not (simple and marks & NO_SURNAME):
            return True
        if joined and is_unknown(following) and (marks | following.marks) & FORMED:
            return True
    if marks & UNKNOWN:
        if simple:
            return False
    if simple and marks & NO_SURNAME:
        return False
    if marks & (TITLE | CALLED):
        if joined and not ends_name(following):
            if marks & TITLE or following.marks & (INITIAL | COMPOUND):
                return True
            if following.marks & UNKNOWN and not following.marks & IN_DICTIONARY:
                return True
            if marks & ROLE and following.marks & GIVEN and not following.marks & SELDOM:
                return True
            # One title behind another.
            if following.marks & (TITLE | CALLED):
                return True
        if simple:
            return False
    if marks & INITIAL and is_behind_initials(tables, text, words, i, count):
        return True
    if simple and (marks & INITIAL or (marks & BEFORE_PLACE and not marks & OFTEN) or marks & SELDOM):
        return False
    said = announced(tables, text, word.start)
    if said & ANNOUNCING and marks & NAMED:
        return True
    # Roe, Jane.
    if marks & SURNAME and i + 1 < count and following.marks & GIVEN and text[word.end] == b",":
        if is_field(text, word.start) and following.start - word.end <= 2:
            return True
    if not marks & GIVEN:
        return False
    if said and not (simple and marks & (PLACE | BRAND | FEATURE)):
        return True
    j = i
    while j + 1 < count and is_joined(tables, text, &words[j], &words[j + 1]) and j - i < 5:
        j += 1
        following = &words[j]
        # A particle before it makes a surname of any word.
        if following.start - words[j - 1].end > 2:
            return True
        if following.marks & INITIAL:
            continue
        if following.marks & (NO_SURNAME | SELDOM | UNKNOWN) and not following.marks & COMPOUND:
            break
        if following.marks & SURNAME and (following.marks & COMPOUND or not following.marks & FEATURE):
            if marks & OFTEN or following.marks & FREQUENT:
                return True
    return False


cdef bint may_name(const Tables *tables, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Whether ``find_names`` may find something in a text whose letters are all ASCII."""
    cdef Word words[MOST_WORDS]
    cdef Py_ssize_t i = 0, j
    cdef int count = 0, which
    cdef bint cased = False
    for i in range(length):
        if tables.bytes[text[i]] & UPPER and tables.bytes[text[i + 1]] & LOWER:
            cased = True
            break
    i = 0
    while i < length:
        if not tables.bytes[text[i]] & LETTER:
            i += 1
            continue
        if not cased:
            if read_caseless(tables, text, &i):
                return True
            continue
        if not tables.bytes[text[i]] & UPPER or tables.bytes[(text + i - 1)[0]] & ALNUM:
            i += 1
            continue
        if count == MOST_WORDS or not read_word(tables, text, i, &words[count]):
            return True
        i = words[count].end
        count += 1
    for which in range(count):
        if begins_name(tables, text, words, which, count):
            return True
    return False


cdef bint read_caseless(const Tables *tables, const uint8_t *text, Py_ssize_t *place) noexcept nogil:
    """The same of one word of a text that is written without capitals, or with nothing else."""
    cdef Py_ssize_t start = place[0], end = start
    cdef uint32_t marks
    while tables.bytes[text[end]] & LETTER:
        end += 1
    place[0] = end
    if end - start > LONGEST_WORD:
        return True
    marks = marks_of(tables, text + start, end - start)
    if marks & TITLE:
        return True
    if not is_sure(marks):
        return False
    # A double name is a given one where the other half is.
    return marks & GIVEN or text[end] == b"-" or text[end] == b"'" or text[end] == 0xE2 or (
        (text + start - 1)[0] == b"-" or (text + start - 1)[0] == b"'" or (text + start - 1)[0] == 0x99
    )


# --- names that came with a post --------------------------------------------------------------

cdef void read_letters(Letters *letters, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """A text in lower case, and which pairs of characters it has."""
    cdef Py_ssize_t i
    cdef uint8_t byte
    cdef uint32_t before = 0, pair
    memset(letters.pairs, 0, sizeof(letters.pairs))
    letters.beyond = False
    for i in range(length):
        byte = text[i]
        if 65 <= byte <= 90:
            byte |= 32
        elif byte >= 0x80:
            letters.beyond = True
        letters.lower[i] = byte
        pair = before << 6 | (byte & 63)
        letters.pairs[pair >> 6] |= <uint64_t> 1 << (pair & 63)
        before = byte & 63
    letters.length = length


cdef bint holds_spelling(const Letters *letters, const uint8_t *spelling, Py_ssize_t size) noexcept nogil:
    """Whether a text in lower case may hold a spelling of two bytes or more.

    Lower case beyond ASCII is the Unicode version's: there the text is looked at in detail.
    """
    cdef Py_ssize_t i
    if letters.beyond:
        for i in range(size):
            if spelling[i] >= 0x80:
                return True
    for i in range(size - 1):
        if not letters.pairs[spelling[i] & 63] >> (spelling[i + 1] & 63) & 1:
            return False
    for i in range(letters.length - size + 1):
        if letters.lower[i] == spelling[0] and memcmp(letters.lower + i, spelling, size) == 0:
            return True
    return False


cdef inline bint holds(const Letters *letters, const uint8_t *part, Py_ssize_t size) noexcept nogil:
    """Whether letters and digits in any case stand somewhere in a text."""
    cdef Py_ssize_t i, j
    for i in range(size - 1):
        if not letters.pairs[(part[i] | 32) & 63] >> ((part[i + 1] | 32) & 63) & 1:
            return False
    for i in range(letters.length - size + 1):
        j = 0
        while j < size and letters.lower[i + j] == part[j] | 32:
            j += 1
        if j == size:
            return True
    return False


cdef inline bint joins_word(uint8_t byte) noexcept nogil:
    return byte == b"_" or byte == b"." or byte == b"'" or byte == b"-"


cdef bint is_plain_name(const Tables *tables, const uint8_t *name, Py_ssize_t size) noexcept nogil:
    """Whether a name is canonical but for its capitals, so that it can be read here."""
    cdef Py_ssize_t i
    if size > LONGEST_NAME:
        return False
    for i in range(size):
        if (
            not 32 <= name[i] < 127 or name[i] == b"%" or name[i] == b"&"
            or (
                i and (
                    (tables.bytes[name[i]] & NUMERAL and is_look_alike(name[i - 1]))
                    or (tables.bytes[name[i - 1]] & NUMERAL and is_look_alike(name[i]))
                )
            )
        ):
            return False
    return True


cdef bint may_spell(const Tables *tables, const Letters *letters, const uint8_t *name, Py_ssize_t size) noexcept nogil:
    """Whether a text may spell a plain name: it holds a piece of a word that every spelling has."""
    cdef uint8_t key[LONGEST_WORD + 8]
    cdef Py_ssize_t i, end, start, last, most = 0, run, best, at
    cdef int turn
    cdef bint lettered
    # First how long the longest word is, then the words that are looked for.
    for turn in range(2):
        i = 0
        while i < size:
            if not tables.bytes[name[i]] & ALNUM:
                i += 1
                continue
            start = i
            last = run = best = at = 0
            lettered = False
            while i < size and (tables.bytes[name[i]] & ALNUM or joins_word(name[i])):
                if tables.bytes[name[i]] & ALNUM:
                    lettered = lettered or tables.bytes[name[i]] & LETTER
                    last = i + 1
                    run += 1
                    if run > best:
                        best = run
                        at = i + 1 - run
                else:
                    run = 0
                i += 1
            end = last - start
            if not turn:
                most = max(most, end)
                continue
            if end < most:
                if end < SHORTEST_PART or not lettered:
                    continue
                if end <= LONGEST_WORD:
                    memset(key, 0, sizeof(key))
                    memcpy(key, name + start, end)
                    if marks_of(tables, key, end) & NOBODY:
                        continue
            if holds(letters, name + at, best):
                return True
    return False


# --- columns ---------------------------------------------------------------------------------

cdef bint make_room(Room *room, Py_ssize_t length) noexcept nogil:
    """Room for one more text; false where there is no memory."""
    cdef Py_ssize_t wanted = GROWTH * length + 2 * PADDING
    cdef void *memory
    if room.read_room < wanted:
        memory = realloc(room.read, 2 * wanted)
        if memory == NULL:
            return False
        room.read = <uint8_t *> memory
        room.read_room = 2 * wanted
        memset(room.read, 0, PADDING)
    wanted += room.out_length
    if room.out_room < wanted:
        memory = realloc(room.out, wanted + wanted // 2)
        if memory == NULL:
            return False
        room.out = <uint8_t *> memory
        room.out_room = wanted + wanted // 2
    return True


cdef bint make_letters(Letters *letters, Py_ssize_t length) noexcept nogil:
    """Room for the letters of one text; false where there is no memory."""
    cdef void *memory
    if letters.room <= length:
        memory = realloc(letters.lower, 2 * length + PADDING)
        if memory == NULL:
            return False
        letters.lower = <uint8_t *> memory
        letters.room = 2 * length + PADDING
    return True


cdef bint names_street(const Tables *tables, const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Whether a word is a street's last one, behind a space, or speaks of a corner of two."""
    cdef Py_ssize_t i = 0, start
    cdef uint32_t marks
    while i < length:
        if not tables.bytes[text[i]] & LETTER:
            i += 1
            continue
        start = i
        while tables.bytes[text[i]] & LETTER:
            i += 1
        marks = marks_of(tables, text + start, i - start)
        if marks & CORNER:
            return True
        if start and text[start - 1] == b" " and (
            marks & STREET_IN_ANY_CASE
            or (marks & STREET_IN_CAPITALS and tables.bytes[text[start]] & UPPER)
        ):
            return True
    return False


cdef uint32_t look_at(
    const Tables *tables, Room *room, const uint8_t *text, Py_ssize_t length, bint canonical,
    bint plain,
) noexcept nogil:
    """What is said of one text. With ``plain``, what it becomes goes to the room's ``out``."""
    cdef uint8_t *read = room.read + PADDING
    cdef uint8_t *out = room.out + room.out_length
    cdef uint32_t found = 0
    cdef Py_ssize_t i, written = length
    cdef int seen = 0
    cdef bint letters = False, linked = False
    memcpy(read, text, length)
    memset(read + length, 0, PADDING)
    for i in range(length):
        seen |= tables.bytes[read[i]]
    if plain:
        memcpy(out, text, length)
        room.out_length += length
    if plain and seen & BRACKET and blank_masks(tables, read, length):
        return HOLDS_MASK
    if canonical:
        if seen & BEYOND:
            letters = has_letters_beyond(tables, read, length)
    elif is_disguised(tables, read, length, seen, &letters):
        return IS_DISGUISED
    if plain:
        written = write_masked(tables, read, length, out)
        if written != length or seen & AT:
            room.out_length += written - length
            memcpy(read, out, written)
            memset(read + written, 0, PADDING)
            blank_masks(tables, read, written)
    elif seen & BRACKET:
        blank_masks(tables, read, length)
    found |= signs_hints(tables, read, written)
    if seen & NUMERAL:
        found |= digits_hints(tables, read, written)
        if names_street(tables, read, written):
            found |= LIKE_STREET
    if not found & MAY_NAME and (letters or may_name(tables, read, written)):
        found |= MAY_NAME
    return found


cdef inline bint is_letter(Py_UCS4 character) noexcept nogil:
    return Py_UNICODE_ISALNUM(character) and not Py_UNICODE_ISDECIMAL(character)


cdef object placed(PyTypeObject *word_type, tuple entry, Py_ssize_t start):
    """A word of this type where it stands; what a call of the type does, in a fifth of the time."""
    cdef object word = PyType_GenericAlloc(word_type, len(entry) + 1)
    cdef object item = start
    cdef Py_ssize_t i
    Py_INCREF(item)
    PyTuple_SET_ITEM(word, 0, item)
    item = start + <Py_ssize_t> entry[0]
    Py_INCREF(item)
    PyTuple_SET_ITEM(word, 1, item)
    for i in range(1, len(entry)):
        item = entry[i]
        Py_INCREF(item)
        PyTuple_SET_ITEM(word, i + 1, item)
    return word


cdef bint next_word(str text, str capitals, Py_ssize_t *first, Py_ssize_t *behind) except -1:
    """The next word from ``behind`` on; false where there is none.

    With ``capitals`` (capital letters beyond ASCII) one that begins with a capital, else any.
    """
    cdef Py_ssize_t length = len(text), start, end = behind[0]
    cdef Py_UCS4 character, before
    cdef bint any_word = capitals is None
    while end < length:
        start = end
        end += 1
        character = text[start]
        if any_word:
            if not is_letter(character):
                continue
        elif not (
            65 <= character <= 90
            or (character > 127 and Py_UNICODE_ISUPPER(character) and character in capitals)
        ):
            continue
        if start:
            before = text[start - 1]
            if Py_UNICODE_ISALNUM(before):
                continue
            if (
                not any_word and start > 1 and (before == 39 or before == 0x2019 or before == 45)
                and Py_UNICODE_ISALNUM(text[start - 2])
            ):
                continue
        while end < length:
            character = text[end]
            if is_letter(character):
                end += 1
            elif (
                (character == 39 or character == 0x2019 or character == 45)
                and end + 1 < length and is_letter(text[end + 1])
            ):
                end += 2
            else:
                break
        first[0] = start
        behind[0] = end
        return True
    return False


def read_words(str text, str capitals, entry_of, word_type):
    """The words of a text in their order: what the patterns of ``names_context`` find.

    With ``capitals`` those that begin with a capital, else all. ``entry_of`` says of a word as it
    is written how long it is without a possessive, and the other fields of ``word_type``, a tuple.
    """
    cdef Py_ssize_t start = 0, end = 0
    cdef list words = []
    cdef tuple entry
    if not (isinstance(word_type, type) and issubclass(word_type, tuple)):
        raise TypeError("words are tuples")
    while next_word(text, capitals, &start, &end):
        entry = entry_of(text[start:end])
        words.append(placed(<PyTypeObject *> word_type, entry, start))
    return words


def words_among(str text, frozenset words, uint64_t lengths, uint64_t firsts):
    """Which words of a text are among ``words``, which are ASCII in lower case; None: not told.

    A word is all the letters and digits that stand together. Not told is a text with one of the
    letters that patterns without case take for one of ASCII. ``lengths`` are those of the words as
    bits, 63 for what is longer; ``firsts`` their first characters, six bits of each.
    """
    cdef Py_ssize_t length = len(text), start, end = 0
    cdef Py_UCS4 character
    cdef uint32_t code
    cdef bint beyond
    cdef list found = []
    while end < length:
        start = end
        beyond = False
        while end < length:
            character = text[end]
            if not Py_UNICODE_ISALNUM(character):
                break
            if character > 127:
                beyond = True
                if character == 0x130 or character == 0x131 or character == 0x17F or character == 0x212A:
                    return None
            end += 1
        if end > start and not beyond and lengths >> min(end - start, 63) & 1:
            code = <uint32_t> text[start]
            if 65 <= code <= 90:
                code |= 32
            if firsts >> (code & 63) & 1:
                word = text[start:end].lower()
                if word in words:
                    found.append(word)
        end += 1
    return found


def read_marks(str text, str capitals, marks_of, joins, Py_ssize_t long_gap, int joined, int dotted):
    """Where the capitalised words of a text begin and end, and what each is, in bits.

    ``marks_of`` says of a word as it is written how long it is without a possessive, and its bits;
    ``joins`` whether what stands between two words joins them: 1, or 2 where only those with a bit
    of ``dotted`` go on. Such a word gets the bit ``joined``.
    """
    cdef Py_ssize_t start = 0, end = 0, gap, last = -1
    cdef list starts = [], ends = [], marks = []
    cdef tuple entry
    cdef int mark = 0
    cdef Py_UCS4 character
    cdef int how
    while next_word(text, capitals, &start, &end):
        if last >= 0:
            gap = start - last
            if gap <= long_gap:
                character = text[last]
                if gap == 1 and character == 32:
                    how = 1
                else:
                    how = joins(text[last:start])
                if how == 1 or (how and mark & dotted):
                    marks[len(marks) - 1] = mark | joined
        entry = marks_of(text[start:end])
        last = start + <Py_ssize_t> entry[0]
        mark = entry[1]
        starts.append(start)
        ends.append(last)
        marks.append(mark)
    return starts, ends, marks


cdef class Kernel:
    """Words, masks and characters in tables; looks at texts for any number of threads at once."""

    cdef Tables *tables

    def __cinit__(self):
        self.tables = <Tables *> allocated(1, sizeof(Tables))

    def __dealloc__(self):
        if self.tables != NULL:
            free(self.tables.entries)
        free(self.tables)

    def __init__(self, dict names, words, dict marked, formed, kinds, providers, folded):
        cdef Tables *tables = self.tables
        cdef int i
        for i in range(256):
            tables.bytes[i] = (
                BEYOND if i > 127 else UPPER if 65 <= i <= 90 else LOWER if 97 <= i <= 122
                else NUMERAL if 48 <= i <= 57
                else CONTROL if (i < 32 and i not in (10, 13)) or i == 127
                else AT if i == 64 else BRACKET if i == 91 else ESCAPE if i in (37, 38) else 0
            )
        for first, last in folded:
            for code in range(max(first, 128), min(last + 1, CHARACTERS)):
                tables.characters[code] |= FOLDS
        for i in range(128, CHARACTERS):
            if Py_UNICODE_ISALPHA(i):
                tables.characters[i] |= ALPHA
            if Py_UNICODE_ISDECIMAL(i) or Py_UNICODE_ISDIGIT(i):
                tables.characters[i] |= FOLDS
        total = len(names) + len(words) + len(marked)
        if total >= SLOTS * 3 // 4:
            raise ValueError("more words than the kernel's table holds")
        tables.entries = <Entry *> allocated(total + 1, sizeof(Entry))
        for word, marks in names.items():
            self.add(word, marks)
        for word in words:
            self.add(word, IN_DICTIONARY)
        for word, marks in marked.items():
            self.add(word, marks)
        for beginning in formed:
            code = 0
            for letter in beginning[:3]:
                code = code * 26 + ord(letter) - 97
            tables.formed[code] = 1
        if len(kinds) > MOST_MASKS or len(providers) > MOST_MASKS:
            raise ValueError("more masks or hosts than the kernel's tables hold")
        for i, kind in enumerate(kinds):
            self.keep(tables.masks[i], f"[{kind}]")
            tables.mask_lengths[i] = len(kind) + 2
            tables.mask_count = i + 1
        tables.handle_mask = kinds.index("handle")
        tables.url_mask = kinds.index("url")
        for i, provider in enumerate(providers):
            self.keep(tables.providers[i], provider)
            tables.provider_count = i + 1

    cdef keep(self, uint8_t *place, str word):
        encoded = word.encode("ascii")
        if len(encoded) >= LONGEST_MASK:
            raise ValueError("a mask or host is longer than the kernel's tables hold")
        memcpy(place, <const char *> encoded, len(encoded))

    cdef add(self, str word, uint32_t marks):
        cdef uint64_t key[3]
        cdef uint8_t letters[LONGEST_WORD + 8]
        cdef uint32_t slot
        cdef Entry *entry
        cdef Py_ssize_t length
        encoded = word.encode()
        length = len(encoded)
        # No word of a text is looked up that is longer.
        if length > LONGEST_WORD:
            return
        memset(letters, 0, sizeof(letters))
        memcpy(letters, <const char *> encoded, length)
        read_key(letters, length, key)
        slot = hashed(key) & (SLOTS - 1)
        while self.tables.slots[slot]:
            entry = &self.tables.entries[self.tables.slots[slot]]
            if (
                entry.letters[0] == key[0] and entry.letters[1] == key[1]
                and entry.letters[2] == key[2] and entry.length == <uint32_t> length
            ):
                entry.marks |= marks
                self.expect(word, marks)
                return
            slot = (slot + 1) & (SLOTS - 1)
        self.tables.entry_count += 1
        entry = &self.tables.entries[self.tables.entry_count]
        self.expect(word, marks)
        memcpy(entry.letters, key, LONGEST_WORD)
        entry.length = length
        entry.marks = marks
        self.tables.slots[slot] = self.tables.entry_count

    cdef expect(self, str word, uint32_t marks):
        """Few words are looked up for being a platform's name."""
        if marks & PLATFORM:
            if not 2 <= len(word) < 16:
                raise ValueError("a platform's name is longer than the kernel's tables hold")
            self.tables.platforms[(ord(word[0]) - 97) * 26 + ord(word[1]) - 97] |= 1 << len(word)

    def look(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        bint canonical,
        uint32_t[::1] found,
        int64_t[::1] ends,
    ):
        """What is said of each text of an Arrow array of strings, into ``found``; null gives 0.

        ``offsets``, ``data`` and ``valid`` (a bitmap, or None) are the array's buffers, ``offset``
        its place in them. ``canonical`` texts are taken as they stand. With ``ends`` (else None)
        plain handles and links are masked: the texts that come out are returned, one behind the
        other, and ``ends`` becomes their offsets.
        """
        cdef Room room
        cdef Py_ssize_t rows = found.shape[0], i, row, first, last, problem = 0
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef bint plain = ends is not None, has_nulls = valid is not None
        check(offsets.shape[0], valid, offset, rows)
        if plain and ends.shape[0] != rows + 1:
            raise ValueError("offsets of the masked texts need one place more than there are texts")
        memset(&room, 0, sizeof(Room))
        try:
            with nogil:
                for i in range(rows):
                    row = offset + i
                    found[i] = 0
                    if plain:
                        ends[i] = room.out_length
                    if has_nulls and not valid[row >> 3] >> (row & 7) & 1:
                        continue
                    first = <Py_ssize_t> offsets[row]
                    last = <Py_ssize_t> offsets[row + 1]
                    if not 0 <= first <= last <= data.shape[0]:
                        problem = 1
                        break
                    if not make_room(&room, last - first):
                        problem = 2
                        break
                    found[i] = look_at(self.tables, &room, text + first, last - first, canonical, plain)
                if plain:
                    ends[rows] = room.out_length
            if problem == 1:
                raise ValueError("an offset of the texts to look at lies outside their buffer")
            if problem == 2:
                raise MemoryError("no memory to look at a text of the batch")
            return PyBytes_FromStringAndSize(<const char *> room.out, room.out_length)
        finally:
            free(room.read)
            free(room.out)

    def plain(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        uint8_t[::1] found,
    ):
        """Whether each name of an Arrow array is read here as it stands, into ``found``."""
        cdef Py_ssize_t rows = found.shape[0], i, first, last
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        check(offsets.shape[0], valid, offset, rows)
        for i in range(rows):
            first, last = <Py_ssize_t> offsets[offset + i], <Py_ssize_t> offsets[offset + i + 1]
            if not 0 <= first <= last <= data.shape[0]:
                raise ValueError("an offset of the names lies outside their buffer")
            found[i] = is_plain_name(self.tables, text + first, last - first)

    def spelled(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        const int64_t[::1] lists,
        Py_ssize_t first_list,
        const int32_t[::1] codes,
        const uint8_t[::1] named,
        NameOffset[::1] name_offsets,
        const uint8_t[::1] names,
        const int64_t[::1] first_spellings,
        const int64_t[::1] spelling_ends,
        const uint8_t[::1] spellings,
        uint8_t[::1] found,
    ):
        """Whether each canonical text may spell one of its names, into ``found``.

        ``lists`` are the offsets of an Arrow array of lists (a null list must be empty) of names'
        numbers in ``codes``, some of which are null (``named``, a bitmap, or None); ``names`` are
        the names' own buffers. Of name ``n`` the spellings ``first_spellings[n]`` to
        ``first_spellings[n + 1]`` are looked for, and where there are none, the name itself, which
        must be plain.
        """
        cdef Py_ssize_t rows = found.shape[0], i, row, at, name, first, last, begin, end, spelling
        cdef Py_ssize_t count = name_offsets.shape[0] - 1
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef const uint8_t *characters = &names[0] if names.shape[0] else NULL
        cdef const uint8_t *spelled = &spellings[0] if spellings.shape[0] else NULL
        cdef Letters letters
        cdef int problem = 0
        check(offsets.shape[0], valid, offset, rows)
        check(lists.shape[0], None, first_list, rows)
        check(codes.shape[0] + 1, named, 0, lists[first_list + rows] if rows else 0)
        if first_spellings.shape[0] != count + 1:
            raise ValueError("names and their spellings must be as many")
        for i in range(count):
            if not (
                0 <= name_offsets[i] <= name_offsets[i + 1] <= names.shape[0]
                and 0 <= first_spellings[i] <= first_spellings[i + 1] < spelling_ends.shape[0]
            ):
                raise ValueError("an offset of the names or spellings lies outside their buffer")
        for i in range(spelling_ends.shape[0] - 1):
            if not 0 <= spelling_ends[i] <= spelling_ends[i + 1] - 2 <= spellings.shape[0] - 2:
                raise ValueError("a spelling is shorter than two bytes or lies outside the buffer")
        letters.lower, letters.room = NULL, 0
        try:
            with nogil:
                for i in range(rows):
                    row = offset + i
                    found[i] = 0
                    if valid is not None and not valid[row >> 3] >> (row & 7) & 1:
                        continue
                    first, last = <Py_ssize_t> offsets[row], <Py_ssize_t> offsets[row + 1]
                    begin, end = lists[first_list + i], lists[first_list + i + 1]
                    if not (0 <= first <= last <= data.shape[0] and 0 <= begin <= end <= codes.shape[0]):
                        problem = 1
                        break
                    letters.length = -1
                    for at in range(begin, end):
                        if named is not None and not named[at >> 3] >> (at & 7) & 1:
                            continue
                        name = codes[at]
                        if not 0 <= name < count:
                            problem = 1
                            break
                        if letters.length < 0:
                            if not make_letters(&letters, last - first):
                                problem = 2
                                break
                            read_letters(&letters, text + first, last - first)
                        if first_spellings[name] == first_spellings[name + 1]:
                            if may_spell(
                                self.tables, &letters, characters + name_offsets[name],
                                name_offsets[name + 1] - name_offsets[name],
                            ):
                                found[i] = 1
                                break
                            continue
                        for spelling in range(first_spellings[name], first_spellings[name + 1]):
                            if holds_spelling(
                                &letters, spelled + spelling_ends[spelling],
                                spelling_ends[spelling + 1] - spelling_ends[spelling],
                            ):
                                found[i] = 1
                                break
                        if found[i]:
                            break
                    if problem:
                        break
            if problem == 1:
                raise ValueError("an offset of the texts or names lies outside their buffer")
            if problem == 2:
                raise MemoryError("no memory to look for the names of a text")
        finally:
            free(letters.lower)

    def count(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        int64_t[::1] ends,
    ):
        """Masks of each kind in each text: kinds (a byte each) and counts; ``ends`` as an Arrow list's offsets."""
        cdef Py_ssize_t rows = ends.shape[0] - 1, i, row, first, last, at
        cdef int64_t total = 0
        cdef int counts[MOST_MASKS]
        cdef int which, kind_count = self.tables.mask_count
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef Tables *tables = self.tables
        kinds, numbers = bytearray(), []
        check(offsets.shape[0], valid, offset, rows)
        ends[0] = 0
        for i in range(rows):
            row = offset + i
            if valid is None or valid[row >> 3] >> (row & 7) & 1:
                first, last = <Py_ssize_t> offsets[row], <Py_ssize_t> offsets[row + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    raise ValueError("an offset of the texts to count in lies outside their buffer")
                at = first
                memset(counts, 0, sizeof(counts))
                seen = False
                while at < last:
                    if text[at] == b"[":
                        which = mask_at(tables, text + at, text + last)
                        if which >= 0:
                            counts[which] += 1
                            seen = True
                            at += tables.mask_lengths[which]
                            continue
                    at += 1
                if seen:
                    for which in range(kind_count):
                        if counts[which]:
                            kinds.append(which)
                            numbers.append(counts[which])
                            total += 1
            ends[i + 1] = total
        return kinds, numbers


cdef struct Sign:
    uint8_t bytes[LONGEST_SIGN]
    int length
    # The bytes before the end of those that the table has.
    int behind
    bint edge_before
    bint edge_after
    # A bit for each pattern that needs it.
    uint32_t patterns
    # Its last bytes, four at most, as a number; the next sign with the same, 0 for none.
    uint32_t key
    int following


cdef class Signs:
    """Signs in a table: which patterns each text may match (``signs``)."""

    cdef Sign *signs
    cdef int count
    # A bit for each key's last two bytes, and last three: most places of a text end none.
    cdef uint64_t pairs[1 << 10]
    cdef uint64_t triples[1 << 10]
    # Place of the first sign with a key, 0 for none.
    cdef int slots[SIGN_SLOTS]
    cdef uint8_t mapped[256]

    def __cinit__(self):
        self.signs = <Sign *> allocated(MOST_SIGNS, sizeof(Sign))

    def __dealloc__(self):
        free(self.signs)

    def __init__(self, patterns):
        cdef int i
        memset(self.slots, 0, sizeof(self.slots))
        memset(self.pairs, 0, sizeof(self.pairs))
        memset(self.triples, 0, sizeof(self.triples))
        self.count = 0
        for i in range(256):
            self.mapped[i] = i + 32 if 65 <= i <= 90 else 48 if 48 <= i <= 57 else i
        needed_by = {}
        for number, needed in enumerate(patterns):
            for sign in needed:
                needed_by[sign] = needed_by.get(sign, 0) | 1 << number
        if len(needed_by) >= MOST_SIGNS:
            raise ValueError("more signs than the kernel's table holds")
        for sign, bits in needed_by.items():
            self.add(sign, bits)

    cdef add(self, bytes sign, uint32_t patterns):
        cdef Sign *new = &self.signs[self.count + 1]
        cdef bytes plain = sign.strip(b"\x01")
        cdef int length = len(plain), first, i
        cdef uint32_t key, slot
        if not 2 <= length <= LONGEST_SIGN:
            raise ValueError("a sign is shorter than two bytes or longer than the kernel's table holds")
        self.count += 1
        memcpy(new.bytes, <const char *> plain, length)
        new.length = length
        new.edge_before = sign[0] == EDGE
        new.edge_after = sign[len(sign) - 1] == EDGE
        new.patterns = patterns
        first = rarest(plain)
        new.behind = min(first + 4, length)
        key = 0
        for i in range(first, new.behind):
            key = key << 8 | new.bytes[i]
        new.key = key
        if length == 2:
            self.pairs[key >> 6] |= <uint64_t> 1 << (key & 63)
        else:
            slot = triple_slot(key)
            self.triples[slot >> 6] |= <uint64_t> 1 << (slot & 63)
        slot = sign_slot(key)
        while self.slots[slot] and self.signs[self.slots[slot]].key != key:
            slot = (slot + 1) & (SIGN_SLOTS - 1)
        new.following = self.slots[slot]
        self.slots[slot] = self.count

    cdef inline const Sign *first_of(self, uint32_t key) noexcept nogil:
        cdef uint32_t slot = sign_slot(key)
        while self.slots[slot]:
            if self.signs[self.slots[slot]].key == key:
                return &self.signs[self.slots[slot]]
            slot = (slot + 1) & (SIGN_SLOTS - 1)
        return NULL

    cdef uint32_t patterns_at(self, uint32_t key, const uint8_t *text, Py_ssize_t at, Py_ssize_t length) noexcept nogil:
        """Patterns of the signs whose bytes in the table end before ``at``."""
        cdef const Sign *sign = self.first_of(key)
        cdef Py_ssize_t start, end, i
        cdef uint32_t patterns = 0
        while sign != NULL:
            start = at - sign.behind
            end = start + sign.length
            if (
                start >= 0 and end <= length
                and not (sign.edge_before and start and is_small_letter(text[start - 1]))
                and not (sign.edge_after and end < length and is_small_letter(text[end]))
            ):
                for i in range(sign.length):
                    if self.mapped[text[start + i]] != sign.bytes[i]:
                        break
                else:
                    patterns |= sign.patterns
            sign = &self.signs[sign.following] if sign.following else NULL
        return patterns

    def look(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        uint32_t[::1] found,
    ):
        """Bits of the patterns of which each text of an Arrow array holds a sign, into ``found``.

        ``offsets``, ``data``, ``valid`` and ``offset`` are as ``Kernel.look`` takes them.
        """
        cdef Py_ssize_t rows = found.shape[0], i, row, first, last, at
        cdef const uint8_t *texts = &data[0] if data.shape[0] else NULL
        cdef const uint8_t *text
        cdef uint32_t window, pair, triple
        cdef bint outside = False
        check(offsets.shape[0], valid, offset, rows)
        with nogil:
            for i in range(rows):
                row = offset + i
                found[i] = 0
                if valid is not None and not valid[row >> 3] >> (row & 7) & 1:
                    continue
                first, last = <Py_ssize_t> offsets[row], <Py_ssize_t> offsets[row + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    outside = True
                    break
                text = texts + first
                window = 0
                for at in range(last - first):
                    window = window << 8 | self.mapped[text[at]]
                    pair, triple = window & 0xFFFF, triple_slot(window)
                    if self.pairs[pair >> 6] >> (pair & 63) & 1:
                        found[i] |= self.patterns_at(pair, text, at + 1, last - first)
                    if self.triples[triple >> 6] >> (triple & 63) & 1:
                        found[i] |= (
                            self.patterns_at(window, text, at + 1, last - first)
                            | self.patterns_at(window & 0xFFFFFF, text, at + 1, last - first)
                        )
        if outside:
            raise ValueError("an offset of the texts to look at lies outside their buffer")


cdef inline uint32_t sign_slot(uint32_t key) noexcept nogil:
    return key * <uint32_t> 0x9E3779B1 >> 19


cdef inline uint32_t triple_slot(uint32_t key) noexcept nogil:
    return (key & 0xFFFFFF) * <uint32_t> 0x9E3779B1 >> 16


cdef inline bint is_small_letter(uint8_t byte) noexcept nogil:
    return 97 <= byte <= 122


cdef int rarest(bytes sign):
    """Where the four bytes begin that the fewest texts hold: letters are common, and blanks."""
    cdef int length = len(sign), start, i, worth, best = -1, found = 0
    for start in range(max(1, length - 3)):
        worth = 0
        for i in range(start, min(start + 4, length)):
            worth += 5 if sign[i] == 32 else 7 if 97 <= sign[i] <= 122 else 10
        if worth > best:
            best, found = worth, start
    return found


cdef void *allocated(Py_ssize_t count, Py_ssize_t size) except NULL:
    cdef void *memory = calloc(max(count, 1), size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef check(Py_ssize_t offsets, const uint8_t[::1] valid, Py_ssize_t offset, Py_ssize_t rows):
    if not (
        0 <= offset and offset + rows < offsets
        and (valid is None or offset + rows <= 8 * valid.shape[0])
    ):
        raise ValueError("rows to look at lie outside the buffers")
