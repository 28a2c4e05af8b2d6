import pytest

from workflows_app.agents.core.guardrails import checks_run
from workflows_app.agents.core.personal_data import personal_data_redact
from workflows_app.agents.steps.guard import GuardKind, GuardSettings
from workflows_app.core.kinds import StepError

GUARD = GuardKind()


def check(value, *checks, evaluate=None):
    return checks_run(checks, value, evaluate=evaluate or (lambda source, **more: None))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to anna.b+x@mail.example.org now", "write to [email] now"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [iban] please"),
        ("card 4111 1111 1111 1111 expired", "card [card] expired"),
        ("call +44 20 7946 0958 today", "call [phone] today"),
        ("call (212) 555-0100 today", "call [phone] today"),
        ("ssn 078-05-1120", "ssn [ssn]"),
        ("from 192.168.4.20", "from [ip]"),
        ("Dear Dr. Anna Bell, hello", "Dear [name], hello"),
        ("My name is Anna Bell and I wait", "My name is [name] and I wait"),
        ("lives at 12 Baker Street", "lives at [address]"),
        ("wohnt Hauptstraße 5", "wohnt [address]"),
        ("born on 12 March 1980", "[date_of_birth]"),
    ],
)
def test_personal_data_becomes_placeholders(text, redacted):
    assert personal_data_redact(text)[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456 was paid",  # no card: its checksum is wrong
        "paid 129.50 on 2026-01-05",
        "version 1.2.3 of the app",
        "GB00 0000 0000 0000 00 is no account",
        "room 12 on floor 3",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert personal_data_redact(text) == (text, [])


def test_only_the_kinds_that_are_asked_for_are_looked_for():
    text = "anna@example.org, +44 20 7946 0958"

    assert personal_data_redact(text, ["phone"])[0] == "anna@example.org, [phone]"


def test_a_pattern_that_matches_blocks():
    verdict = check(
        {"note": "my password is x"}, {"check": "patterns", "deny": ["pass(word|phrase)"]}
    )

    assert verdict.action == "block"
    assert verdict.why == "patterns: matches pass(word|phrase)"


def test_redaction_keeps_the_shape_of_the_value():
    verdict = check(
        {"to": ["anna@example.org"], "amount": 5},
        {"check": "personal_data", "on_trip": "redact"},
    )

    assert verdict.action is None
    assert verdict.value == {"to": ["[email]"], "amount": 5}
    assert verdict.trips[0].saw == "holds email 1×"


def test_what_a_check_saw_never_holds_the_data_itself():
    verdict = check("anna@example.org", {"check": "personal_data"})

    assert "anna" not in str([trip.record() for trip in verdict.trips])


def test_observing_changes_nothing():
    verdict = check("anna@example.org", {"check": "personal_data", "mode": "observe"})

    assert (verdict.action, verdict.value) == (None, "anna@example.org")
    assert verdict.trips[0].is_observed


@pytest.mark.parametrize(
    ("confidence", "action"),
    [(0.9, None), (0.85, None), (0.84, "block"), (None, "block"), (True, "block")],
)
def test_low_or_missing_confidence_trips(confidence, action):
    verdict = check({}, {"check": "confidence", "minimum": 0.85},
                    evaluate=lambda source, **more: confidence)  # fmt: skip

    assert verdict.action == action


@pytest.mark.parametrize(("held", "action"), [(True, "hold"), (False, None), (None, "hold")])
def test_a_rule_trips_unless_it_is_plainly_false(held, action):
    verdict = check(1, {"check": "rule", "when": "output > 5.0", "on_trip": "hold"},
                    evaluate=lambda source, **more: held)  # fmt: skip

    assert verdict.action == action


def test_a_check_that_cannot_answer_has_tripped():
    def broken(source, **more):
        raise ZeroDivisionError

    assert check(1, {"check": "rule", "when": "x"}, evaluate=broken).action == "block"
    assert check(1, {"check": "no_such_check"}).action == "block"


def test_the_strictest_trip_decides():
    text = "secret anna@example.org"
    verdict = check(
        text,
        {"check": "personal_data", "on_trip": "redact"},
        {"check": "patterns", "deny": ["secret"], "on_trip": "hold"},
        {"check": "patterns", "deny": ["s.cret"], "on_trip": "block"},
    )

    assert verdict.action == "block"
    assert len(verdict.trips) == 3


def test_what_cannot_be_redacted_is_blocked():
    verdict = check(1, {"check": "rule", "when": "x", "on_trip": "redact"},
                    evaluate=lambda source, **more: True)  # fmt: skip

    assert verdict.action == "block"


@pytest.mark.parametrize(
    ("before", "after", "maximum", "action"),
    [
        (100.0, 105.0, "5%", None),
        (100.0, 106.0, "5%", "block"),
        (100.0, 103.0, 2, "block"),
        (0.0, 1.0, "5%", "block"),
    ],
)
def test_a_change_is_measured_as_a_number_or_a_share(before, after, maximum, action):
    values = {"old": before, "new": after}
    verdict = check(
        {},
        {"check": "change", "from": "old", "to": "new", "maximum": maximum},
        evaluate=lambda source, **more: values[source],
    )

    assert verdict.action == action


def test_a_guard_gives_the_value_or_takes_blocked(make_call):
    checks = [{"check": "patterns", "deny": ["bomb"]}]

    passed = GUARD.run(make_call({"checks": checks, "value": "hello"}))
    blocked = GUARD.run(make_call({"checks": checks, "value": "a bomb"}))

    assert (passed.port, passed.output, passed.details) == ("done", "hello", None)
    assert blocked.port == "blocked"
    assert blocked.details["guardrails"][0]["check"] == "patterns"


def test_a_guard_that_falls_back_takes_error(make_call):
    checks = [{"check": "patterns", "deny": ["bomb"], "on_trip": "fallback"}]

    with pytest.raises(StepError, match="matches bomb"):
        GUARD.run(make_call({"checks": checks, "value": "a bomb"}))


def test_settings_are_checked_by_check():
    GuardSettings.model_validate(
        {
            "value": 1,
            "checks": [{"check": "budget", "usd": 2}, {"check": "patterns", "deny": ["a+"]}],
        }
    )
    for bad in ({"check": "budget"}, {"check": "patterns", "deny": ["(?=x)"]}, {"check": "what"},
                {"check": "rule", "when": "true", "more": 1}):  # fmt: skip
        with pytest.raises(ValueError, match="validation error"):
            GuardSettings.model_validate({"value": 1, "checks": [bad]})
