"""X's post ids: 64-bit snowflakes that carry their creation time. Nothing else belongs here.

An id is ``(milliseconds since 2010-11-04T01:42:54.657Z) << 22 | 22 bits of machine and sequence``.
Source: https://docs.x.com/fundamentals/x-ids (read 2026-11-23).
"""

EPOCH_MS = 1_288_834_974_657
LOW_BITS = 22


def created_ms(post_id: int) -> int:
    """Creation time of a post in Unix milliseconds."""
    return (post_id >> LOW_BITS) + EPOCH_MS


def first_id_at(unix_ms: int) -> int:
    """The smallest id that a post created at ``unix_ms`` can have (0 before X's epoch)."""
    return max(0, unix_ms - EPOCH_MS) << LOW_BITS
