"""Signing in and out, and what one person sets for themselves."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.errors import NotFound
from workflows_app.forms import PreferencesForm, SignInForm
from workflows_app.models import AppEvent, User
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.people import sign_in_event, sign_in_link_find, sign_in_link_use
from workflows_app.views.settings_space import frame

TRIES = 10
TRIES_WINDOW = timedelta(minutes=15)
BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a password; too many wrong ones close the door for a while."""
    target = _next(request)
    if request.method == "GET":
        context = {"form": SignInForm(), "next": target}
        return render(request, "registration/sign_in.html", context)
    form = SignInForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["username"]
        user = None if _is_closed(name) else authenticate(request, **form.cleaned_data)
        if isinstance(user, User):
            login(request, user)
            sign_in_event(user, "sign_in.succeeded", actor=f"user:{name}", how="password")
            return redirect(target)
        _record_failure(name)
        form.add_error(None, "This name and password do not fit, or were tried too often.")
    return render(request, "registration/sign_in.html", {"form": form, "next": target}, status=422)


def _is_closed(name: str) -> bool:
    """Tell whether too many wrong passwords were tried lately (each is recorded per workspace)."""
    failed = AppEvent.objects.filter(
        type="sign_in.failed",
        object=f"user:{name}",
        at__gte=timezone.now() - TRIES_WINDOW,
    )
    counts = failed.values("workspace").annotate(tries=Count("pk"))
    return counts.filter(tries__gte=TRIES).exists()


def _record_failure(name: str) -> None:
    user = User.objects.filter(username=name).first()
    if user is not None:
        sign_in_event(user, "sign_in.failed", actor=f"user:{name}", how="password")


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a one-time link: looking at the page uses nothing up, its button does."""
    if request.method == "POST":
        try:
            user = sign_in_link_use(token)
        except NotFound:
            return _link_page(request, None, status=404)
        login(request, user, backend=BACKEND)
        return redirect("workflows:home")
    link = sign_in_link_find(token)
    return _link_page(request, link, status=200 if link else 404)


def _link_page(request: HttpRequest, link: Any, *, status: int) -> HttpResponse:
    return render(request, "registration/sign_in_link.html", {"link": link}, status=status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("workflows:sign_in")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Switch between light and dark, or set the one that the page names."""
    wanted = request.POST.get("theme")
    if wanted not in {"light", "dark"}:
        current = request.COOKIES.get("theme")
        if request.user.is_authenticated:
            current = request.user.preferences.get("theme", current)
        wanted = "light" if current == "dark" else "dark"
    if request.user.is_authenticated:
        request.user.preferences["theme"] = wanted
        request.user.save(update_fields=["preferences"])
    is_script = request.headers.get("X-Requested-With") == "fetch"
    response = HttpResponse(status=204) if is_script else redirect(_next(request))
    response.set_cookie("theme", wanted, max_age=31_536_000, samesite="Lax", httponly=True)
    return response


@login_required
@require_http_methods(["GET", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """What a person sets for themselves: theme, density, keys, time to undo."""
    user: User = request.user  # type: ignore[assignment]
    form = PreferencesForm(request.POST or None, initial=user.preferences)
    if request.method == "POST" and form.is_valid():
        user.preferences = {**user.preferences, **form.preferences()}
        user.save(update_fields=["preferences"])
        messages.success(request, "Saved")
        return HttpResponseRedirect(reverse("workflows:me"))
    principal = principal_of_user(user)
    is_admin = "admin" in principal.scopes
    tabs = frame(principal, principal.home, "me") if is_admin else {}
    context = {"form": form, "principal": principal, "is_admin": is_admin, **tabs, "spaces": []}
    status = 422 if form.is_bound else 200
    return render(request, "workflows/me.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """Give the address to go on to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else "/"
