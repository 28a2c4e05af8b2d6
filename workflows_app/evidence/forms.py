"""What a reader of the audit log may ask for."""

from django import forms

from workflows_app.evidence.selectors.records import Filters


class MomentInput(forms.DateTimeInput):
    """A date and a time, as browsers ask for them."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class FilterForm(forms.Form):
    """The filters of the audit page; they live in its URL."""

    actor = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput({"placeholder": "user:mira"})
    )
    object = forms.CharField(
        required=False,
        max_length=200,
        label="Object or run",
        widget=forms.TextInput({"placeholder": "RUN-7, APR-12, workflow:refunds"}),
    )
    action = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput({"placeholder": "approval."})
    )
    since = forms.DateTimeField(required=False, label="From", widget=MomentInput())
    until = forms.DateTimeField(required=False, label="Until", widget=MomentInput())
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput())
    workspace = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())

    @property
    def filters(self) -> Filters:
        """Give what was asked for; what cannot be read is left out, and said on the page."""
        known = {name: value for name, value in self.cleaned_data.items() if value is not None}
        names = ("actor", "object", "action", "since", "until")
        return Filters(**{name: known[name] for name in names if name in known})

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything was asked for."""
        return self.filters != Filters()


class ExportForm(forms.Form):
    """In which form the audit log is wanted."""

    format = forms.ChoiceField(choices=[("jsonl", "JSON"), ("csv", "CSV"), ("xes", "XES")])
