"""Forms of fixed shape; a start form is drawn from its schema instead (views/schema_form.py)."""

from typing import Any

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

    def preferences(self) -> dict[str, Any]:
        """Give what was chosen; what follows the default is an empty text."""
        chosen = dict(self.cleaned_data)
        if chosen["undo_seconds"] is None:
            chosen["undo_seconds"] = 8
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
