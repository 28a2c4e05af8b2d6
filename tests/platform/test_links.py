"""Sign-in links of the first start: shown until they are used, and kept no longer."""

import pytest
from django.db import connection
from django.db.models.functions import Now
from psycopg.conninfo import make_conninfo

from project.roles.prepare import first_people
from project.supervisor.links import Link, links_keep, links_left
from workflows_app.models import SignInLink
from workflows_app.services.people import sign_in_link_use

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def url() -> str:
    found = connection.settings_dict
    parts = {"dbname": found["NAME"], "user": found["USER"], "host": found["HOST"]}
    return make_conninfo(**parts, password=found["PASSWORD"], port=found["PORT"] or None)


def test_a_link_is_told_again_until_it_is_used(tmp_path, url):
    path = tmp_path / "links.json"
    owner, reviewer = (Link(**link) for link in first_people())
    links_keep(path, [owner, reviewer])

    told_first = links_left(path, url)
    sign_in_link_use(owner.token)
    told_then = links_left(path, url)

    assert told_first == [owner, reviewer]
    assert told_then == [reviewer]
    assert owner.token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_links_that_are_too_old_are_forgotten_with_their_file(tmp_path, url):
    path = tmp_path / "links.json"
    links_keep(path, [Link(**link) for link in first_people()])
    SignInLink.objects.update(expires_at=Now())

    assert links_left(path, url) == []
    assert not path.exists()


def test_a_file_that_is_no_list_of_links_counts_as_none(tmp_path, url):
    path = tmp_path / "links.json"
    path.write_text('{"half": ')

    assert links_left(path, url) == []
