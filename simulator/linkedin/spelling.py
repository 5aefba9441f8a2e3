"""Posts and comments as LinkedIn spells them: urns, little text, mentions, stamps, counts.

Sources, below https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/
(read 2026-11-24): posts-api, little-text-format, social-metadata-api, comments-api.

What the story does not tell is drawn from the low bits of each entry's number: entries that a test
adds count up from 0 there, and come plain.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from simulator.clock import DAY_MS
from simulator.people import Author
from simulator.threads import Entry, Threads
from simulator.voices import ANNOUNCED

#: Organization ids of the accounts.
ORGANIZATIONS = {"brand": "104857601", "rival": "104857602"}
NEWCOMER = "104857603"
#: The member whose token is used, and who writes comments as the organization.
MEMBER = "urn:li:person:Adm1n_0-Zx"

# Of 512.
RESHARES = range(490, 512)
THANKS = range(400, 490)
DRAFTS = range(360, 400)
ARTICLES = range(300, 360)
HIDDEN = range(500, 512)
_ACTIVITY = 1_000_003  # between the number of a post and that of its activity
_DRAFTED_MS = 2 * DAY_MS
_REACTIONS = (("LIKE", 70), ("PRAISE", 12), ("EMPATHY", 8), ("INTEREST", 6), ("APPRECIATION", 4))

_RESERVED = re.compile(r"([\\|{}@\[\]()<>#*_~])")
_TAG = re.compile(r"#(\w+)")
_LINK = re.compile(r"https?://\S+")
_URN = re.compile(r"urn:li:(share|ugcPost|activity):([0-9]{1,19})")
_COMMENT = re.compile(
    r"urn:li:comment:\((?:urn:li:)?(?:activity|ugcPost|share):[0-9]+,([0-9]{1,19})\)"
)
Json = dict[str, Any]


def _chance(entry: Entry) -> int:
    return entry.number & 511


def person(author: Author) -> str:
    """A member's urn: its id is no number, and may hold what little text reserves."""
    spelled = base64.urlsafe_b64encode(int(author.id).to_bytes(8, "big")).decode().rstrip("=")
    return f"urn:li:person:{spelled[-9:]}"


def escaped(text: str) -> str:
    """As little text: reserved characters behind backslashes."""
    return _RESERVED.sub(r"\\\1", text)


def utf16(text: str) -> int:
    """Length in the units that LinkedIn counts in."""
    return len(text.encode("utf-16-le")) // 2


