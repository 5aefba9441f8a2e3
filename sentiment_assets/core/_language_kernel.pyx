# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""Words of posts and their counts, compiled: texts in Arrow's buffers in, words and numbers out.

Belongs here: the hot loop, and nothing that a Python module can say. ``language_words`` has the
patterns that say the same, the lists of words, the tables of characters and the choice between the
two. A text with a character that the tables don't hold is left to the patterns.

How a text is read: once into characters, then one short loop for each pattern that replaces
something. A loop is written here as its pattern reads there; patterns that ask for a whole word
become one look into a table of words.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``language_words`` whenever this file changes what it does.
VERSION = 1

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()

ctypedef fused Offset:
    const int32_t
    const int64_t

# What a character is; of the lower-case form: NO_WORD and FOREIGN.
cdef enum:
    KNOWN = 1 << 0
    LETTER = 1 << 1
    CAPITAL = 1 << 2
    SMALL = 1 << 3
    NUMBER = 1 << 4
    IN_WORD = 1 << 5
    SPACE = 1 << 6
    PICTURE = 1 << 7
    NO_WORD = 1 << 8
    FOREIGN = 1 << 9
    APOSTROPHE = 1 << 10

#: The bit of each question that the tables answer of a character.
FLAGS = {
    "known": KNOWN, "letter": LETTER, "capital": CAPITAL, "small": SMALL, "number": NUMBER,
    "in_word": IN_WORD, "space": SPACE, "picture": PICTURE, "no_word": NO_WORD,
    "foreign": FOREIGN, "apostrophe": APOSTROPHE,
}

# What ``count`` says of a text beside its numbers.
cdef enum:
    WAS_READ = 1
    HAS_LETTERS = 2
    IS_FOREIGN = 4
    IS_CLOSED = 8

# What ``has_text`` says of one.
cdef enum:
    NOTHING = 0
    SOMETHING = 1
    NOT_READ = 2

cdef enum:
    CHARACTERS = 0x20000
    LONGEST_WORD = 16
    SLOTS = 1 << 13
    LISTS = 3
    LONGEST_BEGINNING = 8
    MOST_BEGINNINGS = 128
    PADDING = 32

# A word, or the letters that a word with an apostrophe or an accent begins with.
cdef struct Word:
    uint64_t letters[2]
    # A bit for each list that holds it.
    uint32_t lists
    # Words that go on behind these letters, in the order of their lists.
    uint32_t first_rest
    uint32_t rest_count

cdef struct Rest:
    uint8_t *letters
    uint32_t length
    uint32_t which

cdef struct Tables:
    uint16_t *characters
    uint32_t *lower
    Word *words
    uint16_t slots[SLOTS]
    Rest *rests
    Py_ssize_t rest_count
    uint8_t beginnings[MOST_BEGINNINGS][LONGEST_BEGINNING]
    int beginning_lengths[MOST_BEGINNINGS]
    int beginning_count
    # By the first two letters: whether any beginning has them.
    uint8_t begins[1024]
    Py_ssize_t looked_at

# Room to work in. ``one`` and ``two`` take turns in holding the text.
cdef struct Scratch:
    uint32_t *text
    uint32_t *one
    uint32_t *two
    Py_ssize_t room

cdef struct Found:
    uint32_t length
    uint32_t english
    uint32_t borrowed
    uint32_t other
    uint8_t flags


# --- characters ------------------------------------------------------------------------------

cdef Py_ssize_t decoded(
    const Tables *tables, const uint8_t *at, Py_ssize_t length, uint32_t *into,
) noexcept nogil:
    """Write a text's characters; returns how many, -1 where the tables lack one."""
    cdef const uint8_t *end = at + length
    cdef Py_ssize_t count = 0, left
    cdef uint32_t character
    while at < end:
        character = at[0]
        if character < 0x80:
            at += 1
        else:
            left = end - at
            if 0xC0 <= character < 0xE0 and left >= 2:
                character = (character & 0x1F) << 6 | (at[1] & 0x3F)
                at += 2
            elif 0xE0 <= character < 0xF0 and left >= 3:
                character = (
                    (character & 0x0F) << 12 | <uint32_t> (at[1] & 0x3F) << 6 | (at[2] & 0x3F)
                )
                at += 3
            elif 0xF0 <= character and left >= 4:
                character = (
                    (character & 0x07) << 18 | <uint32_t> (at[1] & 0x3F) << 12
                    | <uint32_t> (at[2] & 0x3F) << 6 | (at[3] & 0x3F)
                )
                at += 4
            else:
                return -1
            if character >= CHARACTERS or not tables.characters[character] & KNOWN:
                return -1
        into[count] = character
        count += 1
    return count


