"""Making a database ready for this release: tables, the gallery, the first two people."""

import psycopg
from django.conf import settings
from django.core.management import call_command

from project.environment import embedded_database_url
from project.supervisor.schema import fingerprint, mark_prepared
from workflows_app.gallery.load import gallery_load
from workflows_app.models import User
from workflows_app.services import people

LOCK = 7_243_100_001  # any number that nothing else in the database uses
OWNER_ROLES = ("viewer", "operator", "designer", "reviewer", "admin")
REVIEWER_ROLES = ("viewer", "reviewer")


def database_prepare() -> list[dict[str, str]]:
    """Migrate, make an owner and a reviewer in an empty database, and load the gallery.

    Several processes may ask at once: they take turns, and the later ones find nothing to do.

    Returns:
        The new people's sign-in links: [{"name", "token"}]; each can be used once.
    """
    release = fingerprint()
    url = settings.DATABASE_URL or embedded_database_url(settings.COUNTERSIGN_HOME)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        call_command("migrate", interactive=False, verbosity=0)
        links = first_people()  # before the gallery, whose gates want somebody to answer them
        gallery_load()
        mark_prepared(url, release)
    return links


def first_people() -> list[dict[str, str]]:
    """Create an owner and a reviewer in the default workspace, unless there is anybody.

    Two, because who starts a run may not approve what it asks.
    """
    if User.objects.exists():
        return []
    workspace = people.workspace_default()
    links = []
    for name, roles in (("owner", OWNER_ROLES), ("reviewer", REVIEWER_ROLES)):
        user = people.person_create(username=name, workspace=workspace, roles=roles)
        links.append({"name": name, "token": people.sign_in_link_create(user=user)})
    return links
