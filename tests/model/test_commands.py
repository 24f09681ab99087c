import msgspec
import pytest
from hypothesis import given

from tercio.model.canon import canonical
from tercio.model.commands import (
    Action,
    Command,
    ConduitTarget,
    Effect,
    FlowTarget,
    Hello,
    HostTarget,
    NeededFlow,
    Order,
    Response,
    SignedOrder,
    Target,
    target_name,
)
from tests.model.values import any_of, survives

HOST = HostTarget("ws1", ("10.0.0.1", "fd00::1"))
FLOW = FlowTarget("ws1", "plc1", ("10.0.0.1",), ("10.0.1.1",), "tcp", 502)
NEEDED = NeededFlow("10.0.0.9", "10.0.1.1", "tcp", 502)
CONDUIT = ConduitTarget("office", "ot", ("10.0.0.0/24",), ("10.0.1.0/24",), (NEEDED,))


def command(target: Target | None) -> Command:
    return Command(
        id="c", lease="l", incident="i", decision="d", hand="h", action=Action.DENY, target=target, issued=1, until=2
    )


@pytest.mark.parametrize(
    ("target", "name"),
    [(HOST, "host ws1"), (FLOW, "flow ws1 -> plc1 tcp/502"), (CONDUIT, "conduit office -> ot")],
)
def test_a_target_has_a_stable_name(target: Target, name: str):
    assert target_name(target) == name


def test_the_name_of_a_host_does_not_change_with_its_addresses():
    assert target_name(HOST) == target_name(HostTarget("ws1", ("10.0.0.77",)))


@given(any_of(Command), any_of(Response), any_of(Hello), any_of(Effect))
def test_what_goes_over_the_wire_or_into_the_store_survives(
    command: Command, response: Response, hello: Hello, effect: Effect
):
    for value in (command, response, hello, effect):
        survives(value)


def test_an_order_survives_inside_its_signature():
    order = Order("nonce", 7, command(HOST))
    wire = canonical(SignedOrder(canonical(order), b"\x00\xff"))
    signed = msgspec.json.decode(wire, type=SignedOrder)
    assert signed.signature == b"\x00\xff"
    assert msgspec.json.decode(signed.order, type=Order) == order


@pytest.mark.parametrize(
    "change",
    [
        {"until": None},
        {"action": "reboot"},
        {"target": {"type": "everything"}},
        {"target": {"type": "host", "asset": "x"}},
        {"issued": "now"},
    ],
)
def test_a_command_without_end_or_with_a_strange_target_is_not_decoded(change: dict[str, object]):
    body = {**msgspec.json.decode(canonical(command(HOST))), **change}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(canonical(body), type=Command)


def test_a_duration_is_required():
    body = msgspec.json.decode(canonical(command(HOST)))
    del body["until"]
    with pytest.raises(msgspec.ValidationError, match="until"):
        msgspec.json.decode(canonical(body), type=Command)