cdef inline Py_ssize_t encode(uint32_t character, uint8_t *into) noexcept nogil:
    """Write a character as UTF-8; returns its bytes."""
    if character < 0x80:
        into[0] = <uint8_t> character
        return 1
    if character < 0x800:
        into[0] = <uint8_t> (0xC0 | character >> 6)
        into[1] = <uint8_t> (0x80 | (character & 0x3F))
        return 2
    if character < 0x10000:
        into[0] = <uint8_t> (0xE0 | character >> 12)
        into[1] = <uint8_t> (0x80 | (character >> 6 & 0x3F))
        into[2] = <uint8_t> (0x80 | (character & 0x3F))
        return 3
    into[0] = <uint8_t> (0xF0 | character >> 18)
    into[1] = <uint8_t> (0x80 | (character >> 12 & 0x3F))
    into[2] = <uint8_t> (0x80 | (character >> 6 & 0x3F))
    into[3] = <uint8_t> (0x80 | (character & 0x3F))
    return 4


cdef inline bint is_letter(uint32_t character, uint32_t small) noexcept nogil:
    """Whether it is this letter of a to z, in either case."""
    return (character | 32) == small


cdef inline bint is_a_to_z(uint32_t character) noexcept nogil:
    return (character | 32) - 97 < 26


# --- what is replaced ------------------------------------------------------------------------

cdef Py_ssize_t address_at(
    const Tables *tables, const uint32_t *text, Py_ssize_t i, Py_ssize_t count,
) noexcept nogil:
    """Where the link, handle, mask or entity ends that begins at ``i``; 0 where none does."""
    cdef const uint16_t *characters = tables.characters
    cdef uint32_t first = text[i]
    cdef Py_ssize_t end = 0, j
    cdef bint opens = i == 0 or not characters[text[i - 1]] & IN_WORD
    if first == c"@":
        end = i
    elif is_letter(first, c"h"):
        if not (
            opens and i + 3 < count and is_letter(text[i + 1], c"t")
            and is_letter(text[i + 2], c"t") and is_letter(text[i + 3], c"p")
        ):
            return 0
        end = i + 4
        if end < count and is_letter(text[end], c"s"):
            end += 1
        if end < count and characters[text[end]] & IN_WORD:
            return 0
        while end < count and not characters[text[end]] & SPACE:
            end += 1
        return end
    elif is_letter(first, c"w"):
        if not (
            opens and i + 3 < count and is_letter(text[i + 1], c"w")
            and is_letter(text[i + 2], c"w") and text[i + 3] == c"."
        ):
            return 0
        end = i + 4
        while end < count and not characters[text[end]] & SPACE:
            end += 1
        return end
    elif is_letter(first, c"r"):
        if not (
            opens and i + 3 < count and is_letter(text[i + 1], c"t") and text[i + 2] == c" "
            and text[i + 3] == c"@"
        ):
            return 0
        end = i + 3
    elif first == c"[":
        end = i + 1
        if end >= count or not is_a_to_z(text[end]):
            return 0
        while end < count and (is_a_to_z(text[end]) or text[end] == c"_" or text[end] == c" "):
            end += 1
        return end + 1 if end < count and text[end] == c"]" else 0
    elif first == c"&":
        j = i + 1
        if j < count and is_letter(text[j], c"a"):
            if j + 3 < count and is_letter(text[j + 1], c"m") and is_letter(text[j + 2], c"p"):
                return j + 4 if text[j + 3] == c";" else 0
        elif j + 2 < count and (is_letter(text[j], c"l") or is_letter(text[j], c"g")):
            if is_letter(text[j + 1], c"t"):
                return j + 3 if text[j + 2] == c";" else 0
        return 0
    else:
        return 0
    # A handle: ``end`` is the place of its sign.
    j = end + 1
    while j < count and characters[text[j]] & IN_WORD:
        j += 1
    if j == end + 1:
        return 0
    return j + 1 if j < count and text[j] == c":" else j


