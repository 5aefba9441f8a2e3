"""Keys and tokens that let somebody in, by the forms that their issuers gave them.

A leaked key leads to an account and to its person. Each form begins with letters that its issuer
chose so that it is found. A password has no form.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_FORMS = (
    # Stripe. GitHub, GitLab. Slack. Amazon. Google. OpenAI and Anthropic. SendGrid.
    r"[prs]k_(?:live|test)_[A-Za-z0-9_]{8,}",
    r"gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"sk-[A-Za-z0-9_-]{20,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    # A web token (JSON in Base64), cut short too.
    r"eyJ[A-Za-z0-9_-]{4,}(?:\.+[A-Za-z0-9_-]*)*",
)
_SECRET = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_FORMS)})")


def _find(text: str) -> Iterator[Span]:
    if not re.search("[0-9]", text):
        return
    for match in _SECRET.finditer(text):
        yield Span(match.start(), match.start() + len(match.group().rstrip(".")), SECRET.kind)


SECRET = Rule(
    "secret",
    r"[prs]k_(?:live|test)_|gh[opsur]_[A-Za-z0-9]|github_pat_|glpat-|xox[abeprs]-|A(?:KI|SI)A[A-Z0-9]|AIza|"
    r"sk-[A-Za-z0-9]|SG\.[A-Za-z0-9_-]|eyJ[A-Za-z0-9_-]",
    _find,
)
