"""What the latest records of a sensor say of its sight: packets it lost, its clock, which zones it sees, and whether it
says what Tercio's rules wait for."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

import msgspec

from tercio.app.checkup import Finding, Weight
from tercio.app.settings import Settings, SourceSettings
from tercio.app.suricata import INCLUDED, signatures, stale
from tercio.app.terminal import CALLED
from tercio.model.site import Autonomy, Site
from tercio.model.units import SECOND, instant, span

DEEP = 8 << 20
"""Bytes at the end of a source that are looked through."""

AHEAD, BEHIND = 5 * SECOND, 120 * SECOND
"""The last record may be dated this much after, or before, the file was written (microseconds)."""


SURICATA = "suricata"
MEND = f"`{CALLED} site suricata`"


LACKS = {
    "community_id": "a session seen twice counts as two",
    "ether": "a machine is not known by its own address: who borrows an address gets its owner blamed",
}
"""What records of sessions must have, and what goes wrong without."""


class Capture(msgspec.Struct, frozen=True):
    """Suricata's own count of packets since it began: those that reached it, and those that the kernel threw away."""

    kernel_packets: int = 0
    kernel_drops: int = 0


class _Stats(msgspec.Struct, frozen=True):
    uptime: int = 0
    capture: Capture | None = None


class _Alert(msgspec.Struct, frozen=True):
    signature_id: int = 0


class _Flow(msgspec.Struct, frozen=True):
    start: str = ""
    state: str = ""


class _Tcp(msgspec.Struct, frozen=True):
    psh: bool = False


class _Record(msgspec.Struct, frozen=True):
    timestamp: str = ""
    event_type: str = ""
    src_ip: str = ""
    dest_ip: str = ""
    proto: str = ""
    community_id: str = ""
    ether: msgspec.Raw = msgspec.Raw()
    flow: _Flow | None = None
    tcp: _Tcp | None = None
    alert: _Alert | None = None
    stats: _Stats | None = None


def sight(settings: Settings, site: Site | None) -> Iterator[Finding]:
    """Every source's sight; with a site, whether its zones are seen at all. What can't be read is not spoken of."""
    seen: set[str] = set()
    told = 0
    for source in settings.sources:
        records = tuple(_records(source.path))
        yield from _losses(source, records)
        yield from _dated(source, records)
        if source.sensor == SURICATA:
            yield from _deaf(settings, site, source, records)
        addresses = {address for record in records for address in (record.src_ip, record.dest_ip) if address}
        told += len(addresses)
        zones = {site.zone_at(address) for address in addresses} if site is not None else set()
        seen |= {zone.name for zone in zones if zone is not None}
    blind = [name for name in site.zones if name not in seen] if site is not None and told else []
    if blind:
        words = f"no record of late speaks of {', '.join(blind)}: does a sensor see its traffic?"
        yield Finding("sight", Weight.WARN, words)


def _deaf(
    settings: Settings, site: Site | None, source: SourceSettings, records: Sequence[_Record]
) -> Iterator[Finding]:
    """Suricata that speaks of sessions, but not of what rules and correlation wait for: nothing is found, and it looks
    like peace. It is a failure where Tercio may act by itself."""
    folder, name = settings.file.parent, f"source {source.name}"
    acts = site is not None and any(zone.autonomy != Autonomy.SHADOW for zone in site.zones.values())
    weight = Weight.FAIL if acts else Weight.WARN
    if site is not None and (old := stale(site, folder)):
        words = (
            f"{', '.join(old)} in {folder} is not what {settings.site} and this Tercio need; write it anew with {MEND}"
        )
        yield Finding(name, weight, words)
    mend = f"include {INCLUDED} in its settings and restart it ({MEND} writes it)"
    begun = sum(map(_begun, records, repeat(next((each.timestamp for each in records), ""))))
    if begun and not any(record.alert is not None and record.alert.signature_id in signatures() for record in records):
        words = (
            f"{begun:,} TCP sessions began in its last {len(records):,} records, and none of Tercio's own signatures "
        )
        yield Finding(name, weight, f"{words}alerted: what waits for them finds nothing, whatever happens; {mend}")
    sessions = [record for record in records if record.proto == "TCP"]
    for lacks, why in LACKS.items():
        if sessions and not any(getattr(record, lacks) for record in sessions):
            yield Finding(name, weight, f"no {lacks} in {len(sessions):,} records of TCP: {why}; {mend}")
    modbus = site is not None and any(flow.service == "modbus" for p in site.processes.values() for flow in p.flows)
    if sessions and modbus and not any(record.event_type == "modbus" for record in records):
        words = (
            "no modbus record of late, though the site has such flows: writes and the state of the line stay unseen; "
        )
        yield Finding(
            name, Weight.WARN, f"{words}{mend}; sessions older than Suricata are not seen until they open anew"
        )


def _begun(record: _Record, first: str) -> bool:
    """Whether this tells of a whole session that began after the ``first`` record: then its handshake was seen."""
    if record.event_type != "flow" or record.proto != "TCP" or record.flow is None or record.tcp is None:
        return False
    return record.tcp.psh and record.flow.state in ("established", "closed") and record.flow.start >= first


def _records(path: Path) -> Iterator[_Record]:
    """The last records of a file, oldest first; lines that are none are passed over."""
    decoder = msgspec.json.Decoder(_Record)
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - DEEP))
            lines = file.read(DEEP).split(b"\n")
    except OSError:
        return
    for line in lines[:-1]:
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue


def _losses(source: SourceSettings, records: Iterable[_Record]) -> Iterator[Finding]:
    name = f"source {source.name}"
    counts = [(r.stats.uptime, r.stats.capture) for r in records if r.stats is not None and r.stats.capture is not None]
    if not counts:
        if any(record.event_type for record in records):
            words = "has no count of lost packets of late: add stats to the types of eve-log, or losses stay unseen"
            yield Finding(name, Weight.WARN, words)
        return
    uptime, last = counts[-1]
    earlier, before = counts[-2] if len(counts) > 1 and counts[-2][0] <= uptime else (0, Capture())
    lost, came = last.kernel_drops - before.kernel_drops, last.kernel_packets - before.kernel_packets
    within = f"in its last {span(max(1, uptime - earlier) * SECOND)}"
    if lost > 0:
        words = f"lost {lost:,} of {came + lost:,} packets {within}: an intruder may hide there; give Suricata more "
        yield Finding(name, Weight.WARN, f"{words}threads or a larger ring-size")
    elif last.kernel_drops:
        words = f"lost {last.kernel_drops:,} packets since it began, none {within}"
        yield Finding(name, Weight.WARN, words)
    elif came <= 0:
        yield Finding(name, Weight.WARN, f"saw no packet {within}: is the mirror port still connected?")
    else:
        yield Finding(name, Weight.OK, f"lost none of {came:,} packets {within}")


def _dated(source: SourceSettings, records: Iterable[_Record]) -> Iterator[Finding]:
    """The clock of the sensor, by the date of its last record against the time at which the file was written."""
    last = next((record.timestamp for record in reversed(tuple(records)) if record.timestamp), "")
    try:
        dated, written = instant(last), source.path.stat().st_mtime_ns // 1000
    except (ValueError, OverflowError, OSError):
        return
    if dated - written > AHEAD:
        words = f"dates its records {span(dated - written)} ahead of this machine's clock; set the sensor's clock"
        yield Finding(f"source {source.name}", Weight.WARN, words)
    elif written - dated > BEHIND:
        words = f"writes records that are {span(written - dated)} old: its clock is behind, or it can't keep up"
        yield Finding(f"source {source.name}", Weight.WARN, words)
