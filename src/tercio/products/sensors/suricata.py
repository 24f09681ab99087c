"""Suricata's EVE records (version 7), one JSON object a line.

Trust: an attacker writes much of what stands in a record, so types, ranges and lengths are checked, and a record that
fails is reported as unparsed. What he cannot write is which kind of record Suricata made of his packets.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from tercio.model.events import ANSWERED, Assignment, Endpoint, Event, LogSource, Provenance, Unparsed
from tercio.model.ids import event_id
from tercio.model.units import instant
from tercio.products.sensors.contract import Filing
from tercio.products.sensors.suricata_modbus import exchanged

MAX_LINE = 4 << 20
"""Longest record in bytes: a DNP3 record that Suricata itself caps can reach 2.4 MB."""

_NETWORK, _HTTP, _DNS, _DHCP, _RDP, _SMB, _SSH, _FTP, _EMAIL = 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009
_BASE, _FINDING, _AUTHENTICATION = 0, 2004, 3002

_SESSIONS: dict[str, int] = {
    "dcerpc": _NETWORK,
    "dnp3": _NETWORK,
    "dns": _DNS,
    "ftp": _FTP,
    "http": _HTTP,
    "ike": _NETWORK,
    "krb5": _AUTHENTICATION,
    "mqtt": _NETWORK,
    "modbus": _NETWORK,
    "nfs": _NETWORK,
    "pgsql": _NETWORK,
    "rdp": _RDP,
    "rfb": _NETWORK,
    "sip": _NETWORK,
    "smb": _SMB,
    "smtp": _EMAIL,
    "snmp": _NETWORK,
    "ssh": _SSH,
    "telnet": _NETWORK,
    "tls": _NETWORK,
}
"""Records of an application's protocol, with their OCSF class. Over TCP they come from reassembled streams only."""

_OTHERS: dict[str, int] = {
    "alert": _FINDING,
    "anomaly": _NETWORK,
    "dhcp": _DHCP,
    "fileinfo": _NETWORK,
    "flow": _NETWORK,
    "stats": _BASE,
}
_CLASSES = _SESSIONS | _OTHERS

LOG_SOURCE = LogSource(
    product="suricata",
    routes=("event_type",),
    services={name: ({"event_type": (name,)},) for name in sorted(_CLASSES)},
    sees="packets on the watched links: flows, alerts, protocols that Suricata decodes; nothing in hosts or encryption",
)

_NO_PROTOCOL = frozenset(("", "failed", "unknown"))
_OUR_WORDS = {"krb5": "kerberos"}
_LIVE = frozenset(("established", "fin_wait1", "fin_wait2", "closing", "close_wait", "last_ack", "time_wait"))
"""TCP states that Suricata enters only behind a completed handshake; ``closed`` also follows a refused SYN."""

_Word = Annotated[str, msgspec.Meta(max_length=64)]
_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class _Alert(msgspec.Struct):
    action: _Word = ""
    metadata: Any = None


class _Flow(msgspec.Struct):
    start: _Word = ""
    end: _Word = ""
    state: _Word = ""


class _Tcp(msgspec.Struct):
    state: _Word = ""


class _Record(msgspec.Struct):
    timestamp: _Word
    event_type: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[a-z0-9_]+\Z")]
    src_ip: _Word = ""
    src_port: _Port = 0
    dest_ip: _Word = ""
    dest_port: _Port = 0
    proto: _Word = ""
    app_proto: _Word = ""
    community_id: _Word = ""
    tx_id: int | None = None
    stream: int = 0
    direction: _Word = ""
    alert: _Alert | None = None
    flow: _Flow | None = None
    tcp: _Tcp | None = None
    ether: msgspec.Raw = msgspec.Raw(b"")
    dhcp: msgspec.Raw = msgspec.Raw(b"")
    modbus: msgspec.Raw = msgspec.Raw(b"")


class _Ether(msgspec.Struct):
    src_mac: _Word = ""
    dest_mac: _Word = ""
    src_macs: Annotated[list[_Word], msgspec.Meta(max_length=64)] = []
    dest_macs: Annotated[list[_Word], msgspec.Meta(max_length=64)] = []


class _Dhcp(msgspec.Struct):
    type: _Word = ""
    dhcp_type: _Word = ""
    client_mac: _Word = ""
    assigned_ip: _Word = ""


_decode = msgspec.json.Decoder(_Record).decode
_decode_ether = msgspec.json.Decoder(_Ether).decode
_decode_dhcp = msgspec.json.Decoder(_Dhcp).decode
_MAC = re.compile(r"[0-9a-f][02468ace](?::[0-9a-f]{2}){5}")
"""One machine's link address: the group bit is not set."""
_NO_MAC = "00:00:00:00:00:00"
_OBSERVED = re.compile(rb'"event_type"\s*:\s*"(?:modbus|alert|flow|dhcp)"')


def observes(raw: bytes) -> bool:
    """Whether a line carries process readings (modbus), tells of traffic (alert, flow) or of an address given out
    (dhcp). Text inside a JSON string cannot pretend to: its quotes are escaped."""
    return _OBSERVED.search(raw) is not None


