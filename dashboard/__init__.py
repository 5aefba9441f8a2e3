"""The dashboard over gold.

What belongs here: reading gold and showing it. Nothing is computed from posts, no text of a post is
read. Started from the project's root by ``make dashboard``, which is::

    python -m dashboard --port 8501

A page is one run of ``app.py``: it reads the address (``address.py``), opens a store
(``opening.py``, ``stores.py``) and lets a page of ``views`` draw. Whatever a reader chose stands in
the address and nowhere else, so that any replica can answer it.

Theme, telemetry (off) and error details (off) stand in ``dashboard/.streamlit/config.toml``, which
Streamlit reads because it lies beside the script.
"""
