# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""``normalise`` over a column, compiled: texts in Arrow's buffers in, tidy texts out.

Belongs here: what needs no tables of Unicode: escapes, control characters, white space, what is
left of emoji. Texts with a character that composing (NFC) may change are left to ``text``, which
chooses between this and Polars and says which characters surely stay.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``text`` whenever this file changes what it does or takes.
VERSION = 1

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()

ctypedef fused Offset:
    const int32_t
    const int64_t

cdef enum:
    #: Beyond these, no character is known to stay as it is.
    CHARACTERS = 0x20000
    JOINER = 0x200D
    SELECTOR = 0xFE0F
    MARK_OF_ORDER = 0xFEFF

# What becomes of a byte of ASCII, and of a character beyond.
cdef enum:
    LEFT = 0  # the text is left to Polars
    KEPT = 1
    SPACE = 2
    DROPPED = 3
    AMPERSAND = 4
    JOINING = 5


cdef Py_ssize_t tidied(const uint8_t *table, const uint8_t *text, Py_ssize_t length, uint8_t *out) noexcept nogil:
    """The length of what was written; -1 where the text is left."""
    cdef Py_ssize_t i = 0, width, written = 0
    cdef uint32_t character
    cdef uint8_t byte, kind
    # A space is written when something follows it.
    cdef bint space = False
    while i < length:
        byte = text[i]
        width = 1
        if byte < 0x80:
            kind = table[byte]
        else:
            if byte < 0xE0:
                width = 2
                character = (byte & 0x1F) << 6 | (text[i + 1] & 0x3F)
            elif byte < 0xF0:
                width = 3
                character = (byte & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)
            else:
                width = 4
                character = (
                    (byte & 0x07) << 18 | (text[i + 1] & 0x3F) << 12 | (text[i + 2] & 0x3F) << 6
                    | (text[i + 3] & 0x3F)
                )
            kind = table[character] if character < CHARACTERS else LEFT
            if kind == LEFT:
                return -1
        if kind == SPACE:
            space = True
        elif kind == DROPPED or (kind == JOINING and (space or written == 0)):
            # What joins or varies nothing goes, too.
            pass
        else:
            if space:
                if written:
                    out[written] = b" "
                    written += 1
                space = False
            if kind == AMPERSAND:
                out[written] = byte
                written += 1
                if length - i >= 4 and memcmp(text + i, b"&lt;", 4) == 0:
                    out[written - 1] = b"<"
                    width = 4
                elif length - i >= 4 and memcmp(text + i, b"&gt;", 4) == 0:
                    out[written - 1] = b">"
                    width = 4
                elif length - i >= 5 and memcmp(text + i, b"&amp;", 5) == 0:
                    width = 5
            else:
                memcpy(out + written, text + i, width)
                written += width
        i += width
    return written


cdef class Kernel:
    """Characters in a table; tidies texts for any number of threads at once."""

    cdef uint8_t table[CHARACTERS]

    def __init__(self, kept, spaces, dropped):
        memset(self.table, LEFT, CHARACTERS)
        for kind, ranges in ((KEPT, kept), (SPACE, spaces), (DROPPED, dropped)):
            for first, last in ranges:
                if not 0 <= first <= last < CHARACTERS:
                    raise ValueError("a character lies beyond those that the kernel knows")
                memset(&self.table[<Py_ssize_t> first], kind, <Py_ssize_t> last - <Py_ssize_t> first + 1)
        self.table[<int> b"&"] = AMPERSAND
        self.table[JOINER] = self.table[SELECTOR] = JOINING

    def tidy(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        const uint8_t[::1] valid,
        Py_ssize_t offset,
        int64_t[::1] ends,
        uint8_t[::1] left,
    ):
        """The tidy texts of an Arrow array of strings, one behind the other.

        ``offsets``, ``data`` and ``valid`` (a bitmap, or None) are the array's buffers, ``offset``
        its place in them. ``ends`` becomes the offsets of what is returned, and ``left`` is 1 for
        each text that is left as it is. Null gives nothing.
        """
        cdef Py_ssize_t rows = left.shape[0], i, row, first, last, written, total = 0, most
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef bint has_nulls = valid is not None, wrong = False
        cdef uint8_t *out
        if not (
            0 <= offset and offset + rows < offsets.shape[0] and ends.shape[0] == rows + 1
            and (not has_nulls or offset + rows <= 8 * valid.shape[0])
        ):
            raise ValueError("rows to tidy lie outside the buffers")
        first, last = <Py_ssize_t> offsets[offset], <Py_ssize_t> offsets[offset + rows]
        if not 0 <= first <= last <= data.shape[0]:
            raise ValueError("an offset of the texts to tidy lies outside their buffer")
        # No text grows.
        most = last - first
        out = <uint8_t *> malloc(max(most, 1))
        if out == NULL:
            raise MemoryError("no memory to tidy the texts of the batch")
        try:
            with nogil:
                for i in range(rows):
                    row = offset + i
                    left[i] = 0
                    ends[i] = total
                    if has_nulls and not valid[row >> 3] >> (row & 7) & 1:
                        continue
                    first, last = <Py_ssize_t> offsets[row], <Py_ssize_t> offsets[row + 1]
                    if not (0 <= first <= last <= data.shape[0] and total + last - first <= most):
                        wrong = True
                        break
                    written = tidied(self.table, text + first, last - first, out + total)
                    if written < 0:
                        left[i] = 1
                        written = last - first
                        memcpy(out + total, text + first, written)
                    total += written
                ends[rows] = total
            if wrong:
                raise ValueError("an offset of the texts to tidy lies outside their buffer")
            return PyBytes_FromStringAndSize(<const char *> out, total)
        finally:
            free(out)
