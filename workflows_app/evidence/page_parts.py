"""What the chain has to say on other pages: a warning on each, and the proof of one run."""

from django.db.models import Count, Max
from django.urls import reverse

from workflows_app.evidence.models import Chain, Seal
from workflows_app.evidence.selectors.records import chain_break
from workflows_app.models import Run
from workflows_app.page_hooks import Banner, Proof
from workflows_app.selectors.people import Principal


def chain_banners(actor: Principal) -> list[Banner]:
    """Warn those who administer a workspace whose chain was found broken."""
    administered = [space.pk for space in actor.workspaces if actor.can("admin", space.pk)]
    broken = chain_break(workspaces=administered) if administered else None
    if broken is None:
        return []
    href = f"{reverse('evidence:audit')}?workspace={broken.workspace.slug}"
    text = (
        f"The audit chain of {broken.workspace.name} is broken at #{broken.broken_at}: "
        "what was recorded from there on has been changed or removed."
    )
    return [Banner(family="fail", icon="siren", text=text, href=href, link="Look at it")]


def run_proof(run: Run) -> Proof | None:
    """Tell how many events of a run are sealed, and whether the seals were verified."""
    chain = Chain.objects.filter(workspace_id=run.workspace_id).first()
    if chain is None:
        return None
    sealed = Seal.objects.filter(chain=chain, object=f"run:{run.pk}", run_event_id__isnull=False)
    found = sealed.aggregate(count=Count("pk"), last=Max("position"))
    count, last = found["count"], found["last"] or 0
    href = f"{reverse('evidence:audit')}?object=RUN-{run.number}"
    if chain.broken_at is not None and chain.broken_at <= last:
        text = f"Chain broken at #{chain.broken_at}"
        return Proof(family="fail", icon="siren", text=text, href=href)
    if count < run.sequence:
        text = f"{count} of {run.sequence} sealed"
        return Proof(family="idle", icon="shield", text=text, href=href)
    if chain.verified_at is not None and chain.verified_position >= last:
        text = f"Chain verified to #{chain.verified_position}"
        return Proof(family="ok", icon="shield-check", text=text, href=href)
    return Proof(family="idle", icon="shield", text=f"All sealed, to #{last}", href=href)
