# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""Rows to the buffers of Arrow's columns, compiled: a tuple at a time in, bytes out.

Belongs here: copying values, and nothing that a Python module can say. ``rows`` says which column
holds what, and makes arrays of the buffers; without a compiler PyArrow copies the values.
https://arrow.apache.org/docs/format/Columnar.html
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.datetime cimport (
    PyDateTime_Check,
    PyDateTime_DATE_GET_HOUR,
    PyDateTime_DATE_GET_MICROSECOND,
    PyDateTime_DATE_GET_MINUTE,
    PyDateTime_DATE_GET_SECOND,
    PyDateTime_GET_DAY,
    PyDateTime_GET_MONTH,
    PyDateTime_GET_YEAR,
    datetime,
    import_datetime,
)
from cpython.list cimport PyList_GET_ITEM
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

import_datetime()

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from *:
    """
    #ifndef KERNEL_SOURCE
    #define KERNEL_SOURCE ""
    #endif
    """
    const char *KERNEL_SOURCE

#: Raise it with ``KERNEL_VERSION`` in ``rows`` whenever this file changes what it does or takes.
VERSION = 2

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()


@cython.final
cdef class _Bytes:
    """Bytes in the making."""

    cdef bytearray held
    cdef char *start
    cdef Py_ssize_t size
    cdef Py_ssize_t room

    def __cinit__(self):
        self.room = 64
        self.held = bytearray(self.room)
        self.start = PyByteArray_AS_STRING(self.held)

    cdef inline char *more(self, Py_ssize_t size) except NULL:
        """Where so many further bytes go, until the next call."""
        if self.size + size > self.room:
            PyByteArray_Resize(self.held, 2 * (self.size + size))
            self.room = 2 * (self.size + size)
            self.start = PyByteArray_AS_STRING(self.held)
        self.size += size
        return self.start + self.size - size

    cdef bytes made(self):
        return PyBytes_FromStringAndSize(self.start, self.size)


@cython.final
cdef class _Bits:
    """Bits in the making, the lowest of a byte first."""

    cdef _Bytes held
    cdef Py_ssize_t count
    cdef Py_ssize_t unset

    def __cinit__(self):
        self.held = _Bytes()

    cdef inline int add(self, bint is_set) except -1:
        if self.count & 7 == 0:
            self.held.more(1)[0] = 0
        if is_set:
            (<uint8_t *>self.held.start)[self.count >> 3] |= 1 << (self.count & 7)
        else:
            self.unset += 1
        self.count += 1
        return 0


cdef class _Column:
    """Values of one kind, copied one by one."""

    cdef int add(self, value) except -1:
        raise NotImplementedError

    def buffers(self):
        """What Arrow makes an array of; each kind says which."""
        raise NotImplementedError


@cython.final
cdef class Strings(_Column):
    """Strings or None; its buffers are ``(valid, nulls, offsets, data)``."""

    cdef _Bits valid
    cdef _Bytes offsets
    cdef _Bytes data

    def __cinit__(self):
        self.valid, self.offsets, self.data = _Bits(), _Bytes(), _Bytes()
        (<int32_t *>self.offsets.more(4))[0] = 0

    cdef int add(self, value) except -1:
        cdef Py_ssize_t size
        cdef const char *text
        if value is not None:
            text = PyUnicode_AsUTF8AndSize(value, &size)
            if self.data.size + size > 2147483647:
                raise OverflowError("the texts of a block do not fit into 2 GiB")
            memcpy(self.data.more(size), text, size)
        self.valid.add(value is not None)
        (<int32_t *>self.offsets.more(4))[0] = <int32_t>self.data.size
        return 0

    def buffers(self):
        """``valid`` is null where there is no null."""
        return (*_validity(self.valid), self.offsets.made(), self.data.made())


