"""The site file of a seeded estate: zones, hosts, and the processes with their money, as a person would write them."""

import random
from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["plant", "service"]


class Host(msgspec.Struct, frozen=True):
    """One host of the file. ``outage`` is what an hour without it costs, in whole units of the currency."""

    name: str
    zone: str
    role: str
    outage: int = 0


class Line(msgspec.Struct, frozen=True):
    """One process of the file: its name, the hosts that it needs, and its own lines of TOML."""

    name: str
    needs: tuple[str, ...]
    text: str


class Blueprint(msgspec.Struct, frozen=True):
    """What is written: zones with their Purdue level, hosts, processes; and the whole text of the file."""

    zones: dict[str, float]
    hosts: tuple[Host, ...]
    lines: tuple[Line, ...]
    text: str


def drawn(luck: random.Random, kind: Kind, size: int) -> Blueprint:
    """A plant or a service firm of ``size`` assets (at least 16 and 14, else it is as small as it can be)."""
    zones, hosts, lines = _plant(luck, size) if kind == "plant" else _service(luck, size)
    routers = [Host(f"gate-{zone}", zone, "router") for zone in zones]
    people = max(2, size - len(hosts) - len(routers))
    hosts += [Host(f"ws{n}", "office", "workstation", luck.randint(40, 120)) for n in range(1, people + 1)]
    hosts += routers
    return Blueprint(zones, tuple(hosts), tuple(lines), _text(kind, zones, hosts, lines))


