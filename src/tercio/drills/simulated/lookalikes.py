"""What benign people and programs do that looks like an attack: each a function from who and when to deeds."""

import ipaddress
import random
from collections.abc import Iterator

from tercio.drills.simulated.deeds import Announced, Deed, Goal
from tercio.drills.simulated.estate import Estate
from tercio.drills.simulated.intruders.moves import EMPTY, PORTS, QUICK
from tercio.drills.simulated.intruders.vendor import VENDOR
from tercio.drills.simulated.rules import crossing, rule, tactics
from tercio.model.site import CONTROLLERS
from tercio.model.units import HOUR, SECOND

Deeds = Iterator[Deed | Announced]

MINUTE = 60 * SECOND

MESH_PORT = "tcp/7680"
"""Where Windows looks for neighbours that have its updates (Delivery Optimization)."""

TOOLS = (
    "encoded-powershell",
    "task-from-command-line",
    "download-by-system-tool",
    "firewall-opened",
    "script-host-starts-powershell",
    "service-from-user-folder",
)
"""Rules that deployment, inventory and remote support set off on the hosts that they look after."""

OUTSIDE = ("web-scanner", "ids-scan", "ids-attempt", "web-traversal")
"""What the outer world's programs set off at every door, all day."""


def benign(
    at: int, actor: str, dst: str = "", service: str = "", name: str = "", *, src: str = "", about: str = ""
) -> Deed:
    """A benign deed that matches the rule ``name``, or the one that any such session matches."""
    seen = rule(name) if name else ""
    return Deed(at=at, actor=actor, src=src, dst=dst, service=service, rule=seen, tactics=tactics(name), about=about)


def session(estate: Estate, at: int, src: str, dst: str, service: str) -> Deed:
    """A plain session: it matches what its port alone says."""
    return benign(at, src, dst, service, crossing(estate, src, dst, service))


def controllers_of(estate: Estate, station: str) -> list[str]:
    """The controllers that a station loads programs into, by the site's own file."""
    flows = [flow for process in estate.site.processes.values() for flow in process.downloads if flow.src == station]
    return [flow.dst for flow in flows]


def free(estate: Estate, zone: str, luck: random.Random) -> str:
    """An address of a zone that no asset has."""
    return str(ipaddress.ip_network(estate.site.zones[zone].networks[0])[EMPTY + luck.randint(100, 999)])


def scan(estate: Estate, luck: random.Random, scanner: str, at: int) -> Deeds:
    """The scanner looks over one of the zones in its schedule, whether at this hour or not."""
    zone = luck.choice([schedule.target for schedule in estate.site.schedules if schedule.asset == scanner])
    hosts = [name for name in estate.inside(zone) if name != scanner]
    for dst in luck.sample(hosts, min(8, len(hosts))):
        for service in ("modbus", *PORTS) if estate.kind == "plant" else ():
            at += QUICK
            yield benign(at, scanner, dst, service, "syn-probe")
    yield benign(at + SECOND, scanner, hosts[0], "https", "ids-scan")
    yield benign(at + 2 * SECOND, scanner, hosts[0], "https", "ids-attempt")


def loads(estate: Estate, luck: random.Random, station: str, at: int, *, announced: bool) -> Deeds:
    """A maintenance session: a program is loaded, setpoints are tried out; announced, or not."""
    target = luck.choice(controllers_of(estate, station))
    if announced:
        yield Announced(at=at, until=at + 2 * HOUR, asset=station, target=target, activity="write")
    at += luck.randint(1, 15) * MINUTE
    yield benign(at, station, target, "s7", "program-download")
    for _ in range(luck.randint(0, 8)):
        at += round(luck.expovariate(1 / (4 * MINUTE)))
        yield benign(at, station, target, "modbus", "modbus-write")


def backup(estate: Estate, luck: random.Random, station: str, at: int) -> Deeds:
    """Projects are copied out of the cell, or data to the backup, in many sessions one after the other."""
    goals = estate.named("historian") or estate.named("server", "database", "mail")
    for number in range(6):
        yield session(estate, at + number * 2 * SECOND, station, luck.choice(goals), "smb")


