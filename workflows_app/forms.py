"""Forms of fixed shape; a start form is drawn from its schema instead (views/schema_form.py)."""

from typing import Any
from zoneinfo import available_timezones

from django import forms


class SignInForm(forms.Form):
    username = forms.CharField(max_length=150)
    password = forms.CharField(strip=False, max_length=1000)


class PreferencesForm(forms.Form):
    """What `User.preferences` holds; an empty theme follows the system."""

    theme = forms.ChoiceField(
        required=False,
        choices=[("", "As the system"), ("light", "Light"), ("dark", "Dark")],
    )
    density = forms.ChoiceField(
        required=False, choices=[("", "Regular rows"), ("compact", "Compact rows")]
    )
    shortcuts = forms.ChoiceField(required=False, choices=[("", "On"), ("off", "Off")])
    undo_seconds = forms.IntegerField(
        required=False, min_value=0, max_value=60, label="Seconds to undo a decision"
    )

    mail = forms.ChoiceField(
        required=False, choices=[("", "On"), ("off", "Off")], label="Requests by mail"
    )
    chat = forms.ChoiceField(
        required=False, choices=[("", "On"), ("off", "Off")], label="Requests by chat"
    )
    quiet_from = forms.TimeField(required=False, label="Quiet hours from")
    quiet_to = forms.TimeField(required=False, label="Quiet hours until")
    zone = forms.CharField(required=False, max_length=100, label="Time zone of the quiet hours")

    NOTICES = ("mail", "chat", "quiet_from", "quiet_to", "zone")

    def looks_fields(self) -> list[forms.BoundField]:
        """Give the fields about how pages look and behave."""
        return [self[name] for name in self.fields if name not in self.NOTICES]

    def notice_fields(self) -> list[forms.BoundField]:
        """Give the fields about messages."""
        return [self[name] for name in self.NOTICES]

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        if zone and zone not in available_timezones():
            raise forms.ValidationError("Write a time zone such as Europe/Berlin.")
        return zone

    def preferences(self) -> dict[str, Any]:
        """Give what was chosen; what follows the default is an empty text."""
        chosen = dict(self.cleaned_data)
        if chosen["undo_seconds"] is None:
            chosen["undo_seconds"] = 8
        for name in ("quiet_from", "quiet_to"):
            chosen[name] = chosen[name].strftime("%H:%M") if chosen[name] else ""
        return chosen


class ReasonForm(forms.Form):
    """Why a person steers a run; it is kept in the history."""

    reason = forms.CharField(required=False, max_length=10_000)


class CancelForm(ReasonForm):
    reason = forms.CharField(
        max_length=10_000, error_messages={"required": "Say why: it is kept in the history."}
    )
    rollback = forms.BooleanField(required=False)


class StepActionForm(ReasonForm):
    """Retry from, skip or fail one step; JSON texts are read by the view."""

    path = forms.CharField(max_length=2000, required=False)
    input = forms.CharField(required=False, max_length=1_000_000)
    output = forms.CharField(required=False, max_length=1_000_000)
    version = forms.IntegerField(required=False, min_value=1)


class TriggerForm(ReasonForm):
    """Fire a trigger of a state machine; `data` is JSON text."""

    path = forms.CharField(max_length=2000)
    trigger = forms.CharField(max_length=100)
    data = forms.CharField(required=False, max_length=1_000_000)  # type: ignore[assignment]


class ImportForm(forms.Form):
    """A name for a blank workflow, or a definition as text or file, JSON or YAML."""

    name = forms.CharField(required=False, max_length=200, label="Name")
    text = forms.CharField(required=False, max_length=1_000_000, strip=False)
    file = forms.FileField(required=False)

    def clean_file(self) -> str:
        upload = self.cleaned_data.get("file")
        if upload is None:
            return ""
        if upload.size > 1_000_000:
            raise forms.ValidationError("The file is larger than 1 MB.")
        try:
            return str(upload.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text.") from None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not any(values.get(name) for name in ("name", "text", "file")) and not self.errors:
            raise forms.ValidationError("Give a name, or a definition to import.")
        return values

    def source(self) -> tuple[str, str]:
        """Give the text, and whether it is `json` or `yaml`; no text for a blank workflow."""
        text = self.cleaned_data.get("file") or self.cleaned_data.get("text") or ""
        return text, "json" if text.lstrip().startswith("{") or not text else "yaml"


class DraftForm(forms.Form):
    definition = forms.CharField(max_length=1_000_000, strip=False)
    revision = forms.IntegerField(min_value=1)


class PublishForm(forms.Form):
    revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    note = forms.CharField(
        max_length=2000, error_messages={"required": "Say what changed: reviewers read it."}
    )
    runs = forms.ChoiceField(required=False, choices=[("", "finish"), ("move", "go on")])


class ArchiveForm(forms.Form):
    """Whether it is put away, and what becomes of the open runs."""

    archived = forms.BooleanField(required=False)
    runs = forms.ChoiceField(required=False, choices=[("", "go on"), ("cancel", "cancel")])
