# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""A compressed fastText classifier, compiled: texts in Arrow's buffers in, best labels out.

Belongs here: the file's form and the hot loop. ``language_model`` finds the file, and takes this
kernel only where it says bit for bit what the published package says of a number of texts.

What is read: a supervised model whose input is quantized and whose output is a tree of labels
(hierarchical softmax), as fastText writes it (version 12). A text is the sum of its words' rows and
of their n-grams' rows; n-grams that were pruned have none. All sums are of 32-bit floats, in the
published order: the last bit counts.
"""

from libc.math cimport expf, log
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``language_model`` whenever this file changes what it does.
VERSION = 1

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()

ctypedef fused Offset:
    const int32_t
    const int64_t

cdef enum:
    MAGIC = 793712314
    FORM = 12
    HIERARCHICAL = 1
    SUPERVISED = 3
    CENTROIDS = 256
    MOST_DIMENSIONS = 64
    NOWHERE = -1

# A word of the model, or the pruned place of an n-gram, found by its hash.
cdef struct Word:
    uint8_t *letters
    int32_t length
    uint32_t hash
    int32_t place

cdef struct Gram:
    # The n-gram's bucket and one more: zero is a free slot.
    uint32_t bucket
    int32_t place

cdef struct Node:
    int32_t left
    int32_t right
    int64_t count

cdef struct Tables:
    int32_t dimensions
    int32_t word_count
    int32_t label_count
    int32_t buckets
    int32_t shortest
    int32_t longest
    Word *words
    uint32_t word_mask
    Gram *grams
    uint32_t gram_mask
    bint pruned
    int64_t rows
    int32_t parts
    int32_t part
    uint8_t *codes
    uint8_t *norm_codes
    float *centroids
    float *norms
    float *output
    Node *tree

cdef struct Sum:
    float values[MOST_DIMENSIONS]
    int32_t rows

cdef struct Best:
    float score
    int32_t label


# --- sums ------------------------------------------------------------------------------------

cdef inline void add_row(const Tables *tables, Sum *sum_, int64_t row) noexcept nogil:
    cdef int32_t part, i
    cdef float norm = tables.norms[tables.norm_codes[row]] if tables.norm_codes != NULL else 1.0
    cdef const uint8_t *codes = tables.codes + row * tables.parts
    cdef const float *centroid
    for part in range(tables.parts):
        centroid = tables.centroids + (part * CENTROIDS + codes[part]) * tables.part
        for i in range(tables.part):
            sum_.values[part * tables.part + i] += norm * centroid[i]
    sum_.rows += 1


cdef inline uint32_t hashed(uint32_t hash_, uint8_t byte) noexcept nogil:
    """FNV-1a, but with bytes from 128 on as negative numbers."""
    cdef uint32_t wide = byte
    if byte >= 128:
        wide |= <uint32_t> 0xFFFFFF00
    return (hash_ ^ wide) * <uint32_t> 16777619


cdef inline void add_gram(const Tables *tables, Sum *sum_, uint32_t hash_) noexcept nogil:
    cdef uint32_t bucket = hash_ % <uint32_t> tables.buckets
    cdef uint32_t slot
    if not tables.pruned:
        add_row(tables, sum_, tables.word_count + <int64_t> bucket)
        return
    slot = (bucket * <uint32_t> 0x9E3779B1 >> 7) & tables.gram_mask
    while tables.grams[slot].bucket:
        if tables.grams[slot].bucket == bucket + 1:
            add_row(tables, sum_, tables.word_count + <int64_t> tables.grams[slot].place)
            return
        slot = (slot + 1) & tables.gram_mask


cdef inline int32_t place_of(
    const Tables *tables, const uint8_t *word, int32_t length, uint32_t hash_,
) noexcept nogil:
    cdef uint32_t slot = hash_ & tables.word_mask
    cdef const Word *known
    while True:
        known = &tables.words[slot]
        if known.letters == NULL:
            return NOWHERE
        if (
            known.hash == hash_ and known.length == length
            and memcmp(known.letters, word, length) == 0
        ):
            return known.place
        slot = (slot + 1) & tables.word_mask


cdef void add_word(
    const Tables *tables, Sum *sum_, const uint8_t *word, int32_t length,
) noexcept nogil:
    """Add a word's row and its n-grams'; ``<`` and ``>`` stand in the bytes around the word."""
    cdef uint32_t hash_ = <uint32_t> 2166136261
    cdef int32_t i, j, n, place
    cdef const uint8_t *bounded = word - 1
    for i in range(length):
        hash_ = hashed(hash_, word[i])
    place = place_of(tables, word, length, hash_)
    # A label among the words of a text says nothing.
    if place >= tables.word_count or (
        place == NOWHERE and length >= 9 and memcmp(word, b"__label__", 9) == 0
    ):
        return
    if place != NOWHERE:
        add_row(tables, sum_, place)
    length += 2
    for i in range(length):
        if bounded[i] & 0xC0 == 0x80:
            continue
        hash_ = <uint32_t> 2166136261
        j = i
        n = 1
        while j < length and n <= tables.longest:
            hash_ = hashed(hash_, bounded[j])
            j += 1
            while j < length and bounded[j] & 0xC0 == 0x80:
                hash_ = hashed(hash_, bounded[j])
                j += 1
            if n >= tables.shortest and not (n == 1 and (i == 0 or j == length)):
                add_gram(tables, sum_, hash_)
            n += 1


cdef inline bint is_end(const uint8_t *word, int32_t size) noexcept nogil:
    """Whether a word is spelled as the model spells the end of a line."""
    return size == 4 and memcmp(word, b"</s>", 4) == 0


cdef inline bint parts_words(uint8_t byte) noexcept nogil:
    return byte == c" " or 9 <= byte <= 13 or byte == 0


cdef void add_text(
    const Tables *tables, Sum *sum_, const uint8_t *text, Py_ssize_t length, Py_ssize_t most,
    uint8_t *word,
) noexcept nogil:
    """Add the words among the first ``most`` characters, up to the end of a line, and that end."""
    cdef Py_ssize_t i, characters = 0
    cdef int32_t size = 0
    cdef uint32_t hash_ = <uint32_t> 2166136261
    word[0] = c"<"
    for i in range(length):
        if text[i] & 0xC0 != 0x80:
            if characters == most:
                break
            characters += 1
        if parts_words(text[i]):
            if size and not is_end(word + 1, size):
                word[size + 1] = c">"
                add_word(tables, sum_, word + 1, size)
                size = 0
            if size or text[i] == c"\n":
                size = 0
                break
            continue
        word[size + 1] = text[i]
        size += 1
    if size and not is_end(word + 1, size):
        word[size + 1] = c">"
        add_word(tables, sum_, word + 1, size)
    memcpy(word, b"</s>", 4)
    for i in range(4):
        hash_ = hashed(hash_, word[i])
    size = place_of(tables, word, 4, hash_)
    if 0 <= size < tables.word_count:
        add_row(tables, sum_, size)


# --- labels ----------------------------------------------------------------------------------

cdef inline float log_of(float share) noexcept nogil:
    return <float> log(<double> share + 1e-5)


cdef void descend(
    const Tables *tables, const Sum *sum_, int32_t place, float score, Best *best,
) noexcept nogil:
    """Look for the label with the highest score below a node of the tree."""
    cdef const Node *node = &tables.tree[place]
    cdef const float *weights
    cdef float product = 0.0, one = 1.0, right
    cdef int32_t i
    if score < log_of(0.0) or (best.label != NOWHERE and score < best.score):
        return
    if node.left == NOWHERE:
        best.score = score
        best.label = place
        return
    weights = tables.output + <int64_t> (place - tables.label_count) * tables.dimensions
    for i in range(tables.dimensions):
        product += weights[i] * sum_.values[i]
    # A literal would make doubles of them.
    right = one / (one + expf(-product))
    descend(tables, sum_, node.left, score + log_of(one - right), best)
    descend(tables, sum_, node.right, score + log_of(right), best)


cdef void build_tree(Tables *tables) noexcept nogil:
    """Join the two rarest until one is left; labels come with their counts, the frequent first."""
    cdef int32_t labels = tables.label_count
    cdef int32_t leaf = labels - 1, node = labels, i, j
    cdef int32_t rarest[2]
    for i in range(labels, 2 * labels - 1):
        for j in range(2):
            if leaf >= 0 and tables.tree[leaf].count < tables.tree[node].count:
                rarest[j] = leaf
                leaf -= 1
            else:
                rarest[j] = node
                node += 1
        tables.tree[i].left = rarest[0]
        tables.tree[i].right = rarest[1]
        tables.tree[i].count = tables.tree[rarest[0]].count + tables.tree[rarest[1]].count


# --- the file --------------------------------------------------------------------------------

cdef class File:
    """A model's bytes, read from their begin; raises ValueError where they end too early."""

    cdef const uint8_t[::1] data
    cdef Py_ssize_t at

    def __init__(self, data):
        self.data = data

    cdef const uint8_t *take(self, int64_t size) except NULL:
        cdef const uint8_t *start
        if size < 0 or size > self.data.shape[0] - self.at:
            raise ValueError("the model ends too early")
        start = &self.data[0] + self.at
        self.at += size
        return start

    cdef int32_t number(self) except? -99:
        cdef int32_t value
        memcpy(&value, self.take(4), 4)
        return value

    cdef int64_t large(self) except? -99:
        cdef int64_t value
        memcpy(&value, self.take(8), 8)
        return value

    cdef bytes word(self):
        cdef Py_ssize_t start = self.at
        while self.take(1)[0]:
            pass
        return bytes(self.data[start:self.at - 1])


