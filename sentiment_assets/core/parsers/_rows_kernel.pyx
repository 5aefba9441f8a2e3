# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True
"""Rows to the buffers of Arrow's columns, compiled: a list of tuples in, bytes out.

Belongs here: copying values, and nothing that a Python module can say. ``rows`` says which column
holds what, and makes arrays of the buffers; without a compiler PyArrow copies the values, four
times slower. https://arrow.apache.org/docs/format/Columnar.html
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
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
from libc.string cimport memcpy, memset

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
VERSION = 1

#: Digest of the source that was compiled; the tests compare it with the source that is there.
SOURCE = KERNEL_SOURCE.decode()


cdef bytes _empty(Py_ssize_t size):
    made = PyBytes_FromStringAndSize(NULL, size)
    memset(PyBytes_AS_STRING(made), 0, size)
    return made


def validity(list rows, Py_ssize_t column):
    """``(bits, nulls)`` of a column, bits null where there is no null."""
    cdef Py_ssize_t i, n = len(rows), nulls = 0
    cdef uint8_t *bits
    for i in range(n):
        if <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column) is None:
            nulls += 1
    if not nulls:
        return None, 0
    made = _empty((n + 7) // 8)
    bits = <uint8_t *>PyBytes_AS_STRING(made)
    for i in range(n):
        if <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column) is not None:
            bits[i >> 3] |= 1 << (i & 7)
    return made, nulls


def strings(list rows, Py_ssize_t column):
    """``(offsets, data)`` of a column of strings or None."""
    cdef Py_ssize_t i
    return _strings([<object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column)
                     for i in range(len(rows))])


def lists_of_strings(list rows, Py_ssize_t column):
    """``(offsets, offsets of the strings, data)`` of a column of lists of strings."""
    cdef Py_ssize_t i, n = len(rows)
    offsets = PyBytes_FromStringAndSize(NULL, 4 * (n + 1))
    cdef int32_t *starts = <int32_t *>PyBytes_AS_STRING(offsets)
    flat = []
    starts[0] = 0
    for i in range(n):
        values = <list?>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column)
        if values:
            flat += values
        starts[i + 1] = <int32_t>len(flat)
    return (offsets, *_strings(flat))


cdef tuple _strings(list values):
    cdef Py_ssize_t i, n = len(values), size
    cdef int64_t total = 0
    offsets = PyBytes_FromStringAndSize(NULL, 4 * (n + 1))
    cdef int32_t *starts = <int32_t *>PyBytes_AS_STRING(offsets)
    starts[0] = 0
    for i in range(n):
        value = <object>PyList_GET_ITEM(values, i)
        if value is not None:
            PyUnicode_AsUTF8AndSize(value, &size)
            total = _longer(total, size)
        starts[i + 1] = <int32_t>total
    data = PyBytes_FromStringAndSize(NULL, total)
    cdef char *target = PyBytes_AS_STRING(data)
    for i in range(n):
        value = <object>PyList_GET_ITEM(values, i)
        if value is not None:
            memcpy(target + starts[i], PyUnicode_AsUTF8AndSize(value, &size), size)
    return offsets, data


def timestamps(list rows, Py_ssize_t column):
    """Microseconds since 1970 of a column of datetimes, which are taken for UTC."""
    cdef Py_ssize_t i, n = len(rows)
    data = PyBytes_FromStringAndSize(NULL, 8 * n)
    cdef int64_t *values = <int64_t *>PyBytes_AS_STRING(data)
    cdef int64_t seconds
    for i in range(n):
        value = <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column)
        if not PyDateTime_Check(value):
            raise TypeError("a value of a column of timestamps is no datetime")
        moment = <datetime>value
        seconds = _days(
            PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment), PyDateTime_GET_DAY(moment)
        )
        seconds = seconds * 86400 + PyDateTime_DATE_GET_HOUR(moment) * 3600
        seconds += PyDateTime_DATE_GET_MINUTE(moment) * 60 + PyDateTime_DATE_GET_SECOND(moment)
        values[i] = seconds * 1_000_000 + PyDateTime_DATE_GET_MICROSECOND(moment)
    return data


def integers(list rows, Py_ssize_t column, Py_ssize_t width):
    """A column of integers of 4 or 8 bytes; 0 where there is None."""
    cdef Py_ssize_t i, n = len(rows)
    data = PyBytes_FromStringAndSize(NULL, width * n)
    cdef int32_t *narrow = <int32_t *>PyBytes_AS_STRING(data)
    cdef int64_t *wide = <int64_t *>PyBytes_AS_STRING(data)
    cdef int64_t number
    for i in range(n):
        value = <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column)
        number = 0 if value is None else value
        if width == 8:
            wide[i] = number
        elif -2147483648 <= number <= 2147483647:
            narrow[i] = <int32_t>number
        else:
            raise OverflowError("a number does not fit into 32 bits")
    return data


def booleans(list rows, Py_ssize_t column):
    """A column of booleans, a bit each."""
    cdef Py_ssize_t i, n = len(rows)
    data = _empty((n + 7) // 8)
    cdef uint8_t *bits = <uint8_t *>PyBytes_AS_STRING(data)
    for i in range(n):
        if <object>PyTuple_GET_ITEM(<object>PyList_GET_ITEM(rows, i), column) is True:
            bits[i >> 3] |= 1 << (i & 7)
    return data


cdef int64_t _longer(int64_t total, Py_ssize_t size) except -1:
    if total + size > 2147483647:
        raise OverflowError("the texts of a block do not fit into 2 GiB")
    return total + size


cdef int64_t _days(int64_t year, int64_t month, int64_t day) noexcept:
    """Days since 1970-01-01: counted in eras of 400 years that begin in March."""
    cdef int64_t era, of_era, of_year
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
