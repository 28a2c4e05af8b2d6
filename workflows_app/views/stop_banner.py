"""What every page says while all agent actions of a workspace are stopped."""

from django.urls import reverse

from workflows_app.page_hooks import Banner
from workflows_app.selectors.people import Principal
from workflows_app.services.stops import stop_told


def stop_banners(actor: Principal) -> list[Banner]:
    """Give a line for each workspace of the person that is stopped."""
    found = []
    for space in actor.workspaces:
        told = stop_told(space)
        if told:
            where = f" in {space.name}" if len(actor.workspaces) > 1 else ""
            by = told["by"].removeprefix("user:")
            text = f"All agent actions{where} are stopped by {by}: {told['reason']}"
            found.append(
                Banner(
                    family="fail",
                    icon="octagon-x",
                    text=text,
                    href=reverse("workflows:guardrails"),
                    link="Guardrails",
                )
            )
    return found
