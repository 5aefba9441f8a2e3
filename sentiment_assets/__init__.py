"""The asset graph that turns posts into trusted, private sentiment data."""
