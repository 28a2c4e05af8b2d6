"""Whatever is done to a sealed record is found, and its position named."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.evidence.rows import app_event_make, event_make, events_make
from workflows_app.evidence.models import Chain
from workflows_app.evidence.services.heads import heads_path, heads_read, heads_write
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.evidence.services.verify_file import export_verify

COUNT = 9


@pytest.fixture
def chain(workspace, run):
    """Eight records of a run and one of the workspace, sealed, their head noted outside."""
    events_make(run, COUNT - 1)
    app_event_make(workspace, why="because", data={"roles": ["viewer"]})
    seal_now()
    heads_write(timezone.now())
    return Chain.objects.get()


def first_bad(chain):
    return chain_verify(workspace=chain.workspace_id).first_bad


def test_an_untouched_chain_holds(chain):
    verdict = chain_verify(workspace=chain.workspace_id)

    assert verdict.is_valid
    assert (verdict.checked, verdict.position) == (COUNT, COUNT)
    assert verdict.hash == bytes(chain.hash).hex()


def test_a_workspace_without_records_holds(workspace):
    verdict = chain_verify(workspace=workspace.pk)

    assert (verdict.is_valid, verdict.checked, verdict.position) == (True, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        "why = 'becausE'",
        "why = why || ' '",
        "actor = 'user:mallory'",
        "type = 'step.ended'",
        "path = 'other'",
        "generation = 1",
        "from_state = 'ready'",
        "to_state = 'succeeded'",
        "trigger = 'claim'",
        "sequence = 100",
        "at = at + interval '1 microsecond'",
        "data = replace(data, '1.5', '1.50')",
        "data = replace(data, ',', ', ')",
        "data = NULL",
        "data = '{broken'",
        "run_id = '019b8d6e-0000-7000-8000-000000000000'",
        "id = id + 1000",
    ],
)
def test_a_changed_record_of_a_run_is_named(chain, tamper, change):
    assert tamper(f"UPDATE workflows_app_runevent SET {change} WHERE sequence = 4") == 1

    assert first_bad(chain) == 4


@pytest.mark.parametrize(
    "change",
    [
        "why = ''",
        "object = 'user:sam'",
        "data = replace(data, 'viewer', 'admin')",
        "workspace_id = NULL",
    ],
)
def test_a_changed_record_of_the_workspace_is_named(chain, tamper, change):
    assert tamper(f"UPDATE workflows_app_appevent SET {change}") == 1

    assert first_bad(chain) == COUNT


@pytest.mark.parametrize(
    "change",
    [
        "hash = set_byte(hash, 31, (get_byte(hash, 31) + 1) % 256)",
        "previous = set_byte(previous, 0, (get_byte(previous, 0) + 1) % 256)",
        "record_hash = set_byte(record_hash, 7, (get_byte(record_hash, 7) + 1) % 256)",
        "actor = 'user:mallory'",
        "type = 'run.ended'",
        "object = 'run:other'",
        "at = at + interval '1 microsecond'",
    ],
)
def test_a_changed_seal_is_named(chain, tamper, change):
    assert tamper(f"UPDATE evidence_seal SET {change} WHERE position = 5") == 1

    assert first_bad(chain) == 5


def test_a_deleted_record_is_named(chain, tamper):
    assert tamper("DELETE FROM workflows_app_runevent WHERE sequence = 3") == 1

    assert first_bad(chain) == 3


def test_a_deleted_record_with_its_seal_is_named(chain, tamper):
    tamper("DELETE FROM workflows_app_runevent WHERE sequence = 3")
    assert tamper("DELETE FROM evidence_seal WHERE position = 3") == 1

    assert first_bad(chain) == 3


def test_a_reordered_pair_is_named(chain, tamper):
    tamper(
        """UPDATE evidence_seal a SET run_event_id = b.run_event_id + 1000000 FROM evidence_seal b
           WHERE a.position + b.position = 11 AND a.position IN (5, 6)"""
    )
    tamper(
        "UPDATE evidence_seal SET run_event_id = run_event_id - 1000000 WHERE position IN (5, 6)"
    )

    assert first_bad(chain) == 5


def test_records_that_changed_places_with_their_seals_are_named(chain, tamper):
    tamper("UPDATE evidence_seal SET position = position + 100 WHERE position IN (5, 6)")
    tamper("UPDATE evidence_seal SET position = 111 - position WHERE position IN (105, 106)")

    assert first_bad(chain) == 5


def test_a_cut_tail_is_named_by_the_chain(chain, tamper):
    assert tamper("DELETE FROM evidence_seal WHERE position > 6") == 3

    assert first_bad(chain) == 7


def test_a_cut_tail_is_named_by_the_head_outside(chain, tamper):
    """Even when records, seals and the chain's own end are cut alike."""
    tamper("DELETE FROM workflows_app_appevent")
    tamper("DELETE FROM workflows_app_runevent WHERE sequence > 6")
    tamper("DELETE FROM evidence_seal WHERE position > 6")
    tamper(
        """UPDATE evidence_chain SET position = 6,
           hash = (SELECT hash FROM evidence_seal WHERE position = 6)"""
    )

    assert first_bad(chain) == 7


