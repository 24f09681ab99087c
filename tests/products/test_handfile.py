import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tercio.model.commands import Action
from tercio.model.units import SECOND
from tercio.products.handfile import HandFile, Listed, Needed, load

GOOD = 'name = "gw"\nsocket = "/run/tercio/gw.sock"\norder_key = "order.pub"\n'
KEY = Ed25519PrivateKey.generate().public_key()


def write(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    (folder / "order.pub").write_bytes(KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "order.pub").chmod(0o644)
    path = folder / "hand.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def read(folder: Path, text: str) -> HandFile:
    return load(write(folder, text))


def test_the_shortest_file_has_cautious_limits(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD)
    assert (file.name, file.mechanism, file.order_key) == ("gw", "nftables", KEY.public_bytes_raw())
    assert (file.longest, file.targets_per_hour, file.peer_uid) == (3600 * SECOND, 20, 0)
    assert file.verbs == frozenset(Action)


def test_the_never_list_tells_names_from_networks(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD + 'never = ["SIS1", "plc-7.line2", "10.9.9.9", "10.8.0.0/24", "fd00::1"]\n')
    assert file.never.names == {"sis1", "plc-7.line2"}
    assert [str(n) for n in file.never.networks] == ["10.9.9.9/32", "10.8.0.0/24", "fd00::1/128"]
    assert file.never_host == Listed()


def test_link_addresses_are_told_from_addresses(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD + 'never = ["02:00:0A:4D:1E:15", "1:2:3::4:5", "fd00::/64"]\n')
    assert file.never.macs == {"02:00:0a:4d:1e:15"}
    assert [str(n) for n in file.never.networks] == ["1:2:3::4:5/128", "fd00::/64"]


def test_hosts_to_be_left_alone_are_a_list_of_their_own(tmp_path: Path) -> None:
    file = read(tmp_path, GOOD + 'never_host = ["PLC1", "10.3.0.21"]\n')
    assert file.never_host.names == {"plc1"}
    assert [str(n) for n in file.never_host.networks] == ["10.3.0.21/32"]


def test_needed_flows_are_networks_with_a_service(tmp_path: Path) -> None:
    flows = """needed = [
  {from = "10.3.0.10", to = "::ffff:10.3.0.21", service = "modbus"},
  {from = "FD00:3:0::/64", to = "fd00:3:0:0::21", service = "udp/2222"},
]
"""
    file = read(tmp_path, GOOD + flows)
    assert [str(flow) for flow in file.needed] == [
        "10.3.0.10 to 10.3.0.21 tcp/502",
        "fd00:3::/64 to fd00:3::21 udp/2222",
    ]
    assert file.needed[0] == Needed(ip_network("10.3.0.10"), ip_network("10.3.0.21"), "tcp", 502)
    assert read(tmp_path, GOOD).needed == ()


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        ('{from = "hmi1", to = "10.3.0.21", service = "modbus"}', "needed[1]: from = 'hmi1': write an address"),
        ('{from = "10.3.0.10", to = "10.3.0.999", service = "modbus"}', "needed[1]: to = '10.3.0.999'"),
        ('{from = "10.3.0.1/24", to = "10.3.0.21", service = "modbus"}', "host bits"),
        ('{from = "0.0.0.0/0", to = "10.3.0.21", service = "modbus"}', "needed[1]: from"),
        ('{from = "10.3.0.10", to = "fd00:3::21", service = "modbus"}', "needed[1]: '10.3.0.10' to 'fd00:3::21' mixes"),
        ('{from = "10.3.0.10", to = "10.3.0.21", service = "modbsu"}', "needed[1]: unknown service 'modbsu'"),
        ('{from = "10.3.0.10", to = "10.3.0.21", service = "tcp/0"}', "needed[1]: unknown service"),
        ('{from = "10.3.0.10", to = "10.3.0.21", service = 502}', "$.needed[1].service"),
        ('{from = "10.3.0.10", to = "10.3.0.21"}', "missing required field `service`"),
        ('{src = "10.3.0.10", to = "10.3.0.21", service = "modbus"}', "`src`"),
        ('"10.3.0.10"', "$.needed[1]"),
    ],
)
@pytest.mark.parametrize("form", ["needed = [{good}, {flow}]\n", "needed = [\n  {good},\n  {flow},\n]\n"])
def test_a_wrong_needed_flow_is_said_with_file_line_and_place(tmp_path: Path, form: str, flow: str, why: str) -> None:
    good = '{from = "10.3.0.10", to = "10.3.0.21", service = "modbus"}'
    with pytest.raises(ValueError, match=r".") as caught:
        read(tmp_path, GOOD + form.format(good=good, flow=flow))
    assert str(caught.value).startswith(f"{tmp_path / 'hand.toml'}:4: ")
    assert why in str(caught.value)