def restart(estate: Estate, luck: random.Random, view: str, at: int) -> Deeds:
    """An operator's screen starts anew and opens all its sessions at once; one of five speaks four protocols."""
    many = luck.random() < 0.2
    for process in estate.site.processes.values():
        for flow in process.flows:
            if flow.src == view:
                for service in dict.fromkeys((flow.service, *(PORTS if many else ()))):
                    at += QUICK
                    yield benign(at, view, flow.dst, service, "syn-probe")


def moved(estate: Estate, luck: random.Random, host: str, at: int) -> Deeds:
    """A machine gets another address, and the one that it had goes to a colleague's."""
    others = [name for name in estate.inside(estate.site.assets[host].zone) if name != host]
    heirs = [name for name in others if estate.site.assets[name].role == "workstation"]
    if heirs:
        to = free(estate, estate.site.assets[host].zone, luck)
        yield Deed(at=at, actor=host, dst=to, goal=Goal.MOVE)
        left = estate.site.assets[host].addresses[0]
        yield Deed(at=at + luck.randint(1, 60) * MINUTE, actor=luck.choice(heirs), dst=left, goal=Goal.MOVE)


def spoofed(estate: Estate, luck: random.Random, view: str, at: int) -> Deeds:
    """Somebody tries out a tool that sends a sweep in a screen's name."""
    zone = estate.site.assets[view].zone
    doers = [name for name in estate.named("workstation", "jump", "historian") if estate.passable(name, view)]
    doer = luck.choice(doers)
    for dst in estate.inside(zone)[:8]:
        for service in ("modbus", *PORTS):
            at += QUICK
            yield benign(at, doer, dst, service, "syn-probe", src=view)


