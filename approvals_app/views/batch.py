"""Answer look-alikes together: each still gets its own record."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals_app.core import lookalike, shown
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.batches import Batch, arguments_of, batch_get, key_of
from approvals_app.selectors.queue import opened_by, queue_query
from approvals_app.selectors.requests import approval_get
from approvals_app.services.batch import approvals_decide
from approvals_app.services.record import database_now
from approvals_app.services.seen import approval_see
from approvals_app.views.pages import person_of
from approvals_app.views.queue import held_of
from workflows_app.errors import DomainError
from workflows_app.models import User

JSON = Any
ANSWERS = {"approve": "approved", "reject": "rejected"}


@login_required
@require_safe
def batch_pick_view(request: HttpRequest) -> HttpResponse:
    """Lead from lines selected in the inbox to the batch that they belong to."""
    user = person_of(request)
    only = held_of(",".join(request.GET.getlist("only")))
    rows = queue_query(user=user, view="mine", now=database_now(), risk="low")
    picked = rows.filter(number__in=only)[: lookalike.MOST]
    keys = {key_of(row) for row in picked}
    if len(keys) != 1:
        words = "Select some that are alike" if keys else "Select the requests to review first"
        messages.info(request, words)
        return redirect("approvals:inbox")
    numbers = ",".join(map(str, only))
    return redirect(f"{reverse('approvals:batch', args=[keys.pop()])}?only={numbers}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def batch_view(request: HttpRequest, key: str) -> HttpResponse:
    """Show what differs between look-alikes; a POST answers all that are listed."""
    user = person_of(request)
    batch = batch_get(user=user, key=key, now=database_now())
    only = set(held_of(request.GET.get("only", "")))
    items = [one for one in batch.requests if not only or one.number in only]
    wanted = lookalike.to_open((one.number for one in items), person=user.pk)
    unopened = set(wanted) - opened_by(user, items)
    problem = _problem(request, len(unopened)) if request.method == "POST" else None
    if request.method == "POST" and problem is None:
        return _answer(request, user, items)
    context = {
        **_table(batch, items),
        "key": key,
        "only": request.GET.get("only", ""),
        "wanted": [(number, number not in unopened) for number in wanted],
        "is_ready": not unopened,
        "problem": problem,
        "posted": request.POST,
    }
    return render(request, "approvals/batch.html", context, status=422 if problem else 200)


def _table(batch: Batch, items: list[ApprovalRequest]) -> dict[str, JSON]:
    arguments = [arguments_of(one) for one in items]
    names = lookalike.varying(arguments)
    rows = [lookalike.fields(one) for one in arguments]
    same = {name: value for name, value in rows[0].items() if name not in names} if rows else {}
    return {
        "batch": batch,
        "items": [
            {
                "request": one,
                "summary": shown.visible(one.summary),
                "cells": [shown.visible(shown.value_text(row.get(name))) for name in names],
            }
            for one, row in zip(items, rows, strict=True)
        ],
        "names": names,
        "same": shown.rows(same) if same else [],
        "left_out": [(one, shown.visible(one.summary), why) for one, why in batch.left_out],
    }


def _problem(request: HttpRequest, unopened: int) -> dict[str, JSON] | None:
    if request.POST.get("decision") not in ANSWERS:
        return {"detail": "Choose approve or reject.", "code": "invalid"}
    if unopened:
        return {"detail": "Open the two that are marked first.", "code": "not_opened"}
    if request.POST["decision"] == "reject" and not request.POST.get("reason", "").strip():
        return {"detail": "A rejection needs a reason.", "code": "reason_missing"}
    return None


def _answer(request: HttpRequest, user: User, items: list[ApprovalRequest]) -> HttpResponse:
    """Answer what the page listed, by the digest that it listed; nothing that came since."""
    seen = dict(item.partition(":")[::2] for item in request.POST.getlist("item")[: lookalike.MOST])
    decision = request.POST["decision"]
    answers = [
        {
            "approval_id": one.pk,
            "decision": decision,
            "digest": seen[str(one.number)],
            "reason": request.POST.get("reason", ""),
        }
        for one in items
        if str(one.number) in seen
    ]
    found = approvals_decide(items=answers, actor=user, via="page", problem=_words)
    done = sum(one["status"] == 200 for one in found)
    messages.success(request, f"{done} {ANSWERS[decision]}")
    if done < len(seen):
        messages.error(request, f"{len(seen) - done} could not be answered: they have changed")
    return redirect("approvals:inbox")


def _words(error: DomainError) -> JSON:
    return {"detail": error.message, "code": error.code}


@login_required
@require_POST
def batch_open_view(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Open one of the batch to read it: noted here, so that it works without scripts."""
    user = person_of(request)
    row = approval_get(approval_id=number, actor=user)
    approval_see(approval_id=row.pk, actor=user)
    return redirect("approvals:detail", number)
