"""HTTP clients, one file per platform: rate limits, paging, retries, and nothing of Dagster.

They return what an API said, split by post and otherwise untouched. What a post means is
``sentiment_assets.core.parsers``; where it is kept is ``sentiment_assets.lake``.
"""
