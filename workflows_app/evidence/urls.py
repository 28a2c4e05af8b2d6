from django.urls import path

from workflows_app.evidence import views

app_name = "evidence"
urlpatterns = [
    path("audit/", views.audit_list, name="audit"),
    path("audit/verify/", views.audit_verify, name="verify"),
    path("audit/export/", views.audit_export_page, name="export"),
    path("audit/<int:position>/", views.audit_record, name="record"),
    path("metrics", views.metrics, name="metrics"),
]
