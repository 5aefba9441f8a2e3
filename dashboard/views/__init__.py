"""The pages, one file each.

What belongs here: layout and wording of one page. What is read is ``queries.py``, what is drawn
``charts.py`` and ``rankings.py``.
"""
