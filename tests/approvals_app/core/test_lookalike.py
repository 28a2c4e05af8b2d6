from approvals_app.core.lookalike import outliers, to_open, varying


def refunds(*amounts):
    return [{"amount": amount, "currency": "EUR"} for amount in amounts]


def test_a_number_far_from_the_others_stands_out():
    assert outliers(refunds(20, 35, 40, 45, 900)) == {4: "amount is far from the others"}


def test_numbers_that_merely_vary_do_not():
    assert outliers(refunds(20, 35, 40, 45, 60)) == {}


def test_other_fields_stand_out():
    assert outliers([*refunds(1, 1, 1), {"amount": 1}]) == {3: "has other fields"}


def test_only_what_differs_is_shown():
    assert varying(refunds(20, 35)) == ["amount"]


def test_the_two_to_open_are_the_same_each_time_but_not_for_everybody():
    numbers = range(20)
    assert to_open(numbers, person=1) == to_open(reversed(numbers), person=1)
    assert len({tuple(to_open(numbers, person=person)) for person in range(20)}) > 1