def parse(source: str, generation: str, offset: int, raw: bytes, received: int) -> Event | Unparsed:
    """Make an event of one EVE line. Never raises: what is no EVE record comes back as ``Unparsed`` with the reason.

    ``time`` is when Suricata wrote the record; ``began`` is the session's first packet where the record names it; a
    flow's ``until`` is its last packet, which may lie before ``time``.
    ``action`` is an alert's (``allowed``, ``blocked``), a flow's state (``new``, ``established``, ``closed``), or says
    that a Modbus request was answered.
    """

    def unparsed(reason: str) -> Unparsed:
        return Unparsed(source, generation, offset, raw, reason)

    if len(raw) > MAX_LINE:
        return unparsed(f"longer than {MAX_LINE} bytes")
    try:
        record = _decode(raw)
        time = instant(record.timestamp)
        until = instant(record.flow.end) if record.event_type == "flow" and record.flow and record.flow.end else time
        began = instant(record.flow.start) if record.flow and record.flow.start else time
        src_mac, dst_mac = _macs(bytes(record.ether))
        src = _endpoint(record.src_ip, record.src_port, src_mac)
        dst = _endpoint(record.dest_ip, record.dest_port, dst_mac)
    except RecursionError:
        return unparsed("nested too deeply")
    except UnicodeDecodeError:
        return unparsed("not UTF-8")
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        return unparsed(str(error)[:200])
    kind = record.event_type
    answered, readings = exchanged(bytes(record.modbus), dst) if kind == "modbus" else (False, ())
    return Event(
        id=event_id(source, generation, offset, raw),
        source=source,
        generation=generation,
        offset=offset,
        product=LOG_SOURCE.product,
        kind=kind,
        class_uid=_CLASSES.get(kind, _NETWORK if src else _BASE),
        time=time,
        began=began,
        until=until,
        received=received,
        provenance=_provenance(record),
        src=src,
        dst=dst,
        transport=record.proto.lower(),
        service=_service(record),
        flow=record.community_id,
        action=ANSWERED if answered else _action(record),
        readings=readings,
        assigned=_assigned(record) if kind == "dhcp" else None,
    )


def _endpoint(address: str, port: int, mac: str) -> Endpoint | None:
    return Endpoint(_plain(address), port, mac) if address else None


@lru_cache(maxsize=4096)
def _macs(ether: bytes) -> tuple[str, str]:
    """The link addresses of source and destination, as far as the record shows one for each (Suricata puts them in the
    order of its addresses; ``ethernet: yes`` in its eve-log). A flow that was seen with several shows none."""
    if not ether:
        return "", ""
    try:
        seen = _decode_ether(ether)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return "", ""
    return _mac(seen.src_mac, seen.src_macs), _mac(seen.dest_mac, seen.dest_macs)


def _mac(one: str, several: Sequence[str] = ()) -> str:
    text = (one or (several[0] if len(several) == 1 else "")).lower()
    return text if _MAC.fullmatch(text) and text != _NO_MAC else ""


def _assigned(record: _Record) -> Assignment | None:
    """What a server acknowledged, where this is an acknowledgement."""
    try:
        said = _decode_dhcp(record.dhcp)
        mac = _mac(said.client_mac)
        if (said.type, said.dhcp_type) != ("reply", "ack") or not mac or not said.assigned_ip:
            return None
        address = _plain(said.assigned_ip)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return None if ipaddress.ip_address(address).is_unspecified else Assignment(address, mac)


@lru_cache(maxsize=4096)
def _plain(address: str) -> str:
    if "%" in address:
        raise ValueError("an address with a zone index")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise ValueError("not an IP address") from None


FILING = Filing(("timestamp",), ("src_ip",), instant, _plain)


def _real(protocol: str) -> bool:
    return protocol not in _NO_PROTOCOL


def _service(record: _Record) -> str:
    name = record.app_proto if _real(record.app_proto) else record.event_type if record.event_type in _SESSIONS else ""
    return _OUR_WORDS.get(name, name)


def _action(record: _Record) -> str:
    if record.event_type == "alert" and record.alert:
        return record.alert.action
    if record.event_type == "flow" and record.flow:
        return record.flow.state
    return ""


def _provenance(record: _Record) -> Provenance:
    """Established only where Suricata (midstream pickup off) must have followed the handshake."""
    if record.proto.upper() != "TCP":
        return Provenance.FORGEABLE
    match record.event_type:
        case "alert":
            proven = _alert_proven(record)
        case "flow":
            proven = _real(record.app_proto) or (record.tcp is not None and record.tcp.state in _LIVE)
        case kind:
            proven = kind in _SESSIONS
    return Provenance.ESTABLISHED if proven else Provenance.FORGEABLE


def _alert_proven(record: _Record) -> bool:
    """A rule's own word comes first. Else the alert must be about the stream or a transaction in it: a forged packet
    that borrows the ports of somebody's session has its application protocol too. What a server answered proves nothing
    of it: whoever asked may have chosen the words."""
    metadata = record.alert.metadata if record.alert else None
    stated = metadata.get("provenance") if isinstance(metadata, dict) else None
    if isinstance(stated, list) and stated:
        return stated == ["established"]
    answer = record.direction == "to_client"
    return _real(record.app_proto) and not answer and (record.tx_id is not None or record.stream == 1)