def patched(estate: Estate, luck: random.Random, _server: str, at: int) -> Deeds:
    """Patch day: tasks and services appear on every tenth host, machines start anew, stations in OT are visited."""
    people = estate.named("workstation", "server", "ews")
    for host in luck.sample(people, max(1, min(12, len(people) // 10))):
        at += luck.randint(1, 8) * MINUTE
        yield benign(at, host, name=luck.choice(("task-from-command-line", "service-from-user-folder")))
    for station in estate.named("ews"):
        for jump in estate.named("jump"):
            at += 5 * MINUTE
            yield session(estate, at, jump, station, "smb")


def newcomer(estate: Estate, luck: random.Random, zone: str, at: int) -> Deeds:
    """A machine that nobody listed appears: a contractor's laptop. In a cell it asks controllers what they are."""
    laptop = free(estate, zone, luck)
    hosts = [name for name in estate.inside(zone) if not name.startswith("gate-")]
    yield benign(at, laptop, luck.choice(hosts), "https", "new-machine")
    for dst in [name for name in hosts if estate.site.assets[name].role in CONTROLLERS]:
        at += 2 * MINUTE
        yield benign(at, laptop, dst, "modbus", "modbus-identify")


def typo(_estate: Estate, luck: random.Random, host: str, at: int) -> Deeds:
    """Somebody types his password wrong, up to three times, then right."""
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        at += luck.randint(3, 12) * SECOND
        yield benign(at, host, "dir1", "kerberos", "kerberos-refused", about=f"u-{host}")
    yield benign(at + 8 * SECOND, host, "dir1", "kerberos", "kerberos-granted")


def stale(estate: Estate, _luck: random.Random, host: str, at: int) -> Deeds:
    """A script goes on with an old password: the same account, refused again and again."""
    servers = estate.named("database", "backup")
    for number in range(12):
        when = at + number * 10 * SECOND
        if servers:
            yield benign(when, host, servers[0], "ssh", "ssh-refused", about=f"job-{host}")
        else:
            yield benign(when, host, "dir1", "kerberos", "kerberos-refused", about=f"job-{host}")


def crowd(estate: Estate, luck: random.Random, gate: str, at: int) -> Deeds:
    """Many stand behind one address: on the morning after passwords ran out, six of them are refused within minutes."""
    people = luck.sample(estate.named("workstation"), min(6, len(estate.named("workstation"))))
    for host in people:
        at += luck.randint(5, 40) * SECOND
        yield benign(at, gate, "dir1", "kerberos", "kerberos-refused", about=f"u-{host}")
    yield benign(at + 20 * SECOND, gate, "dir1", "kerberos", "kerberos-granted")


def administered(estate: Estate, luck: random.Random, admin: str, at: int) -> Deeds:
    """An administrator works on a server, or on a station: a session, and what his tools set off there."""
    goals = [n for n in estate.named("server", "historian", "directory", "mail") if estate.passable(admin, n)]
    goal = luck.choice(goals)
    yield session(estate, at, admin, goal, "rdp")
    at += luck.randint(20, 300) * SECOND
    told = luck.choice(("winrm-session", "psexec-service", "", "", "user-joins-administrators"))
    if told:
        yield benign(at, goal, name=told)
    if luck.random() < 0.1:
        logon = f"0x{luck.getrandbits(20):x}"
        yield benign(at + SECOND, goal, name="logon-over-the-network", about=logon)
        yield benign(at + 2 * SECOND, goal, name="task-made-here", about=logon)


def tool(_estate: Estate, luck: random.Random, host: str, at: int) -> Deeds:
    """A tool that looks after hosts does on one what an intruder would."""
    yield benign(at, host, name=luck.choice(TOOLS))


def visit(estate: Estate, luck: random.Random, gate: str, at: int) -> Deeds:
    """The vendor comes by his remote access, and goes on to a station or a server."""
    yield benign(at, VENDOR, gate, "rdp", "sign-in-from-afar")
    goals = [n for n in estate.named("ews", "database", "server") if estate.passable(gate, n)]
    yield session(estate, at + 2 * MINUTE, gate, luck.choice(goals), "rdp")


def outer(_estate: Estate, luck: random.Random, door: str, at: int) -> Deeds:
    """A program of the outer world tries a door, as it does everywhere."""
    stranger = f"192.0.2.{luck.randint(1, 250)}"
    for _ in range(luck.randint(1, 4)):
        at += luck.randint(1, 20) * SECOND
        name = luck.choice(OUTSIDE)
        yield Deed(at=at, actor=stranger, dst=door, service="https", rule=rule(name), tactics=tactics(name), stray=True)


def mesh(estate: Estate, luck: random.Random, host: str, at: int) -> Deeds:
    """Updates look for neighbours that have them: one port, tried on many hosts."""
    zones = [zone for zone in estate.site.zones if any(estate.passable(host, name) for name in estate.inside(zone))]
    zone = luck.choice(zones)
    network = ipaddress.ip_network(estate.site.zones[zone].networks[0])
    for dst in (*estate.inside(zone)[:6], *(str(network[EMPTY + number]) for number in range(6))):
        at += QUICK
        yield benign(at, host, dst, MESH_PORT, "syn-probe")


def inventory(estate: Estate, luck: random.Random, scanner: str, at: int) -> Deeds:
    """A new tool lists what is in the plant: asks each controller what it is, and for points that it does not have."""
    for dst in luck.sample(estate.named("plc"), min(4, len(estate.named("plc")))):
        yield benign(at, scanner, dst, "modbus", "modbus-identify")
        for number in range(9):
            at += SECOND
            yield benign(at, scanner, dst, "modbus", "modbus-refused", about=str(4000 + number))


def optimised(estate: Estate, luck: random.Random, historian: str, at: int) -> Deeds:
    """A new optimiser on the historian sets points, where the site's file says that it only reads."""
    target = luck.choice(estate.named("plc"))
    for number in range(3):
        yield benign(at + number * 5 * MINUTE, historian, target, "modbus", "modbus-write")


def rollout(estate: Estate, luck: random.Random, _server: str, at: int) -> Deeds:
    """A new form with a macro goes round: scripts start shells on a dozen desks within the hour."""
    people = estate.named("workstation")
    for host in luck.sample(people, min(12, len(people))):
        at += luck.randint(1, 8) * MINUTE
        yield benign(at, host, name="script-host-starts-powershell")


def offsite(_estate: Estate, luck: random.Random, server: str, at: int) -> Deeds:
    """A server's data go to a new provider outside."""
    yield benign(at, server, f"192.0.2.{luck.randint(1, 250)}", "https", "bulk-upload")
