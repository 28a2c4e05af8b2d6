"""Addresses of the approval pages; a request is known by its number, as people say it."""

from django.urls import path, register_converter

from approvals_app import views


class ReferenceConverter:
    """`APR-4821` in an address is the number 4821."""

    regex = r"APR-[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix("APR-"))

    def to_url(self, value: int) -> str:
        return f"APR-{value}"


register_converter(ReferenceConverter, "reference")
app_name = "approvals"
urlpatterns = [
    path("d/<str:signed>/", views.mail_view, name="mail"),
    path("autonomy/", views.autonomy_view, name="autonomy"),
    path("autonomy/draft/", views.gate_draft_view, name="gate_draft"),
    path("escalation/", views.escalation_view, name="escalation"),
    path("cover/", views.cover_view, name="cover"),
    path("escalation/calendar/", views.calendar_view, name="calendar"),
    path("cover/<int:cover_id>/end/", views.cover_end_view, name="cover_end"),
    path("cover/reassign/", views.reassign_view, name="reassign"),
    path("approvals/", views.inbox_view, name="inbox"),
    path("approvals/waiting/", views.waiting_view, name="waiting"),
    path("approvals/batch/", views.batch_pick_view, name="batch_pick"),
    path("approvals/batch/<slug:key>/", views.batch_view, name="batch"),
    path(
        "approvals/batch/<slug:key>/open/<reference:number>/",
        views.batch_open_view,
        name="batch_open",
    ),
    path("approvals/<reference:number>/", views.detail_view, name="detail"),
    path("approvals/<reference:number>/edit/", views.edit_view, name="edit"),
    path("approvals/<reference:number>/decide/", views.decide_view, name="decide"),
    path("approvals/<reference:number>/undo/", views.undo_view, name="undo"),
    path("approvals/<reference:number>/hold/", views.hold_view, name="hold"),
    path("approvals/<reference:number>/delegate/", views.delegate_view, name="delegate"),
    path("approvals/<reference:number>/escalate/", views.escalate_view, name="escalate"),
    path("approvals/<reference:number>/seen/", views.seen_view, name="seen"),
    path("approvals/<reference:number>/comment/", views.comment_view, name="comment"),
    path("approvals/<reference:number>/snooze/", views.snooze_view, name="snooze"),
]