cdef inline bint may_begin_address(uint32_t character) noexcept nogil:
    return (
        character == c"@" or character == c"[" or character == c"&"
        or is_letter(character, c"h") or is_letter(character, c"w") or is_letter(character, c"r")
    )


cdef Py_ssize_t without_addresses(
    const Tables *tables, const uint32_t *text, Py_ssize_t count, uint32_t *into,
) noexcept nogil:
    cdef Py_ssize_t i = 0, written = 0, end
    while i < count:
        if may_begin_address(text[i]):
            end = address_at(tables, text, i, count)
            if end:
                into[written] = c" "
                written += 1
                i = end
                continue
        into[written] = text[i]
        written += 1
        i += 1
    return written


cdef Py_ssize_t without_places(
    const Tables *tables, const uint32_t *text, Py_ssize_t count, uint32_t *into,
) noexcept nogil:
    """Without the places of check-ins; -1 where no letter would be left."""
    cdef Py_ssize_t i = 0, written = 0, end
    cdef bint letters = False
    while i < count:
        if text[i] == c"@":
            end = i + 1
            while end < count and text[end] == c" ":
                end += 1
            if (
                end > i + 1 and end < count
                and tables.characters[text[end]] & (CAPITAL | NUMBER)
            ):
                while (
                    end < count and text[end] != c"#" and text[end] != c"!" and text[end] != c"?"
                    and text[end] != c"\n"
                ):
                    end += 1
                into[written] = c" "
                written += 1
                i = end
                continue
        letters = letters or tables.characters[text[i]] & LETTER
        into[written] = text[i]
        written += 1
        i += 1
    return written if letters else -1


cdef Py_ssize_t without_hashtags(
    const Tables *tables, const uint32_t *text, Py_ssize_t count, uint32_t *into,
) noexcept nogil:
    cdef Py_ssize_t i = 0, written = 0, end
    while i < count:
        if text[i] == c"#":
            end = i + 1
            while end < count and (
                tables.characters[text[end]] & (LETTER | NUMBER) or text[end] == c"_"
            ):
                end += 1
            if end > i + 1:
                into[written] = c" "
                written += 1
                i = end
                continue
        into[written] = text[i]
        written += 1
        i += 1
    return written


cdef Py_ssize_t split_at_capitals(
    const Tables *tables, const uint32_t *text, Py_ssize_t count, uint32_t *into,
) noexcept nogil:
    cdef Py_ssize_t i, written = 0
    for i in range(count):
        if (
            i > 0 and tables.characters[text[i]] & CAPITAL
            and tables.characters[text[i - 1]] & SMALL
        ):
            into[written] = c" "
            written += 1
        into[written] = text[i]
        written += 1
    return written


cdef bint has_three_words(
    const Tables *tables, const uint32_t *text, Py_ssize_t count,
) noexcept nogil:
    """Whether three words of two letters or more follow each other, with no # between them."""
    cdef Py_ssize_t i = 0, letters
    cdef int words = 0
    while i < count:
        if tables.characters[text[i]] & LETTER:
            letters = i
            while i < count and tables.characters[text[i]] & LETTER:
                i += 1
            words = words + 1 if i - letters >= 2 else 0
            if words == 3:
                return True
        else:
            if text[i] == c"#":
                words = 0
            i += 1
    return False


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


cdef inline uint32_t slot_of(uint64_t one, uint64_t two) noexcept nogil:
    one ^= (two ^ (two >> 29)) * <uint64_t> 0xBF58476D1CE4E5B9
    return <uint32_t> ((one * <uint64_t> 0x9E3779B97F4A7C15) >> 51)