@cython.final
cdef class ListsOfStrings(_Column):
    """Lists of strings; its buffers are ``(offsets, offsets of the strings, data)``."""

    cdef _Bytes offsets
    cdef Strings values

    def __cinit__(self):
        self.offsets, self.values = _Bytes(), Strings()
        (<int32_t *>self.offsets.more(4))[0] = 0

    cdef int add(self, value) except -1:
        values = <list?>value
        cdef Py_ssize_t i
        for i in range(len(values)):
            self.values.add(<object>PyList_GET_ITEM(values, i))
        (<int32_t *>self.offsets.more(4))[0] = <int32_t>self.values.valid.count
        return 0

    def buffers(self):
        """The strings' own are those of :class:`Strings`."""
        return (self.offsets.made(), *self.values.buffers())


@cython.final
cdef class Timestamps(_Column):
    """Datetimes, which are taken for UTC; its buffer is microseconds since 1970."""

    cdef _Bytes data

    def __cinit__(self):
        self.data = _Bytes()

    cdef int add(self, value) except -1:
        cdef int64_t seconds
        if not PyDateTime_Check(value):
            raise TypeError("a value of a column of timestamps is no datetime")
        moment = <datetime>value
        seconds = _days(
            PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment), PyDateTime_GET_DAY(moment)
        )
        seconds = seconds * 86400 + PyDateTime_DATE_GET_HOUR(moment) * 3600
        seconds += PyDateTime_DATE_GET_MINUTE(moment) * 60 + PyDateTime_DATE_GET_SECOND(moment)
        (<int64_t *>self.data.more(8))[0] = (
            seconds * 1_000_000 + PyDateTime_DATE_GET_MICROSECOND(moment)
        )
        return 0

    def buffers(self):
        """``(data,)``."""
        return (self.data.made(),)


@cython.final
cdef class Integers(_Column):
    """Integers of 4 or 8 bytes or None; its buffers are ``(valid, nulls, data)``."""

    cdef _Bits valid
    cdef _Bytes data
    cdef bint wide

    def __cinit__(self, int width):
        self.valid, self.data = _Bits(), _Bytes()
        self.wide = width == 8

    cdef int add(self, value) except -1:
        cdef int64_t number = 0 if value is None else value
        if self.wide:
            (<int64_t *>self.data.more(8))[0] = number
        elif -2147483648 <= number <= 2147483647:
            (<int32_t *>self.data.more(4))[0] = <int32_t>number
        else:
            raise OverflowError("a number does not fit into 32 bits")
        self.valid.add(value is not None)
        return 0

    def buffers(self):
        """``valid`` is null where there is no null; the number is 0 where there is one."""
        return (*_validity(self.valid), self.data.made())


@cython.final
cdef class Booleans(_Column):
    """Booleans; its buffer has a bit of each."""

    cdef _Bits data

    def __cinit__(self):
        self.data = _Bits()

    cdef int add(self, value) except -1:
        self.data.add(value is True)
        return 0

    def buffers(self):
        """``(data,)``."""
        return (self.data.held.made(),)


@cython.final
cdef class Columns:
    """Columns that rows are added to."""

    cdef readonly list columns
    cdef readonly Py_ssize_t count

    def __cinit__(self, list columns not None):
        for column in columns:
            if not isinstance(column, _Column):
                raise TypeError("not a column")
        self.columns = columns
        self.count = 0

    def add(self, tuple row not None):
        """A row: a value of each column."""
        cdef Py_ssize_t i, width = len(self.columns)
        if len(row) != width:
            raise ValueError("a row has not one value of each column")
        for i in range(width):
            (<_Column>PyList_GET_ITEM(self.columns, i)).add(<object>PyTuple_GET_ITEM(row, i))
        self.count += 1


cdef tuple _validity(_Bits valid):
    return (valid.held.made() if valid.unset else None, valid.unset)


cdef int64_t _days(int64_t year, int64_t month, int64_t day) noexcept:
    """Days since 1970-01-01: counted in eras of 400 years that begin in March."""
    cdef int64_t era, of_era, of_year
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