def _plant(luck: random.Random, size: int) -> tuple[dict[str, float], list[Host], list[Line]]:
    zones = {"office": 4.0, "dmz": 3.5}
    hosts = [
        Host("dir1", "dmz", "directory", 400),
        Host("hist1", "dmz", "historian", 80),
        Host("jump1", "dmz", "jump", 100),
        Host("scan1", "dmz", "scanner", 20),
        Host("file1", "office", "server", luck.randint(200, 800)),
    ]
    lines = []
    for cell in range(1, min(6, 1 + size // 40) + 1):
        zone = f"ot{cell}"
        zones[zone] = 2.0
        made, line = _cell(luck, cell, zone)
        hosts += made
        lines.append(line)
    return zones, hosts, lines


def _cell(luck: random.Random, cell: int, zone: str) -> tuple[list[Host], Line]:
    """One production cell: its controllers, one or two views, an engineering station, here and there a safety
    controller, phases that must not be interrupted, alarms."""
    plcs = [f"plc{cell}{n}" for n in range(1, luck.choice((1, 1, 2, 3)) + 1)]
    hmis = [f"hmi{cell}{n}" for n in range(1, luck.choice((1, 2, 2)) + 1)]
    ews = f"ews{cell}"
    hosts = [Host(name, zone, "plc") for name in plcs] + [Host(name, zone, "hmi") for name in hmis]
    hosts.append(Host(ews, zone, "ews", luck.randint(100, 250)))
    flows = [f'{{from = "{hmi}", to = "{plc}", service = "modbus"}}' for hmi in hmis for plc in plcs]
    flows += [f'{{from = "hist1", to = "{plc}", service = "modbus", access = "read"}}' for plc in plcs]
    loads = ", ".join(f'{{from = "{ews}", to = "{plc}", service = "s7"}}' for plc in plcs)
    needs = (*plcs, *hmis[:1], "hist1")
    words = [
        *_money(luck),
        f"needs = {_list(needs)}",
        f"views = {_list(hmis)}",
        f"flows = [{', '.join(flows)}]",
        f"downloads = [{loads}]",
        'tolerates = {hist1 = "8h"}',
        f'state = "modbus:{plcs[0]}/coil/0"',
    ]
    if len(hmis) > 1 and luck.random() < 0.5:
        words.append(f"redundant = [{_list(hmis)}]")
    if luck.random() < 0.4:
        words.append(f'phases = "modbus:{plcs[0]}/register/7"')
        words.append('phase_names = {1 = "fill", 2 = "dose", 3 = "clean"}')
        words.append('hold = ["dose"]')
    if luck.random() < 0.3:
        words.append(f'alarms = [{{from = "{plcs[0]}", to = "{hmis[0]}", service = "iec104"}}]')
    if luck.random() < 0.4:
        hosts.append(Host(f"sis{cell}", zone, "safety"))
        words.append(f'safety = "sis{cell}"')
    else:
        words.append('safety = {none = "signed by the process engineer, 2026-01-15"}')
    return hosts, Line(f"line{cell}", needs, "\n".join(words))


def _service(luck: random.Random, size: int) -> tuple[dict[str, float], list[Host], list[Line]]:
    zones = {"office": 4.0, "dmz": 3.5, "servers": 3.0}
    hosts = [
        Host("dir1", "servers", "directory"),
        Host("file1", "servers", "server", luck.randint(200, 800)),
        Host("mail1", "dmz", "mail", luck.randint(200, 600)),
        Host("vpn1", "dmz", "vpn", 150),
        Host("scan1", "servers", "scanner", 20),
        Host("backup1", "servers", "backup", 60),
    ]
    lines = []
    for number in range(1, min(5, 1 + size // 60) + 1):
        front, back = f"web{number}", f"db{number}"
        hosts += [Host(front, "dmz", "web"), Host(back, "servers", "database")]
        words = [
            *_money(luck),
            f"needs = {_list((front, back, 'dir1'))}",
            f'flows = [{{from = "{front}", to = "{back}", service = "postgresql"}}]',
            'tolerates = {dir1 = "1h"}',
            'safety = {none = "signed by the head of operations, 2026-01-15"}',
        ]
        lines.append(Line(f"service{number}", (front, back, "dir1"), "\n".join(words)))
    return zones, hosts, lines


def _money(luck: random.Random) -> list[str]:
    """What a standstill costs. Assumed: the hourly rate is log-normal about 12,000 with a factor of 2.2 either way; a
    restart takes one to six hours and two rates' worth of work; the batch is worth up to two hours."""
    rate = max(500, round(12_000 * 2.2 ** luck.gauss(0.0, 1.0), -2))
    return [
        f"outage_per_hour = {{0h = {rate:.0f}, 8h = {rate * luck.choice((1, 2)):.0f}}}",
        f"restart = {{hours = {luck.choice((1, 2, 3.5, 6))}, cost = {rate * 2:.0f}}}",
        f"scrap_if_cut = {round(rate * luck.random() * 2):d}",
    ]


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _text(kind: Kind, zones: dict[str, float], hosts: list[Host], lines: list[Line]) -> str:
    parts = [f'[site]\nname = "Simulated {kind}"\ncurrency = "EUR"']
    places = {zone: 40 + place for place, zone in enumerate(zones)}
    parts += [
        f'[zones.{zone}]\nnetworks = ["10.{places[zone]}.0.0/16"]\nlevel = {level}\nautonomy = "act"\n'
        f"outage_per_hour = {1200 if zone == 'office' else 300}"
        for zone, level in zones.items()
    ]
    counts = dict.fromkeys(zones, 1)
    for host in hosts:
        number = 0 if host.role == "router" else counts[host.zone]
        counts[host.zone] += host.role != "router"
        high, low = divmod(number, 250)
        place = places[host.zone]
        parts.append(
            f'[assets.{host.name}]\naddresses = ["10.{place}.{high}.{low + 1}"]\n'
            f'mac = "02:00:0a:{place:02x}:{high:02x}:{low + 1:02x}"\nzone = "{host.zone}"\nrole = "{host.role}"'
            + (f"\noutage_per_hour = {host.outage}" if host.outage else "")
        )
    parts += [f"[processes.{line.name}]\n{line.text}" for line in lines]
    scanned = [zone for zone in zones if zone.startswith("ot")] or ["servers"]
    parts += [
        f'[[schedules]]\nasset = "scan1"\nactivity = "scan"\ntarget = "{zone}"\nfrom = "01:00"\nto = "03:00"'
        for zone in scanned
    ]
    return "\n\n".join(parts) + "\n"