cdef inline const Word *word_at(
    const Tables *tables, const uint8_t *word, Py_ssize_t length,
) noexcept nogil:
    """The word's row of the table, the empty row where it isn't there."""
    if length > LONGEST_WORD:
        return &tables.words[0]
    cdef uint64_t one = letters_at(word, length)
    cdef uint64_t two = letters_at(word + 8, length - 8) if length > 8 else 0
    cdef uint32_t slot = slot_of(one, two), found
    cdef const Word *known
    while True:
        found = tables.slots[slot]
        known = &tables.words[found]
        if found == 0 or (known.letters[0] == one and known.letters[1] == two):
            return known
        slot = (slot + 1) & (SLOTS - 1)


cdef inline bint is_small(uint8_t byte) noexcept nogil:
    # No other byte stands beside words: capitals, digits and _ were replaced.
    return <uint8_t> (byte - 97) < 26


cdef inline bint is_vowel(uint8_t letter) noexcept nogil:
    return (
        letter == c"a" or letter == c"e" or letter == c"i" or letter == c"o" or letter == c"u"
    )


cdef bint is_nguni(const Tables *tables, const uint8_t *word, Py_ssize_t length) noexcept nogil:
    """Whether a word begins as only Nguni words do, goes on for three letters and ends in a vowel."""
    cdef int i, size
    if length < 6 or not is_vowel(word[length - 1]):
        return False
    if not tables.begins[(word[0] - 97) << 5 | (word[1] - 97)]:
        return False
    for i in range(tables.beginning_count):
        size = tables.beginning_lengths[i]
        if length >= size + 4 and memcmp(tables.beginnings[i], word, size) == 0:
            return True
    return False


cdef void count_words(
    const Tables *tables, const uint8_t *words, Py_ssize_t length, Found *found,
) noexcept nogil:
    cdef Py_ssize_t start, at = 0, end
    cdef Py_ssize_t behind[LISTS]
    cdef uint32_t counts[LISTS]
    cdef uint32_t nguni = 0, which, i, matched
    cdef const Word *word
    cdef const Rest *rest
    cdef uint8_t last
    memset(behind, 0, sizeof(behind))
    memset(counts, 0, sizeof(counts))
    while at < length:
        if not is_small(words[at]):
            at += 1
            continue
        start = at
        while at < length and is_small(words[at]):
            at += 1
        last = words[at - 1]
        # Also those that end in "ng".
        if not is_vowel(last) and last != c"n":
            found.flags |= IS_CLOSED
        nguni += is_nguni(tables, words + start, at - start)
        word = word_at(tables, words + start, at - start)
        if word.rest_count == 0:
            for which in range(LISTS):
                if word.lists >> which & 1 and start >= behind[which]:
                    counts[which] += 1
            continue
        matched = 0
        for i in range(word.rest_count):
            rest = &tables.rests[word.first_rest + i]
            if matched >> rest.which & 1 or start < behind[rest.which]:
                continue
            end = at + rest.length
            if (
                end <= length and memcmp(words + at, rest.letters, rest.length) == 0
                and not (end < length and is_small(words[end]))
            ):
                matched |= <uint32_t> 1 << rest.which
                behind[rest.which] = end
        for which in range(LISTS):
            if matched >> which & 1 or (word.lists >> which & 1 and start >= behind[which]):
                counts[which] += 1
    found.english = counts[0]
    found.borrowed = counts[1]
    found.other = counts[2] + nguni


cdef Py_ssize_t write_words(
    const Tables *tables, const uint32_t *text, Py_ssize_t count, uint8_t *into, Found *found,
) noexcept nogil:
    """Write the words in lower case with a space between them; returns the bytes."""
    cdef Py_ssize_t i, written = 0, length = 0, letters = 0, letters_before = 0
    cdef uint32_t character, flags
    cdef bint gap = False, between = True, two_words = False
    for i in range(count):
        character = text[i]
        flags = tables.characters[character]
        if flags & NO_WORD:
            gap = length > 0
            continue
        if length >= tables.looked_at:
            break
        if gap:
            into[written] = c" "
            written += 1
            length += 1
            gap = False
            between = True
            if length >= tables.looked_at:
                break
        if flags & APOSTROPHE:
            character = c"'"
            between = True
        elif flags & LETTER:
            if between:
                letters_before = letters
                letters = 0
                between = False
            letters += 1
            found.flags |= HAS_LETTERS
            two_words = two_words or (letters >= 2 and letters_before >= 2)
            character = tables.lower[character]
        else:
            between = True
            character = tables.lower[character]
        if flags & FOREIGN:
            found.flags |= IS_FOREIGN
        written += encode(character, into + written)
        length += 1
    if not two_words:
        found.flags |= IS_CLOSED
    found.length = <uint32_t> length
    return written