class Spelling:
    """Renders entries of the threads as of a time."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def urn(self, entry: Entry) -> str:
        """The id of a post, the long urn of a comment."""
        if entry.is_post:
            kind = "ugcPost" if _chance(entry) % 2 else "share"
            return f"urn:li:{kind}:{entry.number}"
        return f"urn:li:comment:({self.activity(entry.post)},{entry.number})"

    def activity(self, post: Entry) -> str:
        """The urn by which comments name their post."""
        return f"urn:li:activity:{post.number + _ACTIVITY}"

    def find(self, urn: str) -> Entry | None:
        """The entry that a urn names, in any of its spellings."""
        if found := _URN.fullmatch(urn):
            number = int(found[2]) - (_ACTIVITY if found[1] == "activity" else 0)
            entry = self._threads.find(number)
            known = entry is not None and entry.is_post and urn in (
                self.urn(entry), self.activity(entry),
            )  # fmt: skip
            return entry if known else None
        if found := _COMMENT.fullmatch(urn):
            entry = self._threads.find(int(found[1]))
            return entry if entry is not None and not entry.is_post else None
        return None

    def modified_ms(self, post: Entry, now_ms: int) -> int:
        """When a post was changed last: published, if never."""
        return post.edited_at(now_ms) or post.created_ms

    def author(self, entry: Entry) -> str:
        """The urn of who wrote it."""
        if entry.account and entry.author == self._threads.company(entry.account).index:
            return f"urn:li:organization:{ORGANIZATIONS[entry.account]}"
        return person(self._threads.author(entry.author))

    def post(self, entry: Entry, now_ms: int) -> Json:
        """A post's JSON object."""
        chance, text = _chance(entry), entry.text_at(now_ms)
        reshared = chance in RESHARES and not any(
            said in entry.text for told in ANNOUNCED.values() for _, _, said in told
        )
        body: Json = {
            "id": self.urn(entry),
            "author": self.author(entry),
            "commentary": "" if reshared else self._commentary(entry, text),
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "content": {},
            "lifecycleState": "PUBLISHED",
            "lifecycleStateInfo": {"isEditedByAuthor": entry.edited_at(now_ms) is not None},
            "isReshareDisabledByAuthor": False,
            "createdAt": entry.created_ms - (_DRAFTED_MS if chance in DRAFTS else 31),
            "publishedAt": entry.created_ms,
            "lastModifiedAt": self.modified_ms(entry, now_ms),
        }
        if reshared:
            parent = f"urn:li:share:{entry.number - 1}"
            body["reshareContext"] = {"parent": parent, "root": parent}
        elif chance in ARTICLES:
            found = _LINK.search(text)
            source = found[0] if found else f"https://blog.example.org/{chance}"
            body["content"] = {"article": {"source": source, "title": text.partition("\n")[0]}}
        return body

    def _commentary(self, entry: Entry, text: str) -> str:
        """Little text: the other company is mentioned, hashtags are templates."""
        said, at = [], 0
        for tag in _TAG.finditer(text):
            said += [escaped(text[at : tag.start()]), rf"{{hashtag|\#|{escaped(tag[1])}}}"]
            at = tag.end()
        said.append(escaped(text[at:]))
        if _chance(entry) in THANKS:
            friend = self._threads.author(entry.number % 1000 + 100)
            said.append(f"\n\nThank you, @[{escaped(friend.name)}]({escaped(person(friend))})")
            own = self._threads.company(entry.account)
            said.append(f"! @[{escaped(own.name)}]({self.author(entry)})")
        return "".join(said)

    def metadata(self, post: Entry, now_ms: int) -> Json:
        """A post's counts."""
        likes = self._threads.likes(post, now_ms)
        kinds = {name: likes * share // 100 for name, share in _REACTIONS}
        kinds["LIKE"] += likes - sum(kinds.values())
        return {
            "entity": self.urn(post),
            "commentsState": "OPEN",
            "commentSummary": {
                "count": len(self._threads.stream(post, now_ms)),
                "topLevelCount": len(self._threads.comments(post, now_ms)),
            },
            "reactionSummaries": {
                name: {"reactionType": name, "count": count}
                for name, count in kinds.items()
                if count
            },
        }

    def answers(self, entry: Entry, now_ms: int) -> list[Entry]:
        """Comments of a post, or all that answers a comment: LinkedIn has these two levels."""
        direct = self._threads.comments(entry, now_ms)
        if entry.is_post:
            return direct
        below = [found for one in direct for found in self.answers(one, now_ms)]
        return sorted([*direct, *below], key=lambda one: one.number)

    def comment(self, entry: Entry, now_ms: int) -> Json:
        """A comment's JSON object."""
        actor, text = self.author(entry), entry.text_at(now_ms)
        stamp: Json = {"actor": actor}
        body: Json = {
            "id": str(entry.number),
            "commentUrn": self.urn(entry),
            "object": self.activity(entry.post),
            "actor": actor,
            "created": {**stamp, "time": entry.created_ms},
            "lastModified": {**stamp, "time": entry.edited_at(now_ms) or entry.created_ms},
            "message": {"text": text, "attributes": self._attributes(entry, text)},
            "likesSummary": self._likes(entry, now_ms),
        }
        if actor.startswith("urn:li:organization:"):
            body["agent"] = MEMBER
            for name in ("created", "lastModified"):
                body[name]["impersonator"] = MEMBER
        elif _chance(entry) in HIDDEN:
            # Deleted since, or hidden from the token's member.
            for part in (body, body["created"], body["lastModified"]):
                del part["actor"]
        if entry.parent is not None and not entry.parent.is_post:
            top = entry.parent
            while top.parent is not None and not top.parent.is_post:
                top = top.parent
            body["parentComment"] = self.urn(top)
        else:
            answers = self.answers(entry, now_ms)
            body["commentsSummary"] = {
                "selectedComments": [self.urn(one) for one in answers[:2]],
                "totalFirstLevelComments": len(answers),
                "aggregatedTotalComments": len(answers),
            }
        return body

    def _likes(self, entry: Entry, now_ms: int) -> Json:
        likes = self._threads.likes(entry, now_ms)
        return {
            "totalLikes": likes,
            "aggregatedTotalLikes": likes,
            "likedByCurrentUser": False,
            "selectedLikes": [],
        }

    def _attributes(self, entry: Entry, text: str) -> list[Json]:
        """Mentions, where the names still stand in the text."""
        attributes = []
        for index in entry.mentions:
            friend = self._threads.author(index)
            at = text.find(friend.name)
            if at >= 0:
                value = {"person": {"person": person(friend)}}
                start, length = utf16(text[:at]), utf16(friend.name)
                attributes.append({"start": start, "length": length, "value": value})
        return attributes