cdef class Kernel:
    """A model in tables; reads texts for any number of threads at once."""

    cdef Tables *tables
    #: The labels, by the numbers that ``predict`` gives.
    cdef readonly tuple labels

    def __cinit__(self):
        self.tables = <Tables *> calloc(1, sizeof(Tables))
        if self.tables == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef uint32_t i
        if self.tables == NULL:
            return
        if self.tables.words != NULL:
            for i in range(self.tables.word_mask + 1):
                free(self.tables.words[i].letters)
        free(self.tables.words)
        free(self.tables.grams)
        free(self.tables.codes)
        free(self.tables.norm_codes)
        free(self.tables.centroids)
        free(self.tables.norms)
        free(self.tables.output)
        free(self.tables.tree)
        free(self.tables)

    def __init__(self, data):
        """Read the model's file. Raises ValueError where it is of another form."""
        cdef Tables *tables = self.tables
        cdef int32_t number[12]
        cdef int i
        if tables.words != NULL:
            raise RuntimeError("the kernel holds a model already")
        file = File(data)
        if file.number() != MAGIC or file.number() != FORM:
            raise ValueError("not a fastText model of version 12")
        for i in range(12):
            number[i] = file.number()
        file.take(8)
        tables.dimensions = number[0]
        tables.buckets = number[8]
        tables.shortest = number[9]
        tables.longest = number[10]
        if not (
            0 < tables.dimensions <= MOST_DIMENSIONS and number[5] == 1
            and number[6] == HIERARCHICAL and number[7] == SUPERVISED and tables.buckets > 0
            and 0 < tables.longest
        ):
            raise ValueError("the kernel knows no models of this kind")
        self._read_words(file)
        self._read_input(file)
        self._read_output(file)

    cdef _read_words(self, File file):
        cdef Tables *tables = self.tables
        cdef int32_t size = file.number(), i
        cdef int64_t pruned, count
        cdef uint32_t slot, hash_, bucket
        cdef const uint8_t *letters
        tables.word_count = file.number()
        tables.label_count = file.number()
        file.take(8)
        pruned = file.large()
        if not (
            tables.word_count >= 0 and 0 < tables.label_count < 0x7FFF
            and size == tables.word_count + tables.label_count and pruned <= tables.buckets
            and tables.word_count + pruned != 0
        ):
            raise ValueError("the model's words and labels don't add up")
        tables.word_mask = mask_for(size)
        tables.words = <Word *> allocated(tables.word_mask + 1, sizeof(Word))
        tables.tree = <Node *> allocated(2 * tables.label_count, sizeof(Node))
        for i in range(2 * tables.label_count):
            tables.tree[i] = Node(NOWHERE, NOWHERE, <int64_t> 1e15)
        labels = []
        for i in range(size):
            word = file.word()
            count = file.large()
            if file.take(1)[0] != (1 if i >= tables.word_count else 0):
                raise ValueError("the model's labels don't stand behind its words")
            if i >= tables.word_count:
                labels.append(word.decode())
                tables.tree[i - tables.word_count].count = count
            letters = word
            hash_ = <uint32_t> 2166136261
            for j in range(len(word)):
                hash_ = hashed(hash_, letters[j])
            slot = hash_ & tables.word_mask
            while tables.words[slot].letters != NULL:
                slot = (slot + 1) & tables.word_mask
            tables.words[slot].letters = <uint8_t *> allocated(len(word), 1)
            memcpy(tables.words[slot].letters, letters, len(word))
            tables.words[slot].length = len(word)
            tables.words[slot].hash = hash_
            tables.words[slot].place = i
        self.labels = tuple(labels)
        build_tree(tables)
        # -1: nothing was pruned.
        tables.pruned = pruned >= 0
        tables.gram_mask = mask_for(max(pruned, 0))
        tables.grams = <Gram *> allocated(tables.gram_mask + 1, sizeof(Gram))
        tables.rows = tables.word_count + (pruned if pruned >= 0 else tables.buckets)
        for _ in range(max(pruned, 0)):
            bucket = <uint32_t> file.number()
            i = file.number()
            if not 0 <= i < pruned:
                raise ValueError("an n-gram of the model has no row")
            slot = (bucket * <uint32_t> 0x9E3779B1 >> 7) & tables.gram_mask
            while tables.grams[slot].bucket:
                slot = (slot + 1) & tables.gram_mask
            tables.grams[slot] = Gram(bucket + 1, i)

    cdef _read_input(self, File file):
        cdef Tables *tables = self.tables
        cdef bint has_norms
        cdef int32_t size
        if not file.take(1)[0]:
            raise ValueError("the kernel knows quantized models only")
        has_norms = file.take(1)[0]
        if file.large() != tables.rows or file.large() != tables.dimensions:
            raise ValueError("the model's rows don't add up")
        size = file.number()
        tables.parts = <int32_t> (size // tables.rows)
        if tables.parts <= 0 or tables.dimensions % tables.parts or size % tables.rows:
            raise ValueError("the model's rows have parts of different lengths")
        tables.part = tables.dimensions // tables.parts
        tables.codes = <uint8_t *> copied(file.take(size), size)
        self._read_quantizer(file, tables.dimensions, tables.parts, tables.part)
        tables.centroids = <float *> copied(
            file.take(4 * tables.dimensions * CENTROIDS), 4 * tables.dimensions * CENTROIDS
        )
        if has_norms:
            tables.norm_codes = <uint8_t *> copied(file.take(tables.rows), tables.rows)
            self._read_quantizer(file, 1, 1, 1)
            tables.norms = <float *> copied(file.take(4 * CENTROIDS), 4 * CENTROIDS)

    cdef _read_quantizer(self, File file, int32_t dimensions, int32_t parts, int32_t part):
        expected = (dimensions, parts, part, part)
        if tuple(file.number() for _ in range(4)) != expected:
            raise ValueError("the model is quantized in a way that the kernel does not know")

    cdef _read_output(self, File file):
        cdef Tables *tables = self.tables
        cdef int64_t size
        if file.take(1)[0]:
            raise ValueError("the kernel knows no quantized output")
        if file.large() != tables.label_count or file.large() != tables.dimensions:
            raise ValueError("the model's labels don't add up")
        size = 4 * <int64_t> tables.label_count * tables.dimensions
        tables.output = <float *> copied(file.take(size), size)

    def predict(
        self,
        Offset[::1] offsets,
        const uint8_t[::1] data,
        Py_ssize_t offset,
        Py_ssize_t count,
        Py_ssize_t characters,
        int16_t[::1] labels,
        float[::1] probabilities,
    ):
        """The best label of each text's first characters, and how probable it is.

        ``offsets`` and ``data`` are buffers of an Arrow array of strings without nulls, ``offset``
        its place in them. A text of which the model knows nothing has the label -1.
        """
        cdef Sum sum_
        cdef Best best
        cdef Py_ssize_t i, first, last
        cdef int32_t j
        cdef float share
        cdef bint outside = False
        cdef const uint8_t *text = &data[0] if data.shape[0] else NULL
        cdef uint8_t *word
        if not (
            0 <= count <= min(labels.shape[0], probabilities.shape[0]) and 0 <= offset
            and offset + count < offsets.shape[0] and 0 < characters < 1 << 20
        ):
            raise ValueError("texts to read lie outside the buffers")
        word = <uint8_t *> allocated(4 * characters + 8, 1)
        with nogil:
            for i in range(count):
                first = <Py_ssize_t> offsets[offset + i]
                last = <Py_ssize_t> offsets[offset + i + 1]
                if not 0 <= first <= last <= data.shape[0]:
                    outside = True
                    break
                memset(&sum_, 0, sizeof(Sum))
                # Bytes that are no UTF-8 could be more than four to a character.
                if last - first > 4 * characters:
                    last = first + 4 * characters
                add_text(self.tables, &sum_, text + first, last - first, characters, word)
                best = Best(0.0, NOWHERE)
                if sum_.rows:
                    share = <float> (1.0 / sum_.rows)
                    for j in range(self.tables.dimensions):
                        sum_.values[j] *= share
                    descend(self.tables, &sum_, 2 * self.tables.label_count - 2, 0.0, &best)
                labels[i] = <int16_t> best.label
                probabilities[i] = expf(best.score) if best.label != NOWHERE else 0.0
        free(word)
        if outside:
            raise ValueError("an offset of the texts to read lies outside their buffer")


cdef uint32_t mask_for(int64_t count):
    """Slots for so many, half of them free, less one."""
    cdef uint32_t slots = 16
    while slots < 2 * count:
        slots *= 2
    return slots - 1


cdef void *copied(const uint8_t *start, int64_t size) except NULL:
    cdef void *memory = allocated(size, 1)
    memcpy(memory, start, size)
    return memory


cdef void *allocated(Py_ssize_t count, Py_ssize_t size) except NULL:
    cdef void *memory = calloc(max(count, 1), size)
    if memory == NULL:
        raise MemoryError
    return memory
