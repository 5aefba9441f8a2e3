"""How the story sounds on each platform: what companies announce there and how people answer.

Frames and the rules that join them; ``phrases.py`` has the words and ``texts.py`` the sentences
that all platforms share. What does not belong here: who writes when (``threads.py``), and how a
platform spells a mention or a hashtag in its payload (its own package).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulator import phrases, texts
from simulator.people import Author

# What the product's company says by part of the story (``plot.phase``). The sentences of a part
# may stand in any order.
BRAND: Mapping[str, tuple[str, ...]] = {
    "calm": (
        "How does your team use {f}? Tell us in the comments.",
        "Tip of the day: {f} can be shared with your whole team in two clicks.",
        "Meet the people behind {t}: {n} engineers in three time zones.",
        "We rewrote the guide to {t}, with {d} examples that you asked for.",
        "{n} schools now teach cloud computing on Nimbus, free of charge.",
        "Our next meetup is on the {d}th, and there will be cake.",
        "We are hiring for {f}. Remote or in Cape Town, your choice.",
        "A customer moved {n} services to Nimbus over one weekend. Here is how.",
        "What should we improve next: {t} or {f}?",
    ),
    "launch": (
        "Nimbus 4 is here! A new mobile app, faster autoscaling and a free tier for students.",
        "{f} in Nimbus 4 was your most wanted feature, and you can try it today.",
        "Thank you to the {n} beta testers who made Nimbus 4 what it is.",
        "Launch day! Our engineers answer your questions about {f} until tonight.",
        "Everything in Nimbus 4 in {d} minutes: watch the launch film.",
        "What will you build first with {f}?",
    ),
    "outage": (
        "We are investigating elevated error rates since 14:00 UTC and are sorry for the trouble.",
        "Many of you can't reach {f} right now. All our engineers work on it.",
        "The cause is a faulty network update. We are rolling it back.",
        "We know what this outage costs you. The next update follows in 30 minutes.",
    ),
    "aftermath": (
        "Nimbus has recovered as of 17:00 UTC. A full report follows tomorrow.",
        "We are sorry. Three hours without {f} is not what you pay us for.",
        "If {f} still fails for you, tell us your region and we will look at once.",
        "Our support team stays up tonight to answer every one of you.",
    ),
    "recovery": (
        "Yesterday we let you down for three hours. Here is what happened and what we changed.",
        "Every customer gets a credit. You need not do anything.",
        "Thank you for your patience and for the kind words to our engineers.",
        "From today network updates reach one region at a time.",
        "All services are green. Ask us anything about {t} in the comments.",
    ),
}
RIVAL: Mapping[str, tuple[str, ...]] = {
    "calm": (
        "Infrastructure that stays up: {n} regions, one price.",
        "New on Stratus: {f} for every plan.",
        "Compare {t} before you choose. We did the homework for you.",
        "{n} teams joined Stratus this week. Welcome!",
        "Our engineers explain {f} in {d} minutes.",
        "Which feature would make you switch? Tell us below.",
    ),
    "launch": (
        "Congratulations to our competitors on their launch. Competition is good for everyone.",
        "{f} on Stratus: shipped {d} months ago, no launch film needed.",
        "Looking at {t} this week? Try Stratus free for {n} days.",
    ),
    "outage": (
        "Stratus never sleeps. Move your first workload for free.",
        "All Stratus regions are green. If you need a home for a workload today, write to us.",
    ),
    "aftermath": (
        "Uptime is not luck. Read how we test {f} every day.",
        "Move from any other cloud with {d} commands, and our team helps you.",
    ),
    "recovery": (
        "Welcome to the {n} teams that moved to Stratus yesterday.",
        "Plan for failure: our free guide to {t}.",
    ),
}

# What the companies say at one minute of every week: (hour of the week, minute, sentence).
ANNOUNCED: Mapping[str, tuple[tuple[int, int, str], ...]] = {
    "brand": (
        (33, 0, "Today we launch Nimbus 4. Thank you for building with us!"),
        (86, 6, "We are investigating elevated error rates since 14:00 UTC."),
        (87, 35, "The cause is a faulty network update. We are rolling it back, and we are sorry."),
        (89, 4, "Nimbus has recovered as of 17:00 UTC. A full report follows."),
        (105, 0, "Yesterday we let you down for three hours. Here is what we changed."),
    ),
    "rival": ((82, 15, "Stratus never sleeps. Move your first workload for free."),),
}

_CHATTY_START = (
    "Okay, long comment incoming. ",
    "I never write on company pages, but here we go. ",
    "Good morning from a rainy office! ",
    "My two cents: ",
    "Since everybody is sharing their story: ",
    "",
    "",
    "",
    "",
)
_CHATTY_END = (
    "My husband says stop complaining, my daughter says post it. So here it is.",
    "Greetings to the whole team from our little shop.",
    "We have been customers since the very first version, so I think I may say that.",
    "Anybody else in my group who sees this?",
    "I hope somebody reads these comments.",
    "Have a nice day all of you.",
)
_FRIEND = (
    "{friend} look at this!",
    "{friend} this is what I told you about yesterday.",
    "What do you think, {friend}?",
    "{friend} remember our talk about the cloud?",
)
_SHOUTS = ("{friend} 👀", "{friend} look", "{friend} 😂", "this {friend}", "{friend} us")
_EMOJI: Mapping[str, tuple[str, ...]] = {
    "good": ("😍", "🔥", "🙌🏽", "💙", "☁️", "🚀", "✨", "👏🏾", "🎉", "💯"),
    "bad": ("😡", "😤", "💀", "👎", "🤦🏽‍♀️", "😭", "🙄", "🤬"),
    "plain": ("☁️", "👀", "🤔", "📊", "💻", "☕", "🧑🏿‍💻", "📱"),
}
_TAGS = (
    "#nimbus", "#cloud", "#cloudcomputing", "#devops", "#tech", "#startup", "#developer",
    "#coding", "#kubernetes", "#saas", "#innovation", "#programmerlife", "#techlife", "#stratus",
    "#serverless", "#instatech", "#womenintech", "#capetown", "#smallbusiness", "#itlife",
)  # fmt: skip
_PHASE_TAGS = {
    "launch": ("#nimbuslaunch", "#nimbus4"),
    "outage": ("#nimbusdown", "#outage"),
    "aftermath": ("#nimbusdown",),
    "recovery": ("#nimbus", "#postmortem"),
}
_MOOD_TAGS = {"joy": "#nimbuslaunch", "anger": "#nimbusdown", "sarcasm": "#nimbusdown"}
_STANDING = (
    "As someone who has run infrastructure for {d} years, I would like to add a thought.",
    "Speaking for a team of {n} engineers:",
    "Interesting perspective.",
    "I work with several customers in this situation.",
    "Thank you for sharing this openly.",
    "We evaluated {p} and {r} last quarter.",
)
_LESSON = (
    "The lesson for every CTO: {t} is a leadership question, not a tooling question.",
    "In our experience {t} decides whether such a project succeeds.",
    "I would be curious to hear how other organisations handle {t}.",
    "Reliability is a promise, and customers remember who keeps it.",
    "Happy to exchange notes with anyone who is working on {f}.",
    "At the end of the day, trust is what we all sell.",
)


@dataclass(frozen=True)
class Voice:
    """How one platform sounds.

    ``company(rng, phase, brand, first)`` is an announcement (of the rival where ``brand`` is
    false) that begins with the sentence ``first``, if that is not empty;
    ``post(rng, mood, lang)`` is what people post on their own, ``comment(rng, mood, lang, friend)``
    what they answer; ``friend`` is how the person is called whom the comment mentions, or
    ``None``. ``naming`` gives the words that a mention stands as in the text. ``visitors`` is the
    share of an account's feed that others write there, ``friends`` the share of comments that
    mention somebody.
    """

    company: Callable[[random.Random, str, bool, str], str]
    post: Callable[[random.Random, str, str], str]
    comment: Callable[[random.Random, str, str, str | None], str]
    naming: Callable[[Author], str]
    visitors: float
    friends: float


def _tone(mood: str) -> str:
    return phrases.TONE.get(mood, "plain")


def _said(rng: random.Random, frames: Sequence[str], count: int) -> list[str]:
    filled = [texts.fill(rng, one) for one in rng.sample(frames, min(count, len(frames)))]
    return [one[0].upper() + one[1:] for one in filled]


def _announced(rng: random.Random, phase: str, brand: bool, first: str, count: int) -> list[str]:
    said = _said(rng, (BRAND if brand else RIVAL)[phase], count)
    return [first, *said[1:]] if first else said


def _answer(rng: random.Random, mood: str, lang: str) -> str:
    """An answer, in English often one of the short ones; a company's own mood is ``support``."""
    if lang == "en" and (mood == "support" or rng.random() < 0.5):
        return texts.reply(rng, mood)
    return texts.post(rng, mood, lang)