cdef Py_ssize_t read_text(
    const Tables *tables, Scratch *room, const uint8_t *bytes_, Py_ssize_t length,
    uint8_t *into, Found *found,
) noexcept nogil:
    """Write the words of a text and count them; returns their bytes, 0 for what is not read."""
    cdef uint32_t *text = room.one
    cdef uint32_t *free_one = room.two
    cdef Py_ssize_t i, count, shorter
    cdef bint has_at = False, has_hash = False
    memset(found, 0, sizeof(Found))
    count = decoded(tables, bytes_, length, room.text)
    if count < 0:
        return 0
    found.flags = WAS_READ
    count = without_addresses(tables, room.text, count, text)
    for i in range(count):
        has_at = has_at or text[i] == c"@"
        has_hash = has_hash or text[i] == c"#"
    if has_at:
        shorter = without_places(tables, text, count, free_one)
        if shorter >= 0:
            text, free_one = free_one, text
            count = shorter
    if has_hash:
        shorter = without_hashtags(tables, text, count, free_one)
        if has_three_words(tables, free_one, shorter):
            text, free_one = free_one, text
            count = shorter
        else:
            count = split_at_capitals(tables, text, count, free_one)
            text, free_one = free_one, text
    elif not has_three_words(tables, text, count):
        count = split_at_capitals(tables, text, count, free_one)
        text, free_one = free_one, text
    length = write_words(tables, text, count, into, found)
    count_words(tables, into, length, found)
    return length


cdef int look_for_text(
    const Tables *tables, Scratch *room, const uint8_t *text, Py_ssize_t length,
) noexcept nogil:
    """Whether a letter or a picture stands outside of links, handles, masks and entities."""
    cdef Py_ssize_t i = 0, count, end
    if length and is_a_to_z(text[0]) and not may_begin_address(text[0]):
        return SOMETHING
    count = decoded(tables, text, length, room.text)
    if count < 0:
        return NOT_READ
    while i < count:
        if may_begin_address(room.text[i]):
            end = address_at(tables, room.text, i, count)
            if end:
                i = end
                continue
        if tables.characters[room.text[i]] & (LETTER | PICTURE):
            return SOMETHING
        i += 1
    return NOTHING


# --- room ------------------------------------------------------------------------------------

cdef bint has_room(Scratch *room, Py_ssize_t length) noexcept nogil:
    """Room for a text of so many bytes, with a space before every second of its characters."""
    if length <= room.room:
        return True
    free_room(room)
    length = 2 * length + 512
    room.text = <uint32_t *> malloc(length * sizeof(uint32_t))
    room.one = <uint32_t *> malloc(2 * length * sizeof(uint32_t))
    room.two = <uint32_t *> malloc(2 * length * sizeof(uint32_t))
    if not (room.text and room.one and room.two):
        return False
    room.room = length
    return True


cdef void free_room(Scratch *room) noexcept nogil:
    free(room.text)
    free(room.one)
    free(room.two)
    room.text = room.one = room.two = NULL
    room.room = -1


# --- tables, from Python's objects -----------------------------------------------------------

