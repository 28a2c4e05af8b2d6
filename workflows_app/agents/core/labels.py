"""Choosing a label by the words of a message: what the stand-in model knows of language.

Words are cut to stems, common ones are dropped, and groups of words that mean the same count
for each other a little less than the word itself. A word that few labels have weighs more.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

RELATED_WEIGHT = 0.6
_WORD = re.compile(r"[a-z0-9]+")
_COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "i",
        "my",
        "me",
        "we",
        "our",
        "you",
        "your",
        "he",
        "she",
        "it",
        "its",
        "they",
        "them",
        "their",
        "this",
        "that",
        "these",
        "those",
        "is",
        "am",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "done",
        "have",
        "has",
        "had",
        "will",
        "would",
        "can",
        "could",
        "should",
        "shall",
        "may",
        "might",
        "must",
        "to",
        "of",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "about",
        "as",
        "into",
        "and",
        "or",
        "but",
        "if",
        "so",
        "then",
        "than",
        "too",
        "very",
        "there",
        "here",
        "what",
        "which",
        "who",
        "whom",
        "when",
        "how",
        "please",
        "hi",
        "hello",
        "hey",
        "thanks",
        "thank",
        "just",
        "like",
        "get",
        "got",
        "getting",
        "go",
        "going",
        "know",
        "let",
        "say",
        "tell",
        "ask",
        "want",
        "need",
        "help",
        "s",
        "t",
        "m",
        "ve",
        "re",
        "ll",
        "d",
        "don",
        "didn",
        "doesn",
        "isn",
        "wasn",
        "one",
        "some",
        "any",
        "all",
        "also",
        "still",
        "out",
        "up",
        "im",
        "label",
        "message",
        "text",
        "following",
        "classify",
        "category",
    ]
)
# Words that mean the same in requests to an office; stems are taken of each.
_RELATED = (
    "arrive arrival deliver delivery receive come ship track mail post locate",
    "lost lose misplace find missing gone",
    "stolen steal stole theft thief rob fraud compromise",
    "terminate close delete cancel end deactivate leave",
    "refund reimburse return back",
    "fee charge cost price extra expensive pay",
    "exchange convert conversion currency rate foreign",
    "decline reject refuse deny fail unsuccessful block",
    "fail wrong broken error unable cannot problem",
    "pending wait process progress slow hold yet",
    "transfer send sent move wire",
    "recipient beneficiary friend receiver",
    "cash atm withdraw withdrawal machine dispenser note",
    "topup top load fund deposit add",
    "verify identity identification prove proof document check passport",
    "activate activation start enable",
    "link connect attach join existing",
    "physical plastic real",
    "virtual online digital disposable temporary",
    "spare second additional another extra more multiple",
    "passcode password code login forgot forget",
    "pin code",
    "age old young child kid daughter son year",
    "country countries abroad europe location region live support",
    "contactless tap touch",
    "swallow eat ate retain kept keep swallowed",
    "limit maximum cap most many much",
    "twice double duplicate two repeated",
    "recognise recognize unknown unfamiliar unauthorised strange",
    "revert reverse cancel undo return",
    "salary wage employer pay",
    "detail information address name personal phone number",
    "expire expiry renew",
    "technical bug crash error broken fault login app website",
    "billing invoice bill payment charge subscription",
    "sales buy purchase quote pricing demo",
    "complaint complain unhappy angry disappointed terrible awful",
    "urgent emergency immediately asap critical outage down",
)
_SUFFIXES = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "ed", "er",
             "es", "al", "ly", "s", "y", "e")  # fmt: skip


@cache
def stem(word: str) -> str:
    """Give a rough stem: arrival, arrived and arrives become one."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            base = word[: -len(suffix)]
            return base[:-1] if len(base) > 3 and base[-1] == base[-2] else base
    return word


def stems(text: str) -> list[str]:
    """Give the stems of a text's words, in order, without common words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower().replace("top up", "topup")
    words = _WORD.findall(spaced.replace("top-up", "topup").replace("top_up", "topup"))
    return [stem(word) for word in words if word not in _COMMON]


@cache
def _related() -> Mapping[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for line in _RELATED:
        members = {stem(word) for word in line.split()}
        for member in members:
            groups.setdefault(member, set()).update(members)
    return {word: frozenset(group) for word, group in groups.items()}


def label_scores(labels: Sequence[str], text: str) -> dict[str, float]:
    """Give each label's share of evidence in the text, from 0."""
    words = {label: set(stems(label)) for label in labels}
    counts = Counter(word for own in words.values() for word in own)
    weights = {word: math.log(1 + len(labels) / count) for word, count in counts.items()}
    said = set(stems(text))
    return {label: _score(own, said, weights) for label, own in words.items()}


def _score(own: set[str], said: set[str], weights: Mapping[str, float]) -> float:
    if not own:
        return 0.0
    related = _related()
    found = 0.0
    for word in own:
        if word in said:
            found += weights[word]
        elif said & related.get(word, frozenset()):
            found += weights[word] * RELATED_WEIGHT
    total = sum(weights[word] for word in own)
    return found / math.sqrt(total) if total else 0.0


def label_choose(labels: Sequence[str], text: str) -> tuple[str | None, float]:
    """Give the label with most evidence and a confidence from 0 to 1; (None, 0.0) without any."""
    scores = label_scores(labels, text)
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] == 0.0:
        return None, 0.0
    best, first = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return best, round(0.5 + 0.49 * (first - second) / first, 2)
