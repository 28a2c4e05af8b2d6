"""Prove the audit log: the database against its heads, or an exported file alone."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from workflows_app.evidence.core.checks import Verdict
from workflows_app.evidence.services.heads import heads_folder
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.evidence.services.verify_file import export_verify
from workflows_app.models import Workspace


class Command(BaseCommand):
    """Exits 1, and names the first bad position, when something does not hold."""

    help = "Verify the audit chains of this installation, or an exported JSONL file alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="an export in the format jsonl")
        parser.add_argument("--workspace", help="slug; without it, every workspace")

    def handle(self, *args: Any, file: Path | None, workspace: str | None, **options: Any) -> None:
        if file is not None:
            verdicts = {str(file): _of_file(file)}
        else:
            seal_now()
            verdicts = {
                name: chain_verify(workspace=key) for key, name in _chains(workspace).items()
            }
        for name, verdict in verdicts.items():
            self.stdout.write(f"{name}: {_sentence(verdict)}")
        broken = {name: one for name, one in verdicts.items() if not one.is_valid}
        if broken:
            listed = "; ".join(f"{name} at position {v.first_bad}" for name, v in broken.items())
            raise CommandError(f"The audit chain is broken: {listed}")


def _sentence(verdict: Verdict) -> str:
    if verdict.is_valid:
        return f"valid, {verdict.checked} records, head #{verdict.position} {verdict.hash}"
    return (
        f"INVALID, first bad position {verdict.first_bad} ({verdict.why}); "
        f"{verdict.checked} records before it hold"
    )


def _of_file(path: Path) -> Verdict:
    try:
        with path.open("rb") as file:
            return export_verify(file)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", returncode=2) from None


def _chains(slug: str | None) -> dict[UUID, str]:
    """Give the workspaces to look at; with none named, those too of which only heads are left."""
    found = Workspace.objects.filter(slug=slug) if slug else Workspace.objects.all()
    chains = {workspace.pk: workspace.slug for workspace in found.order_by("created_at")}
    if slug and not chains:
        raise CommandError(f"There is no workspace {slug}.", returncode=2)
    if not slug:
        for path in sorted(heads_folder().glob("*.jsonl")):
            chains.setdefault(UUID(path.stem), path.stem)
    return chains
