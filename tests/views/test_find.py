"""The search: what it lists for whom, as a page and as the palette's list."""

PALETTE = {"HX-Request": "true", "HX-Target": "palette-hits"}


def names(client, text, **headers):
    response = client.get("/find/", {"q": text}, headers=headers)
    assert response.status_code == 200
    return [one["name"] for one in response.context["commands"]]


def test_no_text_lists_the_pages(client, owner, run):
    client.force_login(owner)

    found = names(client, "")

    assert found[:4] == ["Home", "Approvals", "Runs", "Workflows"]
    assert "Audit log" in found


def test_each_word_narrows_the_pages(client, owner, run):
    client.force_login(owner)

    assert names(client, "audit log") == ["Audit log"]
    assert names(client, "audit nothing") == []


def test_settings_and_what_needs_a_role_are_listed_for_whoever_has_it(client, owner, stranger, run):
    client.force_login(stranger)

    found = names(client, "")

    assert "Secrets" not in found
    assert "Your settings" in found


def test_the_palette_gets_its_own_list_of_options(client, owner, run):
    client.force_login(owner)

    body = client.get("/find/", {"q": f"RUN-{run.number}"}, headers=PALETTE).content.decode()

    assert "<html" not in body
    assert f'href="/runs/RUN-{run.number}/"' in body
    assert body.count('role="option"') == 1


def test_the_palette_says_when_nothing_fits(client, owner, run):
    client.force_login(owner)

    body = client.get("/find/", {"q": "zzz"}, headers=PALETTE).content.decode()

    assert "Nothing you may see has that name or number." in body
    assert 'role="listbox"' not in body
