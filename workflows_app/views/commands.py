"""Where a person can go by name: pages, settings, and what begins something new."""

from typing import Any

from django.urls import NoReverseMatch, reverse

from workflows_app.selectors.people import Principal
from workflows_app.views.navigation import EVIDENCE, MAIN, OVERSIGHT
from workflows_app.views.settings_space import PAGES

ACTIONS = (
    # what it is called, its icon, its page, the scope that it needs
    ("Start a run", "circle-play", "workflows:workflows", "run"),
    ("New workflow", "plus", "workflows:new", "design"),
    ("Stop all agent actions", "octagon-x", "workflows:guardrails", "run"),
    ("Verify the audit chain", "shield-check", "evidence:audit", "read"),
    ("Your settings", "user-check", "workflows:me", ""),
)


def commands_find(actor: Principal, text: str) -> list[dict[str, Any]]:
    """Give the pages whose name has each word of the text in it; all of them for no text."""
    words = text.lower().split()
    found = [*_places(), *_actions(actor), *_settings(actor)]
    return [
        one
        for one in found
        if all(word in f"{one['name']} {one['more']}".lower() for word in words)
    ]


def _places() -> list[dict[str, Any]]:
    links = []
    for entry in (*MAIN, *OVERSIGHT, *EVIDENCE):
        url = next((url for name in entry.names if (url := _url(name))), None)
        if url:
            links.append(_command(entry.word, entry.icon, url, "Page", entry.hotkey))
    return links


def _actions(actor: Principal) -> list[dict[str, Any]]:
    return [
        _command(word, icon, url, "Action")
        for word, icon, name, scope in ACTIONS
        if (not scope or scope in actor.scopes) and (url := _url(name))
    ]


def _settings(actor: Principal) -> list[dict[str, Any]]:
    if "admin" not in actor.scopes:
        return []
    return [_command(word, "settings", f"/settings/{key}/", "Settings") for key, word in PAGES]


def _command(name: str, icon: str, url: str, more: str, key: str = "") -> dict[str, Any]:
    return {"name": name, "icon": icon, "url": url, "more": more, "key": key}


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
