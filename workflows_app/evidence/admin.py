"""The back office of the record: to read, never to change."""

from django.contrib import admin
from django.http import HttpRequest

from workflows_app.evidence.models import Chain, Seal
from workflows_app.models import AppEvent, RunEvent


class ReadOnlyAdmin(admin.ModelAdmin):
    """Shows rows; adds, changes and deletes none. Corrections are new records."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(RunEvent)
class RunEventAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "run_id", "sequence", "type", "path", "from_state", "to_state", "actor", "why",
    )  # fmt: skip
    list_filter = ("type", "to_state", "at")
    search_fields = ("=run__id", "=run__number", "=actor", "=path")
    ordering = ("-id",)
    list_select_related = ()


@admin.register(AppEvent)
class AppEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "workspace", "type", "object", "actor", "why")
    list_filter = ("workspace", "type", "at")
    search_fields = ("=object", "=actor")
    ordering = ("-id",)
    list_select_related = ("workspace",)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    list_display = ("position", "chain", "at", "type", "actor", "object", "hash_hex")
    list_filter = ("chain", "at")
    search_fields = ("=object", "=actor", "=type")
    ordering = ("-id",)
    list_select_related = ("chain__workspace",)

    @admin.display(description="hash")
    def hash_hex(self, seal: Seal) -> str:
        """Give the hash as everybody else writes it."""
        return bytes(seal.hash).hex()


@admin.register(Chain)
class ChainAdmin(ReadOnlyAdmin):
    list_display = ("workspace", "position", "verified_at", "verified_position", "broken_at")
    list_select_related = ("workspace",)
