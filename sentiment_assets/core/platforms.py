"""The platforms: the one entry that a new one needs beside its parser and its client.

What belongs here: what a platform is called, which parser reads its payloads and what of it can be
tracked. Its HTTP client is found by the platform's name in ``resources.api_clients``; nothing else
names a platform (docs/add-a-platform.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from sentiment_assets.core.parsers import facebook, instagram, linkedin, x


@dataclass(frozen=True)
class SourceKind:
    """A way to track something: one list of ``platforms.<name>`` in tracking.yaml."""

    name: str
    #: Name of the list in tracking.yaml.
    listed_as: str
    example: str
    #: What the whole value must look like, and the same in words.
    pattern: re.Pattern[str] | None = None
    meaning: str = "text"
    max_length: int | None = None
    #: Words, OR, quotes and parentheses, as search engines take them.
    boolean: bool = False


@dataclass(frozen=True)
class Platform:
    """One platform. ``parser`` offers what ``core.parsers`` asks of its modules."""

    name: str
    title: str
    parser: ModuleType
    sources: tuple[SourceKind, ...]

    def source_kind(self, listed_as: str) -> SourceKind:
        """The kind that is listed under this name."""
        return next(kind for kind in self.sources if kind.listed_as == listed_as)


_NUMERIC_ID = re.compile(r"[0-9]{3,20}")

_ALL = (
    Platform(
        "x",
        "X",
        x,
        # https://docs.x.com/x-api/posts/search/integrate/build-a-query (self-serve access)
        (SourceKind("query", "queries", "nimbus OR cirrus", max_length=512, boolean=True),),
    ),
    Platform(
        "facebook",
        "Facebook",
        facebook,
        # https://developers.facebook.com/docs/graph-api/reference/page/
        (SourceKind("page", "pages", "'105934882233441'", _NUMERIC_ID, "a Page's numeric id"),),
    ),
    Platform(
        "instagram",
        "Instagram",
        instagram,
        (
            # https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user
            SourceKind(
                "account",
                "accounts",
                "'17841405309211844'",
                _NUMERIC_ID,
                "the numeric id of a professional account",
            ),
            # https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-hashtag-search
            SourceKind(
                "hashtag",
                "hashtags",
                "nimbuslaunch",
                re.compile(r"\w+"),
                "one hashtag without its #",
                max_length=100,
            ),
        ),
    ),
    Platform(
        "linkedin",
        "LinkedIn",
        linkedin,
        # https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api
        (
            SourceKind(
                "organization",
                "organizations",
                "'2414183'",
                _NUMERIC_ID,
                "an organization's numeric id, as its urn ends",
            ),
        ),
    ),
)

#: By name, in the order in which they are shown.
PLATFORMS: Mapping[str, Platform] = {platform.name: platform for platform in _ALL}
