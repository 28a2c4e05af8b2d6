"""Queries of the list of runs that a person keeps, alone or for all."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from workflows_app.errors import DomainError
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.saved_views import view_delete as view_drop
from workflows_app.services.saved_views import view_put


class ViewForm(forms.Form):
    """A name for a query."""

    name = forms.CharField(max_length=100)
    q = forms.CharField(max_length=500)
    is_shared = forms.BooleanField(required=False)


@login_required
@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the query under a name; the same name again replaces it."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    form = ViewForm(request.POST)
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        messages.error(request, f"Not saved: {field}: {errors[0]}")
        return redirect("workflows:runs")
    values = form.cleaned_data
    try:
        view = view_put(
            user=request.user,  # type: ignore[arg-type]
            principal=actor,
            name=values["name"],
            query=values["q"],
            is_shared=values["is_shared"],
        )
    except DomainError as error:
        messages.error(request, f"Not saved: {error.message}")
        return redirect("workflows:runs")
    messages.success(request, f"Saved as {view.name}{' for all' if view.is_shared else ''}")
    return redirect(reverse("workflows:runs", query={"q": view.query}))


@login_required
@require_POST
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one of one's own views away."""
    view_drop(user=request.user, pk=pk)  # type: ignore[arg-type]
    messages.success(request, "The view was taken away")
    return redirect("workflows:runs")
