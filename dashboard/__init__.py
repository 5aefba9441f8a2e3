"""The one-page dashboard over gold.

What belongs here: reading gold and showing it. Nothing is computed from posts, no text of a post is
read. Started from the project's root by::

    python -m streamlit run dashboard/app.py --server.address 127.0.0.1 --server.port 8501 \
        --server.headless true --browser.gatherUsageStats false

Theme, telemetry (off) and error details (off) stand in ``dashboard/.streamlit/config.toml``, which
Streamlit reads because it lies beside the script; flags override it.
"""
