"""Addresses of the pages; programs use /api/v1/ instead."""

from django.urls import path, re_path

from workflows_app.builder import canvas, outline, test_tab, versions
from workflows_app.views import (
    accounts,
    bulk,
    drafts,
    events,
    find,
    home,
    run_compare,
    run_control,
    run_list,
    runs,
    saved_views,
    start,
    start_csv,
    workflows,
)

app_name = "workflows"
urlpatterns = [
    path("", home.home, name="home"),
    path("find/", find.find, name="find"),
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", accounts.sign_in_link, name="sign_in_link"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("me/", accounts.me, name="me"),
    path("me/theme/", accounts.theme, name="theme"),
    path("workflows/", workflows.workflow_list, name="workflows"),
    path("workflows/new/", drafts.workflow_new, name="new"),
    path("workflows/<slug:slug>/", workflows.workflow_page, name="workflow"),
    path("workflows/<slug:slug>/versions/", versions.versions_page, name="versions"),
    path(
        "workflows/<slug:slug>/versions/compare/", versions.compare_chosen, name="compare_versions"
    ),
    path("workflows/<slug:slug>/versions/<int:number>/restore/", versions.restore, name="restore"),
    re_path(
        r"^workflows/(?P<slug>[-a-zA-Z0-9_]+)/export\.(?P<kind>json|yaml)$",
        versions.export,
        name="export",
    ),
    path("workflows/<slug:slug>/edit/outline/", outline.outline_page, name="outline"),
    path("workflows/<slug:slug>/edit/test/", test_tab.test, name="edit_test"),
    path(
        "workflows/<slug:slug>/edit/test/RUN-<int:number>/",
        test_tab.test_run,
        name="edit_test_run",
    ),
    path("workflows/<slug:slug>/edit/test/step/", test_tab.test_step, name="edit_test_step"),
    path("workflows/<slug:slug>/edit/test/pin/", test_tab.pin, name="edit_test_pin"),
    path("workflows/<slug:slug>/edit/versions/", versions.versions_tab, name="edit_versions"),
    path("workflows/<slug:slug>/versions/<int:number>/", workflows.version_page, name="version"),
    path("workflows/<slug:slug>/edit/", drafts.workflow_edit, name="edit"),
    path("workflows/<slug:slug>/edit/canvas.json", canvas.canvas_json, name="canvas_json"),
    path("workflows/<slug:slug>/edit/changes/", versions.changes_tab, name="edit_changes"),
    path("workflows/<slug:slug>/publish/", drafts.publish, name="publish"),
    path("workflows/<slug:slug>/archive/", drafts.archive, name="archive"),
    re_path(
        r"^workflows/(?P<slug>[-a-zA-Z0-9_]+)/diff/"
        r"(?P<old>[0-9]{1,9}|draft)\.\.(?P<new>[0-9]{1,9}|draft)/$",
        versions.diff,
        name="diff",
    ),
    path("events/", events.event_list_page, name="events"),
    path("events/send/", events.event_send, name="event_send"),
    path("events/<int:pk>/replay/", events.event_replay, name="event_replay"),
    path("runs/", run_list.run_list_page, name="runs"),
    path("runs/compare/", run_compare.compare, name="compare"),
    path("runs/views/", saved_views.view_save, name="view_save"),
    path("runs/views/<int:pk>/delete/", saved_views.view_delete, name="view_delete"),
    path("runs/bulk/", bulk.bulk_new, name="bulk_new"),
    path("runs/bulk/<int:number>/", bulk.bulk_page, name="bulk"),
    path("runs/bulk/<int:number>/start/", bulk.bulk_begin, name="bulk_start"),
    path("runs/bulk/<int:number>/stop/", bulk.bulk_end, name="bulk_stop"),
    path("runs/start/<slug:slug>/", start.start, name="start"),
    path("runs/start/<slug:slug>/check/", start.start_check, name="start_check"),
    path("runs/start/<slug:slug>/csv/", start_csv.start_csv, name="start_csv"),
    path("runs/RUN-<int:number>/", runs.run_page, name="run"),
    path("runs/RUN-<int:number>/events.json", runs.run_events_json, name="run_events"),
    re_path(
        r"^runs/RUN-(?P<number>[0-9]+)/(?P<action>pause|resume|cancel|retry|skip|fail|rollback|trigger)/$",
        run_control.control,
        name="run_control",
    ),
]
