"""Reading and saving the properties of a step as the page does."""

HTMX = {"headers": {"HX-Request": "true"}}


def fields(client, path="classify"):
    return client.get(f"/workflows/refund/edit/step/?path={path}", **HTMX).content.decode()


def save(client, form, path="classify", **changed):
    address = f"/workflows/refund/edit/step/?path={path}"
    return client.post(address, form.data(**changed).urlencode(),
                       content_type="application/x-www-form-urlencoded", **HTMX)  # fmt: skip


def draft(workflow):
    workflow.refresh_from_db()
    return workflow.draft


def settings(workflow, index=0):
    return draft(workflow)["steps"][index]["with"]
