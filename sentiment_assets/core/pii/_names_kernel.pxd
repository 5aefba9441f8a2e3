"""Types for the compiled copy of ``names``: what of it is a number, and what a list.

Belongs here: declarations alone, for ``setup.py`` to compile ``names`` with; every name and every
rule is said there, in Python. A module that is compiled without types gains a tenth, with them a
third.
"""

cimport cython

# What words are: bits of numbers.
cdef long long ANY_NOT_PEOPLE, BEFORE_PLACE, BRAND, CALL, CAPITALS, COMMON, ENDS_NAME, FEATURE
cdef long long FIVE_LETTERS, FORMED, FOUR_LETTERS, FREQUENT, GIVEN, INITIAL, IN_DICTIONARY, JOINED
cdef long long LEADS, LETTERS, NAMED, NOT_PERSON, OFTEN, PLACE, ROLE, SELDOM, SURNAME, TELLS
cdef long long THREE_LETTERS, TITLE, UNSURE, WORD

cdef class _Text:
    cdef public str text
    cdef public bint announces
    cdef object _headline
    cdef public list starts
    cdef public list ends
    cdef public list marks
    cdef public Py_ssize_t count

    cpdef str gap(self, Py_ssize_t i)
    @cython.locals(marks=list, found=list, free=Py_ssize_t, following=cython.longlong, i=Py_ssize_t, mark=cython.longlong, last=Py_ssize_t, announces=bint)
    cpdef list names(self)
    @cython.locals(end=Py_ssize_t)
    cpdef tuple span(self, Py_ssize_t first, Py_ssize_t last)
    cpdef bint is_near(self, Py_ssize_t i, Py_ssize_t end)
    cpdef list with_company(self, list found)
    @cython.locals(mark=cython.longlong, following=cython.longlong, turned=Py_ssize_t, last=Py_ssize_t)
    cpdef Py_ssize_t name_at(self, Py_ssize_t i)
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cpdef str announcement(self, Py_ssize_t i)
    @cython.locals(mark=cython.longlong, following=cython.longlong, end=Py_ssize_t)
    cpdef Py_ssize_t unknown_at(self, Py_ssize_t i)
    @cython.locals(mark=cython.longlong, following=cython.longlong)
    cpdef bint formed(self, Py_ssize_t i)
    @cython.locals(mark=cython.longlong, start=Py_ssize_t)
    cpdef bint spoken_to(self, Py_ssize_t i)
    @cython.locals(marks=list, mark=cython.longlong, following=cython.longlong, last=Py_ssize_t, surely=bint)
    cpdef Py_ssize_t titled(self, Py_ssize_t i)
    @cython.locals(marks=list, mark=cython.longlong, j=Py_ssize_t, end=Py_ssize_t, dotted=bint)
    cpdef Py_ssize_t after_initials(self, Py_ssize_t i)
    @cython.locals(mark=cython.longlong, following=cython.longlong)
    cpdef bint unknown_given(self, Py_ssize_t i)
    @cython.locals(marks=list, first=cython.longlong, sure=bint, last=Py_ssize_t, j=Py_ssize_t, mark=cython.longlong, end=Py_ssize_t, particle=bint, louder=bint)
    cpdef Py_ssize_t end_of(self, Py_ssize_t i, bint announced)
    @cython.locals(mark=cython.longlong, first=cython.longlong, surname=cython.longlong)
    cpdef bint full_name(self, Py_ssize_t i, Py_ssize_t last)
    cpdef Py_ssize_t turned_round(self, Py_ssize_t i)
    @cython.locals(mark=cython.longlong, previous=cython.longlong)
    cpdef bint alone(self, Py_ssize_t i)
    @cython.locals(marks=list, end=Py_ssize_t, mark=cython.longlong)
    cpdef bint place(self, Py_ssize_t i, Py_ssize_t last)
