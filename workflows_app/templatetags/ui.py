"""Template tags for what every page shows: icons, states, times, JSON, the navigation."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from approvals_app.selectors import COUNTED
from workflows_app.models import Run, User
from workflows_app.page_hooks import Proof, banners_of, proof_of
from workflows_app.templatetags.json_html import json_html
from workflows_app.views import looks, words
from workflows_app.views.navigation import navigation, principal_here

register = template.Library()
DAY = timedelta(days=1)
HIDDEN = '<span class="cc" title="a character that cannot be seen">{}</span>'


@register.simple_tag
def product_name() -> str:
    """Give the product's name, from its one setting."""
    return getattr(settings, "PRODUCT_NAME", "Countersign")


@register.simple_tag
@lru_cache(maxsize=500)
def icon(name: str, size: str = "") -> SafeString:
    """Draw an icon of the sprite; sizes: xs (12), s (14), none (16), l (18)."""
    return format_html(
        '<svg class="i {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        size,
        static("icons/sprite.svg"),
        name,
    )


@register.inclusion_tag("components/_state.html")
def state(kind: str, value: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """Show a state as icon and word in its family: `{% state "run" run.state reason %}`.

    Further: `plain=True` without the pill, `big=True`, `word="2 of 3"` for another word.
    """
    look = looks.look_of(kind, str(value), reason)
    return {"look": look, "is_arc": look.icon == "circle-play", **more}


@register.simple_tag
@lru_cache(maxsize=20)
def risk(level: str, plain: bool = False) -> SafeString:
    """Show a risk as icon and word."""
    look = looks.RISK_LOOKS.get(level, looks.RISK_LOOKS["medium"])
    shape = (
        '<span class="rk {}">{}<span class="vh">{}</span></span>'
        if plain
        else '<span class="st {}">{}{}</span>'
    )
    return format_html(shape, look.family, icon(look.icon, "" if plain else "s"), look.word)


@register.inclusion_tag("components/_time.html")
def when(value: datetime | str | None, style: str = "relative") -> dict[str, Any]:
    """Show a time: relative below 24 hours, with the exact time in `<time>`.

    Args:
        style: relative, clock (hours to milliseconds) or full.
    """
    at = datetime.fromisoformat(value) if isinstance(value, str) and value else value
    if not isinstance(at, datetime):
        return {"at": None}
    near = abs(timezone.now() - at) < DAY
    text = words.relative_words(at) if style == "relative" and near else _clock(at, style)
    exact = formats.date_format(timezone.localtime(at), "j M Y, H:i:s e")
    return {"at": at, "iso": at.isoformat(), "text": text, "exact": exact, "style": style}


def _clock(at: datetime, style: str) -> str:
    local = timezone.localtime(at)
    if style == "clock":
        return local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"
    return formats.date_format(local, "j M Y, H:i")


for one in (words.duration, words.money, words.compact, words.person):
    register.filter(one.__name__, one)
register.filter("humanise", looks.humanise)
register.filter("kind_icon", looks.kind_icon)
register.filter("kind_word", looks.kind_word)


@register.filter
def as_json(value: Any) -> str:
    """Give a value as indented JSON text."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def as_line(value: Any) -> str:
    """Give the beginning of a value as one line of JSON text."""
    return json.dumps(value, ensure_ascii=False)[:500]


@register.filter
def has_rest(nodes: Any) -> bool:
    """Tell whether some fields of an object are shown on demand only."""
    return any(not node.is_first for node in nodes)


@register.filter
def counted(number: int) -> str:
    """Give a count of what waits, which goes up to `COUNTED`, as people read it: 12, 999+."""
    return f"{COUNTED - 1}+" if number >= COUNTED else str(number)


@register.simple_tag
def visible(parts: Iterable[Any]) -> SafeString:
    """Write a text out of its visible parts: what a reader could not see is named."""
    return format_html_join(
        "",
        "{}",
        ((format_html(HIDDEN, one.text) if one.is_hidden else one.text,) for one in parts),
    )


@register.filter
def is_text(value: Any) -> bool:
    """Tell whether a value is a text."""
    return isinstance(value, str)


@register.filter
def get(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """Give a key of a mapping that a variable names."""
    return (mapping or {}).get(key)


@register.inclusion_tag("components/_json.html")
def json_viewer(value: Any, name: str = "json") -> dict[str, Any]:
    """Show a JSON value, indented and coloured, with a button that copies it."""
    html, raw, is_cut = json_html(value)
    return {"html": html, "raw": raw, "is_cut": is_cut, "name": name}


@register.inclusion_tag("components/_nav.html", takes_context=True)
def nav(context: template.Context, place: str = "side") -> dict[str, Any]:
    """Draw the navigation: only what has a page, with the counts of what waits."""
    request = context.get("request")
    entries = navigation(request) if request is not None else {}
    return {**entries, "request": request, "place": place, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("components/_banners.html", takes_context=True)
def banners(context: template.Context) -> dict[str, Any]:
    """Show what everybody, or this person, has to be told on every page."""
    request = context.get("request")
    if request is None or not isinstance(getattr(request, "user", None), User):
        return {"banners": []}
    return {"banners": banners_of(principal_here(request))}


@register.simple_tag
def proof(run: Run) -> Proof | None:
    """Give how far the record of a run can be proved: `{% proof run as found %}`."""
    return proof_of(run)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Give the page's own query with some parameters changed; None or "" takes one away.

    A page that another address shows (a refused form) says with `here` where it lives.
    """
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            parameters.pop(name, None)
        else:
            parameters[name] = value
    return f"{context.get('here', '')}?{parameters.urlencode()}"


@register.filter
def inert(text: object) -> str:
    """Give a text with its control, direction and zero-width characters written out.

    For text from outside in the middle of a sentence; it is escaped like any other.
    """
    return "".join(
        f"[U+{ord(one):04X}]" if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") else one
        for one in str(text)
    )
