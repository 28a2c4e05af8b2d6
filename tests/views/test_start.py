"""Start pages: form, JSON text and CSV rows; what is refused keeps what was written."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.views import factories
from workflows_app.models import Run

DEFINITION = {
    "format": 1,
    "name": "Sum",
    "input": {
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": {"type": "string", "minLength": 1},
            "amount": {"type": "number"},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "amount": {"type": "number"}},
                },
            },
        },
    },
    "steps": [{"id": "give", "kind": "transform", "with": {"value": "=input.message"}}],
    "edges": [],
}


@pytest.fixture
def workflow(workspace, owner):
    from workflows_app.services.definitions import workflow_create, workflow_publish

    made = workflow_create(
        name="Sum", slug="sum", definition=DEFINITION, actor=owner, workspace=workspace
    )
    workflow_publish(workflow=made, revision=made.revision, actor=owner, note="")
    return made


def test_form_starts_one_run_however_often_it_is_sent(client, owner, workflow):
    client.force_login(owner)
    data = {"f:/message": "Hi", "f:/amount": "3", "mode": "rehearsal", "key": "k1"}

    first, second = (client.post("/runs/start/sum/", data) for _ in range(2))

    run = Run.objects.get()
    assert first["Location"] == second["Location"] == f"/runs/RUN-{run.number}/"
    assert run.input == {"message": "Hi", "amount": 3}
    assert (run.mode, run.started_via, run.started_by) == ("rehearsal", "page", owner)


def test_refused_input_shows_the_field_and_keeps_what_was_written(client, owner, workflow):
    client.force_login(owner)

    response = client.post("/runs/start/sum/", {"f:/amount": "many", "mode": "rehearsal"})

    body = response.content.decode()
    assert response.status_code == 422
    assert "Write a number" in body
    assert 'value="many"' in body
    assert not Run.objects.exists()


def test_json_text_starts_a_run(client, owner, workflow):
    client.force_login(owner)
    text = json.dumps({"message": "By hand"})

    response = client.post("/runs/start/sum/", {"as": "json", "json": text, "mode": "rehearsal"})

    assert response.status_code == 302
    assert Run.objects.get().input == {"message": "By hand"}


@pytest.mark.parametrize("text", ["{", '{"message": NaN}', '{"message": "a", "message": "b"}'])
def test_json_text_is_read_strictly(client, owner, workflow, text):
    client.force_login(owner)

    response = client.post("/runs/start/sum/", {"as": "json", "json": text, "mode": "rehearsal"})

    assert response.status_code == 422
    assert not Run.objects.exists()


def test_a_viewer_may_look_and_not_start(client, viewer, workflow):
    client.force_login(viewer)

    assert client.get("/runs/start/sum/").status_code == 200
    response = client.post("/runs/start/sum/", {"f:/message": "Hi", "mode": "live"})
    assert response.status_code == 403
    assert not Run.objects.exists()


def test_a_past_run_fills_the_form(client, owner, workflow):
    run = factories.run_make(workflow.versions.get(), input={"message": "From before"})
    client.force_login(owner)

    body = client.get(f"/runs/start/sum/?from=RUN-{run.number}").content.decode()

    assert "From before" in body


def upload(text):
    return SimpleUploadedFile("rows.csv", text.encode(), content_type="text/csv")


def test_csv_gives_a_run_for_each_row(client, owner, workflow):
    client.force_login(owner)
    text = "Message;Amount\nOne;1\nTwo;2.5\n"

    shown = client.post("/runs/start/sum/csv/", {"file": upload(text), "act": "preview"})
    raw = shown.context["table"].raw
    started = client.post(
        "/runs/start/sum/csv/", {"raw": raw, "act": "start", "mode": "rehearsal", "into": ""}
    )

    assert shown.status_code == 200
    assert [match.column for match in shown.context["plan"].matches] == ["Message", "Amount", ""]
    assert started.status_code == 302
    inputs = [run.input for run in Run.objects.order_by("number")]
    assert inputs == [{"message": "One", "amount": 1}, {"message": "Two", "amount": 2.5}]


def test_csv_fills_a_list_of_one_run_and_its_schema_still_counts(client, owner, workflow):
    client.force_login(owner)
    text = "name,amount\nA,1\nB,2\n"

    response = client.post(
        "/runs/start/sum/csv/", {"raw": text, "act": "start", "mode": "rehearsal", "into": "rows"}
    )

    assert response.status_code == 422  # the message is needed and no row gives it
    assert [said for _, _, said in response.context["form"].marked()] == ["Needed"]
    assert not Run.objects.exists()


def test_one_run_over_all_rows_takes_its_other_fields_from_the_form(client, owner, workflow):
    client.force_login(owner)
    sent = {"raw": "name,amount\nA,1\n\nB,2\n", "into": "rows", "mode": "rehearsal"}

    shown = client.post("/runs/start/sum/csv/", {**sent, "act": "preview"})
    client.post("/runs/start/sum/csv/", {**sent, "f:/message": "Hi", "act": "start"})

    assert [field.pointer for field in shown.context["form"].children] == ["/message", "/amount"]
    rows = [{"name": "A", "amount": 1}, {"name": "B", "amount": 2}]
    assert Run.objects.get().input == {"message": "Hi", "rows": rows}


def test_rows_that_break_the_schema_name_line_column_and_cell(client, owner, workflow):
    client.force_login(owner)
    text = 'message,amount\n"two\nlines",1\n,2\n,3\n'

    response = client.post(
        "/runs/start/sum/csv/", {"raw": text, "act": "start", "mode": "rehearsal"}
    )

    told = [(one.line, one.column, one.message) for one in response.context["row_problems"]]
    assert response.status_code == 422
    assert told == [(4, "message", "Needed"), (5, "message", "Needed")]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Choose a CSV file"),
        ("message,amount\n", "no rows"),
        ("message,amount\na\n", "Line 2 has 1 cells"),
        ("message,message\na,b\n", "name of its own"),
    ],
)
def test_a_file_that_is_no_table_is_refused(client, owner, workflow, text, says):
    client.force_login(owner)

    response = client.post("/runs/start/sum/csv/", {"raw": text, "act": "preview"})

    assert response.status_code == 422
    assert says in response.content.decode()


def test_a_cell_that_is_no_number_names_its_line(client, owner, workflow):
    client.force_login(owner)
    text = "message,amount\na,1\nb,many\n,3\n"

    response = client.post(
        "/runs/start/sum/csv/", {"raw": text, "act": "start", "mode": "rehearsal"}
    )

    assert response.status_code == 422
    told = [(one.line, one.column, one.cell) for one in response.context["row_problems"]]
    assert told == [(3, "amount", "many"), (4, "message", "")]
    assert "no number" in response.content.decode()
    assert not Run.objects.exists()