cdef class Kernel:
    """The words and characters in tables; reads texts for any number of threads at once."""

    cdef Tables *tables

    def __cinit__(self):
        self.tables = <Tables *> calloc(1, sizeof(Tables))
        if self.tables == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.tables == NULL:
            return
        for i in range(self.tables.rest_count):
            free(self.tables.rests[i].letters)
        free(self.tables.rests)
        free(self.tables.words)
        free(self.tables.lower)
        free(self.tables.characters)
        free(self.tables)

    def __init__(self, characters, lists, beginnings, Py_ssize_t looked_at):
        """Fill the tables.

        ``characters``: (code, flags, code in lower case) of each that may be read; ``lists``: the
        English, the borrowed and the other words, each in the order in which they are looked for;
        ``beginnings``: of Nguni words; ``looked_at``: characters in which words are counted.
        """
        if self.tables.words != NULL:
            raise RuntimeError("the kernel's tables are filled already")
        self.tables.looked_at = looked_at
        self._read_characters(characters)
        self._read_words(lists)
        self._read_beginnings(beginnings)

    cdef _read_characters(self, characters):
        cdef Py_ssize_t code, lower
        self.tables.characters = <uint16_t *> allocated(CHARACTERS, sizeof(uint16_t))
        self.tables.lower = <uint32_t *> allocated(CHARACTERS, sizeof(uint32_t))
        for code, flags, lower in characters:
            if not (0 <= code < CHARACTERS and 0 <= lower < CHARACTERS):
                raise ValueError("a character lies beyond those that the kernel knows")
            self.tables.characters[code] = flags
            self.tables.lower[code] = lower
        for code in range(128):
            if not self.tables.characters[code] & KNOWN:
                raise ValueError(f"the kernel was not told what character {code} is")

    cdef _read_words(self, lists):
        cdef Tables *tables = self.tables
        cdef uint8_t padded[LONGEST_WORD + PADDING]
        cdef Word *word
        cdef uint32_t slot, place
        cdef const uint8_t *letters
        if len(lists) != LISTS:
            raise ValueError(f"the kernel counts words of {LISTS} lists, not of {len(lists)}")
        # By the letters a to z that a word begins with: its lists, and what else they begin.
        held = {}
        rests = {}
        for which, words in enumerate(lists):
            for text in words:
                first = text.encode()
                while not first.isalpha():
                    first = first[:len(first) - 1]
                rest = text.encode()[len(first):]
                if not 0 < len(first) <= LONGEST_WORD:
                    raise ValueError("a word's letters are too many, or too few, for the kernel")
                bits = held.setdefault(first, 0)
                if not rest:
                    held[first] = bits | 1 << which
                # The first of a list that fits is taken: what follows a shorter word never is.
                elif not bits >> which & 1:
                    rests.setdefault(first, []).append((which, rest))
        if len(held) > SLOTS // 2:
            raise ValueError(f"{len(held)} words are too many for the kernel's table")
        tables.words = <Word *> allocated(len(held) + 1, sizeof(Word))
        tables.rests = <Rest *> allocated(sum(map(len, rests.values())), sizeof(Rest))
        for place, (first, bits) in enumerate(held.items(), 1):
            word = &tables.words[place]
            letters = first
            memset(padded, 0, sizeof(padded))
            memcpy(padded, letters, len(first))
            word.letters[0] = letters_at(padded, 8)
            word.letters[1] = letters_at(padded + 8, 8)
            word.lists = bits
            word.first_rest = tables.rest_count
            for which, rest in rests.get(first, ()):
                letters = rest
                tables.rests[tables.rest_count].letters = <uint8_t *> allocated(len(rest), 1)
                memcpy(tables.rests[tables.rest_count].letters, letters, len(rest))
                tables.rests[tables.rest_count].length = len(rest)
                tables.rests[tables.rest_count].which = which
                tables.rest_count += 1
                word.rest_count += 1
            slot = slot_of(word.letters[0], word.letters[1])
            while tables.slots[slot]:
                slot = (slot + 1) & (SLOTS - 1)
            tables.slots[slot] = place

    cdef _read_beginnings(self, beginnings):
        cdef Tables *tables = self.tables
        cdef const uint8_t *letters
        if len(beginnings) > MOST_BEGINNINGS:
            raise ValueError(f"{len(beginnings)} beginnings are too many for the kernel")
        for text in beginnings:
            encoded = text.encode()
            if not 2 <= len(encoded) <= LONGEST_BEGINNING:
                raise ValueError("a beginning is too long, or too short, for the kernel")
            letters = encoded
            memcpy(tables.beginnings[tables.beginning_count], letters, len(encoded))
            tables.beginning_lengths[tables.beginning_count] = len(encoded)
            tables.begins[(letters[0] - 97) << 5 | (letters[1] - 97)] = 1
            tables.beginning_count += 1

    def count(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        Py_ssize_t offset,
        Py_ssize_t count,
        int64_t[::1] ends,
        uint32_t[::1] length,
        uint32_t[::1] english,
        uint32_t[::1] borrowed,
        uint32_t[::1] other,
        uint8_t[::1] flags,
    ):
        """Count the words of ``count`` texts into the columns; returns the words, end to end.

        ``offsets`` and ``data`` are buffers of an Arrow array of strings without nulls, ``offset``
        its place in them; ``ends`` takes the offsets of the words. ``flags``: 1 where the text was
        read (the others' columns are 0), 2 where it has letters, 4 foreign ones, 8 where it is
        closed.
        """
        cdef Scratch room
        cdef Found found
        cdef Py_ssize_t i, first, last, problem = 0, written = 0, size = 0, wanted
        cdef Py_ssize_t longest = 4 * self.tables.looked_at + PADDING
        cdef uint8_t *words = NULL
        cdef uint8_t *larger
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        if not (
            0 <= count and 0 <= offset and offset + count < offsets.shape[0]
            and count < ends.shape[0]
            and count <= min(length.shape[0], english.shape[0], borrowed.shape[0])
            and count <= min(other.shape[0], flags.shape[0])
        ):
            raise ValueError("texts to count lie outside the buffers")
        memset(&room, 0, sizeof(Scratch))
        room.room = -1
        with nogil:
            ends[0] = 0
            for i in range(count):
                first = <Py_ssize_t> offsets[offset + i]
                last = <Py_ssize_t> offsets[offset + i + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    problem = 1
                    break
                if written + longest > size:
                    wanted = 2 * size + 64 * longest
                    larger = <uint8_t *> realloc(words, wanted)
                    if larger == NULL:
                        problem = 2
                        break
                    words = larger
                    size = wanted
                if not has_room(&room, last - first):
                    problem = 2
                    break
                written += read_text(
                    self.tables, &room, text + first, last - first, words + written, &found
                )
                ends[i + 1] = written
                length[i] = found.length
                english[i] = found.english
                borrowed[i] = found.borrowed
                other[i] = found.other
                flags[i] = found.flags
            free_room(&room)
        try:
            if problem == 1:
                raise ValueError("an offset of the texts to count lies outside their buffer")
            if problem == 2:
                raise MemoryError("no memory to read a text of the batch")
            return words[:written] if written else b""
        finally:
            free(words)

    def has_text(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        Py_ssize_t count,
        uint8_t[::1] found,
    ):
        """Whether each text has a letter or picture outside of its addresses: 1, or 0, or 2.

        2: the text was not read. ``valid``: the array's bitmap, or None; null has no text.
        """
        cdef Scratch room
        cdef Py_ssize_t i, row, first, last, problem = 0
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef bint has_nulls = valid is not None
        if not (
            0 <= count <= found.shape[0] and 0 <= offset and offset + count < offsets.shape[0]
            and (not has_nulls or offset + count <= 8 * valid.shape[0])
        ):
            raise ValueError("texts to look at lie outside the buffers")
        memset(&room, 0, sizeof(Scratch))
        room.room = -1
        with nogil:
            for i in range(count):
                row = offset + i
                found[i] = NOTHING
                if has_nulls and not valid[row >> 3] >> (row & 7) & 1:
                    continue
                first = <Py_ssize_t> offsets[row]
                last = <Py_ssize_t> offsets[row + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    problem = 1
                    break
                if not has_room(&room, last - first):
                    problem = 2
                    break
                found[i] = look_for_text(self.tables, &room, text + first, last - first)
            free_room(&room)
        if problem == 1:
            raise ValueError("an offset of the texts to look at lies outside their buffer")
        if problem == 2:
            raise MemoryError("no memory to read a text of the batch")


cdef void *allocated(Py_ssize_t count, Py_ssize_t size) except NULL:
    cdef void *memory = calloc(max(count, 1), size)
    if memory == NULL:
        raise MemoryError
    return memory