def test_a_tail_that_was_written_anew_is_named_by_the_head_outside(chain, tamper, run):
    test_a_cut_tail_is_named_by_the_head_outside(chain, tamper)
    tamper("UPDATE evidence_sealcursor SET transaction = 0")
    events_make(run, 4, start=7)
    seal_now()

    assert Chain.objects.get().position == 10
    assert first_bad(chain) == COUNT


def test_a_chain_that_is_gone_altogether_is_named_by_the_head_outside(chain, tamper):
    tamper("DELETE FROM evidence_seal")
    tamper("DELETE FROM evidence_chain")

    assert first_bad(chain) == 1


def test_a_seal_beyond_the_end_is_named(chain, tamper):
    tamper(
        """UPDATE evidence_chain SET position = 8,
           hash = (SELECT hash FROM evidence_seal WHERE position = 8)"""
    )
    heads_path(chain.workspace_id).unlink()

    assert first_bad(chain) == COUNT


def test_what_was_found_is_noted_for_the_pages(chain, tamper):
    chain_verify(workspace=chain.workspace_id)
    chain.refresh_from_db()
    assert (chain.verified_position, chain.broken_at) == (COUNT, None)

    tamper("UPDATE workflows_app_runevent SET why = 'no' WHERE sequence = 2")
    chain_verify(workspace=chain.workspace_id)
    chain.refresh_from_db()
    assert (chain.verified_position, chain.broken_at) == (1, 2)


def test_a_head_is_noted_once_for_each_move(chain, run):
    assert heads_write(timezone.now()) == 0

    event_make(run, COUNT)
    seal_now()

    assert heads_write(timezone.now()) == 1
    assert [head.position for head in heads_read(chain.workspace_id)] == [COUNT, COUNT + 1]


def test_a_damaged_line_of_heads_is_passed_over(chain):
    with heads_path(chain.workspace_id).open("ab") as file:
        file.write(b'{"posi\n')

    assert first_bad(chain) is None
    assert heads_write(timezone.now()) == 1


def test_the_command_says_that_all_is_well(chain):
    out = StringIO()

    call_command("audit_verify", stdout=out)

    assert f"main: valid, {COUNT} records, head #{COUNT}" in out.getvalue()


def test_the_command_exits_with_1_and_names_the_position(chain, tamper):
    tamper("UPDATE workflows_app_runevent SET why = 'no' WHERE sequence = 2")

    with pytest.raises(CommandError, match="main at position 2") as caught:
        call_command("audit_verify", stdout=StringIO())

    assert caught.value.returncode == 1


def test_the_command_wants_a_workspace_that_exists(chain):
    with pytest.raises(CommandError, match="no workspace nowhere"):
        call_command("audit_verify", "--workspace", "nowhere")


def lines_of(chain):
    from workflows_app.evidence.services.export import audit_export

    response = audit_export(workspace=chain.workspace, form="jsonl", actor="user:vera")
    return b"".join(response.streaming_content).splitlines(keepends=True)


def verify_file(path, lines):
    path.write_bytes(b"".join(lines))
    with path.open("rb") as file:
        return export_verify(file).first_bad


def test_an_export_is_proved_alone(chain, tmp_path):
    lines = lines_of(chain)

    assert [json.loads(line)["position"] for line in lines] == list(range(1, COUNT + 1))
    assert verify_file(tmp_path / "a.jsonl", lines) is None


def test_any_changed_byte_of_an_export_is_named(chain, tmp_path):
    """Whatever the byte is part of: the record, a hash, or the form."""
    lines = lines_of(chain)
    line = lines[3]

    for place in range(0, len(line) - 1, 7):
        changed = bytes([line[place] ^ 1])
        lines[3] = line[:place] + changed + line[place + 1 :]
        assert verify_file(tmp_path / "a.jsonl", lines) == 4, line[place : place + 20]


@pytest.mark.parametrize(
    ("change", "position"),
    [
        (lambda lines: lines[:4] + lines[5:], 5),
        (lambda lines: lines[1:], 1),
        (lambda lines: lines[:6], 7),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4),
        (lambda lines: [*lines, lines[-1]], 10),
        (lambda lines: [b"\n", *lines, b"\n"], None),
        (lambda lines: [*lines[:2], b"hello\n", *lines[2:]], 3),
    ],
)
def test_a_changed_order_or_a_missing_line_of_an_export_is_named(chain, tmp_path, change, position):
    assert verify_file(tmp_path / "a.jsonl", change(lines_of(chain))) == position


def test_the_command_proves_a_file(chain, tmp_path):
    path, out = tmp_path / "a.jsonl", StringIO()
    path.write_bytes(b"".join(lines_of(chain)))

    call_command("audit_verify", str(path), stdout=out)

    assert f"valid, {COUNT} records" in out.getvalue()


def test_the_command_names_the_bad_position_of_a_file(chain, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(lines_of(chain)[:6]))

    with pytest.raises(CommandError, match="at position 7") as caught:
        call_command("audit_verify", str(path), stdout=StringIO())

    assert caught.value.returncode == 1


def test_a_file_that_is_not_there_is_no_broken_chain(tmp_path):
    with pytest.raises(CommandError, match="cannot be read") as caught:
        call_command("audit_verify", str(tmp_path / "none"))

    assert caught.value.returncode == 2