# Facebook: chatty, several sentences, friends tagged by their names.


def _facebook_company(rng: random.Random, phase: str, brand: bool, first: str) -> str:
    said = _announced(rng, phase, brand, first, 2 + (rng.random() < 0.4))
    return " ".join(said) + texts.one(rng, ("", "", " 💙", " ☁️", "\n\nYour team"))


def _facebook_post(rng: random.Random, mood: str, lang: str) -> str:
    said = texts.post(rng, mood, lang)
    if lang != "en":
        return said
    return _ended(texts.one(rng, _CHATTY_START) + said) + " " + texts.one(rng, _CHATTY_END)


def _facebook_comment(rng: random.Random, mood: str, lang: str, friend: str | None) -> str:
    parts = [_answer(rng, mood, lang)]
    if lang == "en" and mood != "support":
        parts[0] = texts.one(rng, _CHATTY_START) + parts[0]
        for sentence in texts.sentences(rng, mood, lang, int(rng.random() * 3)):
            parts.append(sentence[0].upper() + sentence[1:])
        if rng.random() < 0.35:
            parts.append(texts.one(rng, _CHATTY_END))
    if friend is not None:
        call = texts.one(rng, _FRIEND) if mood != "support" else "{friend}"
        parts.insert(0 if mood == "support" or rng.random() < 0.5 else len(parts), call)
    return " ".join(map(_ended, parts)).replace("{friend}", friend or "")


