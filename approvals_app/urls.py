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
    path("approvals/", views.inbox_view, name="inbox"),
    path("approvals/<reference:number>/", views.detail_view, name="detail"),
    path("approvals/<reference:number>/edit/", views.edit_view, name="edit"),
    path("approvals/<reference:number>/decide/", views.decide_view, name="decide"),
    path("approvals/<reference:number>/undo/", views.undo_view, name="undo"),
    path("approvals/<reference:number>/delegate/", views.delegate_view, name="delegate"),
    path("approvals/<reference:number>/escalate/", views.escalate_view, name="escalate"),
    path("approvals/<reference:number>/seen/", views.seen_view, name="seen"),
]
