"""Read the forms of a page as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import QueryDict


@dataclass
class SentForm:
    """One form: its attributes and what it sends without a button."""

    attributes: dict[str, str]
    values: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    @property
    def pointer(self):
        return self.attributes.get("data-field", "")

    def data(self, **changed):
        """Give what is sent, with some inputs changed; `v__0__port` is the input `v/0/port`."""
        query = QueryDict(mutable=True)
        changed = {name.replace("__", "/"): value for name, value in changed.items()}
        for name, value in self.values:
            if name not in changed:
                query.appendlist(name, value)
        for name, value in changed.items():
            if value is not None:
                query.setlist(name, value if isinstance(value, list) else [value])
        return query


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = []
        self.form = None
        self.area = None
        self.select = None

    def handle_starttag(self, tag, attributes):
        given = {name: value if value is not None else "" for name, value in attributes}
        if tag == "form":
            self.form = SentForm(given)
            self.forms.append(self.form)
        if self.form is None:
            return
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            self.form.values.append((name, given.get("value", "on" if kind == "checkbox" else "")))
        elif tag == "textarea" and name:
            self.area = [name, ""]
        elif tag == "select" and name:
            self.select = [name, None]
        elif tag == "option" and self.select is not None:
            self.option = given
            self.option_text = ""
            if self.select[1] is None or "selected" in given:
                self.select[1] = given.get("value")
                self.is_chosen = True
        elif tag == "button" and name:
            self.form.buttons.append((name, given.get("value", "")))

    def handle_data(self, data):
        if self.area is not None:
            self.area[1] += data
        elif self.select is not None and self.select[1] is None and data.strip():
            self.select[1] = data
        if self.form is not None:
            self.form.text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self.area is not None:
            name, text = self.area
            self.form.values.append((name, text.removeprefix("\n")))
            self.area = None
        elif tag == "select" and self.select is not None:
            self.form.values.append((self.select[0], self.select[1] or ""))
            self.select = None
        elif tag == "form":
            self.form = None


def forms_of(html):
    """Give the forms of a page."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def form_of(html, pointer):
    """Give the form of one field."""
    return next(form for form in forms_of(html) if form.pointer == pointer)
