from hypothesis import given, settings

from tercio.model.records import Transaction
from tests.model.values import any_of, survives


@settings(max_examples=40)
@given(any_of(Transaction))
def test_a_transaction_survives_with_all_it_carries(transaction: Transaction):
    survives(transaction)


def test_an_empty_transaction_writes_nothing():
    nothing = Transaction(time=1)
    assert not any(getattr(nothing, field) for field in nothing.__struct_fields__ if field != "time")


def test_empty_transactions_share_nothing():
    first, second = Transaction(time=1), Transaction(time=1)
    first.offsets["eve"] = ("1", 1)
    assert second.offsets == {}
