"""What the pages send; the services check all of it again."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms

from approvals_app.core.shown import is_hidden
from workflows_app.core.strict_json import JsonRefused, strict_loads

JSON = Any
DECISIONS = ("approve", "reject", "take_over", "change")


class JsonField(forms.CharField):
    """A text that is JSON; empty means "not given"."""

    widget = forms.Textarea

    def clean(self, value: Any) -> JSON:
        text = super().clean(value)
        if not text:
            return None
        try:
            return strict_loads(text)
        except JsonRefused as refused:
            raise forms.ValidationError(f"This is not JSON: {refused.message}") from refused


class DecisionForm(forms.Form):
    """An answer to one request."""

    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS])
    digest = forms.CharField(max_length=200)
    reason = forms.CharField(required=False, max_length=10_000)
    arguments = JsonField(required=False)
    label = forms.CharField(required=False, max_length=1_000)
    output = JsonField(required=False)
    changes = JsonField(required=False)

    def answer(self) -> dict[str, JSON]:
        """Give the arguments of `approval_decide`; an empty field was not given."""
        given = self.cleaned_data
        return {**given, "label": given["label"] or None}


class ArgumentsForm(forms.Form):
    """The proposed arguments as fields: one for each, nested ones as JSON.

    Args:
        arguments: what was proposed; each field gives a value of the same type back.
    """

    def __init__(self, arguments: JSON, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arguments = arguments if isinstance(arguments, Mapping) else {"value": arguments}
        self.is_single = not isinstance(arguments, Mapping)
        for index, (name, value) in enumerate(self.arguments.items()):
            self.fields[f"f{index}"] = _field(name, value)

    def edited(self) -> JSON:
        """Give the arguments with what was changed."""
        values = {
            name: _typed(value, self.cleaned_data[f"f{index}"])
            for index, (name, value) in enumerate(self.arguments.items())
        }
        return values["value"] if self.is_single else values


def _field(name: str, value: JSON) -> forms.Field:
    if isinstance(value, bool):
        choices = [("true", "true"), ("false", "false")]
        return forms.ChoiceField(label=name, choices=choices, initial=json.dumps(value))
    if isinstance(value, int | float):
        return forms.CharField(
            label=name,
            initial=json.dumps(value),
            validators=[_is_number],
            widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        )
    if isinstance(value, str) and not _hides(value):
        is_long = len(value) > 80 or "\n" in value
        widget = forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput()
        return forms.CharField(
            label=name, initial=value, required=False, strip=False, widget=widget
        )
    # What could not be seen is written as JSON escapes it.
    text = json.dumps(value, ensure_ascii=_hides(json.dumps(value, ensure_ascii=False)), indent=2)
    return JsonField(
        label=name, initial=text, required=False, widget=forms.Textarea(attrs={"class": "mono"})
    )


def _hides(text: str) -> bool:
    return any(map(is_hidden, text))


def _is_number(text: str) -> None:
    try:
        value = strict_loads(text)
    except JsonRefused as refused:
        raise forms.ValidationError("Write a number.") from refused
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise forms.ValidationError("Write a number.")


def _typed(before: JSON, after: JSON) -> JSON:
    if isinstance(before, bool):
        return after == "true"
    if isinstance(before, int | float):
        return strict_loads(after)
    if isinstance(before, str) and not _hides(before):
        return after.replace("\r\n", "\n")
    return after


class DelegateForm(forms.Form):
    """Who answers instead."""

    to = forms.CharField(max_length=200)
    reason = forms.CharField(required=False, max_length=10_000)


class EscalateForm(forms.Form):
    """Why somebody further up should decide."""

    reason = forms.CharField(max_length=10_000)


class CommentForm(forms.Form):
    """What somebody says about a request."""

    text = forms.CharField(max_length=10_000)


class SnoozeForm(forms.Form):
    """For how long to look away."""

    minutes = forms.IntegerField(min_value=1, max_value=100_000)


class MailDecisionForm(forms.Form):
    """An answer from a mail: approve or reject, nothing ticked beforehand."""

    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    digest = forms.CharField(max_length=200)
    reason = forms.CharField(required=False, max_length=10_000)


class CoverForm(forms.Form):
    """Who answers in a person's place, and when; times are those of the server's zone."""

    person = forms.CharField(max_length=200, required=False)
    delegate = forms.CharField(max_length=200)
    starts_at = forms.DateTimeField()
    ends_at = forms.DateTimeField()
    workflow = forms.CharField(max_length=200, required=False)
    includes_critical = forms.BooleanField(required=False)


class ReassignForm(forms.Form):
    """Whose open items go to whom."""

    person = forms.CharField(max_length=200)
    to = forms.CharField(max_length=200)
    reason = forms.CharField(max_length=10_000)


class HolidaysField(forms.CharField):
    """Dates, one in each line or parted by commas."""

    def clean(self, value: Any) -> list[date]:
        text = super().clean(value) or ""
        try:
            return [date.fromisoformat(part) for part in text.replace(",", " ").split()]
        except ValueError:
            raise forms.ValidationError("Write dates as 2026-12-24.") from None


class CalendarForm(forms.Form):
    """When people of the workspace answer."""

    name = forms.CharField(max_length=100)
    zone = forms.CharField(max_length=100)
    days = forms.TypedMultipleChoiceField(
        choices=[(day, day) for day in range(1, 8)], coerce=int, required=False
    )
    opens = forms.TimeField()
    closes = forms.TimeField()
    holidays = HolidaysField(required=False, max_length=10_000)
    is_default = forms.BooleanField(required=False)


class GateDraftForm(forms.Form):
    """Which gate is to ask less, or more."""

    workflow = forms.CharField(max_length=200)
    gate = forms.CharField(max_length=1_000)
    risk = forms.CharField(max_length=10)
    change = forms.ChoiceField(choices=[("relax", "Relax"), ("tighten", "Tighten")])
    rule = forms.CharField(max_length=1_000, required=False)