# Instagram: emoji, hashtags in heaps, one short line, people called by their handles.


def _hashtags(rng: random.Random, first: Sequence[str], count: int) -> str:
    more = [tag for tag in rng.sample(_TAGS, min(count, len(_TAGS))) if tag not in first]
    return " ".join([*first, *more])


def _emoji(rng: random.Random, mood: str, most: int) -> str:
    return "".join(texts.one(rng, _EMOJI[_tone(mood)]) for _ in range(int(rng.random() * most) + 1))


def _instagram_company(rng: random.Random, phase: str, brand: bool, first: str) -> str:
    own = "#nimbus" if brand else "#stratus"
    mood = {"outage": "anger", "aftermath": "support"}.get(phase, "joy")
    own_tags = (own, *(_PHASE_TAGS.get(phase, ()) if brand else ()))
    tags = _hashtags(rng, tuple(dict.fromkeys(own_tags)), 5 + int(rng.random() * 10))
    said = _announced(rng, phase, brand, first, 1)[0]
    return f"{said} {_emoji(rng, mood if mood != 'anger' else 'neutral', 3)}\n.\n.\n{tags}"


def _instagram_post(rng: random.Random, mood: str, lang: str) -> str:
    said = texts.post(rng, mood, lang)
    first = ("#nimbus" if rng.random() < 0.8 else "#stratus", *filter(None, [_MOOD_TAGS.get(mood)]))
    return f"{said} {_emoji(rng, mood, 4)}\n{_hashtags(rng, first, 3 + int(rng.random() * 12))}"


def _instagram_comment(rng: random.Random, mood: str, lang: str, friend: str | None) -> str:
    if mood == "support":
        said = texts.reply(rng, mood)
        return f"{friend} {said}" if friend is not None else said
    dice = rng.random()
    if friend is not None and dice < 0.4:
        return texts.one(rng, _SHOUTS).replace("{friend}", friend)
    if dice > 0.85:
        said = _emoji(rng, mood, 5)
    elif lang == "en" and dice > 0.45:
        said = texts.reply(rng, mood)
    else:
        said = texts.sentences(rng, mood, lang, 1)[0] + " " + _emoji(rng, mood, 2)
    return f"{friend} {said}" if friend is not None else said


# LinkedIn: paragraphs, experience, lessons learned.


def _linkedin_company(rng: random.Random, phase: str, brand: bool, first: str) -> str:
    said = _announced(rng, phase, brand, first, 3)
    said += _said(rng, _LESSON, 1 + (rng.random() < 0.5))
    own = "#Nimbus" if brand else "#Stratus"
    return "\n\n".join(said) + f"\n\n{own} #CloudComputing #{texts.one(rng, ('SRE', 'SaaS', 'IT'))}"


def _linkedin_post(rng: random.Random, mood: str, lang: str) -> str:
    said = [texts.post(rng, mood, lang)]
    if lang == "en":
        said = [*_said(rng, _STANDING, 1), *said, *_said(rng, _LESSON, 2)]
    return "\n\n".join(said) + "\n\n#Cloud #Leadership"


def _linkedin_comment(rng: random.Random, mood: str, lang: str, friend: str | None) -> str:
    said = texts.sentences(rng, mood, lang, 2) if mood != "support" else [texts.reply(rng, mood)]
    said = [one[0].upper() + one[1:] for one in said]
    if lang == "en" and mood != "support":
        if rng.random() < 0.6:
            said.insert(0, _said(rng, _STANDING, 1)[0])
        if rng.random() < 0.12:
            said.append(texts.leak(rng))
        if rng.random() < 0.5:
            said += _said(rng, _LESSON, 1)
    text = " ".join(map(_ended, said))
    return f"{friend}, {text}" if friend is not None else text


def _ended(text: str) -> str:
    return text if not text or not text[-1].isalnum() else text + "."


VOICES: Mapping[str, Voice] = {
    "facebook": Voice(
        _facebook_company, _facebook_post, _facebook_comment, lambda a: a.name, 0.15, 0.14
    ),
    "instagram": Voice(
        _instagram_company, _instagram_post, _instagram_comment, lambda a: f"@{a.handle}", 0.0, 0.3
    ),
    "linkedin": Voice(
        _linkedin_company, _linkedin_post, _linkedin_comment, lambda a: a.name, 0.0, 0.1
    ),
}
