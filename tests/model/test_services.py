import pytest
from hypothesis import given
from hypothesis import strategies as st

from tercio.model.services import SERVICES, port_of


@pytest.mark.parametrize("name", SERVICES)
def test_every_name_gives_a_port(name: str):
    transport, port = port_of(name)
    assert transport in ("tcp", "udp")
    assert 0 < port < 65536


def test_no_two_names_share_a_port():
    assert len(set(SERVICES.values())) == len(SERVICES)


@given(st.sampled_from(["tcp", "udp"]), st.integers(1, 65535))
def test_any_port_can_be_written_out(transport: str, port: int):
    assert port_of(f"{transport}/{port}") == (transport, port)


@pytest.mark.parametrize(
    "name", ["", "modbus ", "Modbus", "tcp", "tcp/", "tcp/0", "tcp/65536", "tcp/-1", "tcp/1.5", "sctp/80", "tcp/80/x"]
)
def test_an_unknown_name_is_refused_with_the_known_ones(name: str):
    with pytest.raises(ValueError, match=r"unknown service .*dnp3, dns.*or tcp/PORT or udp/PORT"):
        port_of(name)


@given(st.text())
def test_any_text_gives_a_port_or_a_value_error(name: str):
    try:
        transport, port = port_of(name)
    except ValueError:
        return
    assert transport in ("tcp", "udp")
    assert 0 < port < 65536