def test_needed_flows_may_be_tables(tmp_path: Path) -> None:
    table = '[[needed]]\nfrom = "10.3.0.10"\nto = "10.3.0.21"\nservice = "modbus"\n'
    assert len(read(tmp_path, GOOD + table).needed) == 1
    with pytest.raises(ValueError, match=r"hand\.toml:4: needed\[0\]: unknown service"):
        read(tmp_path, GOOD + table.replace("modbus", "modbsu"))


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("typo = 1\n", 4, "typo"),
        ('never = ["10.9.9.999"]\n', 4, "10.9.9.999"),
        ('never = ["10.9.9.9O"]\n', 4, "10.9.9.9O"),
        ('never = ["10.9.9.1/24"]\n', 4, "host bits"),
        ('never = ["fd00::zz"]\n', 4, "fd00::zz"),
        ('never = ["plc/1"]\n', 4, "plc/1"),
        ('never = ["02:00:0a:4d:1e:1x"]\n', 4, "no link address"),
        ('never = ["ff:ff:ff:ff:ff:ff"]\n', 4, "no single machine"),
        ('never_host = ["10.3.0.999"]\n', 4, "10.3.0.999"),
        ("never = [7]\n", 4, "Expected `str`"),
        ('verbs = ["reboot"]\n', 4, "reboot"),
        ('longest = "forever"\n', 4, "duration"),
        ('longest = "0s"\n', 4, "at least 1s"),
        ("targets_per_hour = 0\n", 4, "at least 1"),
        ('mechanism = "iptables"\n', 4, "nftables"),
        ("peer_uid = true\n", 4, "peer_uid"),
    ],
)
def test_a_wrong_value_is_said_with_file_line_and_key(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read(tmp_path, GOOD + text)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'hand.toml'}:{line}: ")
    assert why in said
    assert text.partition(" ")[0] in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('socket = "/run/x"\norder_key = "order.pub"\n', "name"),
        (GOOD.replace("gw.sock", "x" * 100), "103"),
        (GOOD.replace("/run", "run"), "absolute"),
        (GOOD.replace('"gw"', '"a b"'), "letters"),
        (GOOD + "never = [\n", "end of document"),
        ("name gw\n", "line 1"),
        ("\0", "hand.toml"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(tmp_path, text)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match="chmod go-w"):
        load(write(tmp_path, GOOD, mode=mode))
    write(tmp_path, GOOD)
    (tmp_path / "order.pub").chmod(mode)
    with pytest.raises(ValueError, match=r"order\.pub can be written"):
        load(tmp_path / "hand.toml")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives a file away")
def test_a_strangers_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    os.chown(path, 65534, -1)
    with pytest.raises(ValueError, match="belongs to uid 65534"):
        load(path)


def test_what_is_not_there_or_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        load(tmp_path / "none.toml")
    with pytest.raises(ValueError, match="cannot read"):
        load(tmp_path)
    path = write(tmp_path, GOOD)
    path.write_bytes(b"name = \xff")
    with pytest.raises(ValueError, match=r"hand\.toml"):
        load(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    other = generate_private_key(SECP256R1()).public_key()
    (tmp_path / "order.pub").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ValueError, match="another kind"):
        load(path)
    (tmp_path / "order.pub").write_text("no key")
    with pytest.raises(ValueError, match="PEM"):
        load(path)


def test_a_private_key_in_its_place_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    secret = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "order.pub").write_bytes(secret)
    with pytest.raises(ValueError, match="no public key") as caught:
        load(path)
    assert secret.splitlines()[1].decode() not in str(caught.value)
