"""What intruders do, step by step: land, look around, enter, strike. Kinds differ in order, pace and patience."""

import ipaddress
from collections.abc import Callable, Generator, Iterable, Sequence

import msgspec

from tercio.drills.simulated.deeds import Announced, Answer, Deed, Goal, Play
from tercio.drills.simulated.dice import dice
from tercio.drills.simulated.estate import WEAK, Estate
from tercio.drills.simulated.parameters import Parameters
from tercio.drills.simulated.rules import CONTROL_LEVEL, crossing, rule, tactics
from tercio.model.site import CONTROLLERS
from tercio.model.units import SECOND

Steps = Generator[Deed | Announced, Answer, bool]
"""A part of a play; returns whether it came to what it was for."""

Cast = Callable[[Estate, Parameters, int, int], Sequence[Play]]
"""Makes the plays of a kind for an estate, parameters, a seed and the instant at which the episode begins."""

MINUTE = 60 * SECOND

SPREAD = 0.8
"""Standard deviation of the logarithm of a step's time. Assumed; published breakout times (29 minutes on average, 27
seconds at the fastest: CrowdStrike, Global Threat Report 2026) would give 1.1 over all intruders together."""

LINUX = frozenset({"web", "database", "backup", "mail", "vpn"})
"""Roles whose hosts log as Linux does. Assumed of service firms; every other host with a log is a Windows."""

WAYS_ON = ("jump", "historian", "ews", "directory", "vpn", "web", "server", "database", "backup", "hmi", "workstation")
"""Roles in the order in which an intruder who wants further in tries their hosts."""

MOST_TRIED = 12
"""So many hosts of a zone are tried before it is given up."""

PORTS = ("s7", "enip", "opcua")
"""What a sweep asks for beside Modbus."""

EMPTY = 2304
"""From this place of a zone's network on, no estate has hosts: where a sweep meets nobody."""

QUICK = SECOND // 10
"""Between two attempts of a program (microseconds)."""

GUESSES = 9
"""Passwords that somebody loud tries before he gets in, or goes on."""


class Style(msgspec.Struct, frozen=True):
    """How somebody works. ``pace`` is the median time between two steps (microseconds); the rest are names of rules of
    which each step matches one, by chance (empty: nothing): ``landing`` on the first host, ``attempt`` on the wire when
    a door is tried, ``windows`` and ``linux`` in the log of a host that he got into."""

    pace: int
    landing: tuple[str, ...] = ("script-host-starts-powershell", "encoded-powershell", "download-by-system-tool")
    attempt: tuple[str, ...] = ("ids-attempt",)
    windows: tuple[str, ...] = ("service-runs-a-shell", "psexec-service", "wmi-starts-a-shell", "lsass-memory-read")
    linux: tuple[str, ...] = ("web-account-runs-shell", "shell-outward", "fetched-to-scratch")

    @property
    def loud(self) -> bool:
        """Whether every attempt at a door shows."""
        return all(self.attempt)


class Intruder:
    """Somebody on his way: what he knows, which machines he holds, and when he acts next.

    He knows the map of the place, since to find it out costs him nothing that shows here; what lets him in he finds out
    by trying.
    """

    def __init__(self, estate: Estate, parameters: Parameters, name: str, style: Style, seed: int, at: int) -> None:
        self.estate, self.style, self.at = estate, style, at
        self.luck = dice(seed, "intruder", name)
        self.holds: list[str] = []
        self._tempo = parameters.tempo
        self._swept: set[str] = set()

    def rest(self, median: int) -> None:
        """Let time pass before the next deed: about ``median`` microseconds at his tempo."""
        self.at += round(median * self._tempo * self.luck.lognormvariate(0.0, SPREAD))

    def do(
        self,
        actor: str,
        dst: str = "",
        service: str = "",
        name: str = "",
        goal: Goal = Goal.NONE,
        *,
        src: str = "",
        about: str = "",
    ) -> Steps:
        """One hostile deed that matches the rule ``name``; returns whether it worked."""
        answer = yield Deed(
            at=self.at,
            actor=actor,
            src=src,
            dst=dst,
            service=service,
            rule=rule(name) if name else "",
            tactics=tactics(name),
            about=about,
            hostile=True,
            goal=goal,
        )
        self.at = answer.at
        return answer.worked

    def land(self, host: str, name: str | None = None) -> Steps:
        """Somebody at ``host`` opened his mail, or the intruder works there. ``name`` of the rule: drawn."""
        seen = self.luck.choice(self.style.landing) if name is None else name
        yield from self.do(host, name=seen, goal=Goal.ENTER)
        self.holds.append(host)
        return True

    def near(self, dst: str) -> list[str]:
        """Where he stands from which the plant's firewall lets him speak to ``dst``, the latest first."""
        return [here for here in reversed(self.holds) if here != dst and self.estate.passable(here, dst)]

    def enter(self, dst: str, *, everywhere: bool = False) -> Steps:
        """Try the doors that hosts of this role have, from his latest foothold (``everywhere``: from each)."""
        asset = self.estate.site.assets[dst]
        for here in self.near(dst)[: None if everywhere else 1]:
            for service, _ in WEAK.get(asset.role, ()):
                self.rest(self.style.pace)
                if service == "ssh" and self.style.loud:
                    yield from self._guess(here, dst)
                name = crossing(self.estate, here, dst, service) or self.luck.choice(self.style.attempt)
                if (yield from self.do(here, dst, service, name, Goal.ENTER)):
                    self.holds.append(dst)
                    yield from self.settle(dst)
                    return True
        return False

    def _guess(self, here: str, dst: str) -> Steps:
        for number in range(GUESSES):
            self.at += SECOND
            yield from self.do(here, dst, "ssh", "ssh-refused", about=f"user{number % 3}")
        return False

    def settle(self, host: str) -> Steps:
        """What he does first on a host that he got into, by its own log."""
        role = self.estate.site.assets[host].role
        says = self.style.linux if role in LINUX else self.style.windows
        self.rest(self.style.pace // 4)
        return (yield from self.do(host, name=self.luck.choice(says) if says else ""))

    def spray(self, here: str, accounts: int = 6) -> Steps:
        """A few passwords for many accounts of the directory, of which one is right."""
        for host in self.estate.named("directory")[:1]:
            for number in range(accounts):
                self.at += 2 * SECOND
                yield from self.do(here, host, "kerberos", "kerberos-refused", about=f"u-ws{number + 1}")
            self.at += 2 * SECOND
            return (yield from self.do(here, host, "kerberos", "kerberos-granted"))
        return False

    def sweep(self, zone: str) -> Steps:
        """Look around in a zone, once: in OT attempts on every host and on addresses where nobody is, elsewhere what
        the site's own signatures say of that."""
        hosts = list(self.estate.inside(zone))
        here = next((near for host in hosts for near in self.near(host)), "")
        if zone in self._swept or not here:
            return False
        self._swept.add(zone)
        self.rest(self.style.pace)
        if self.estate.site.zones[zone].level > CONTROL_LEVEL:
            return (yield from self.do(here, hosts[0], "smb", "ids-scan"))
        network = ipaddress.ip_network(self.estate.site.zones[zone].networks[0])
        targets = [*hosts[:8], *(str(network[EMPTY + n]) for n in range(4))]
        for dst, service in [(dst, "modbus") for dst in targets] + [(hosts[0], port) for port in PORTS]:
            self.at += QUICK
            yield from self.do(here, dst, service, "syn-probe")
        return True

    def approach(self, target: str) -> Steps:
        """Go from zone to zone until he stands somewhere from which he may speak to ``target``."""
        while not self.near(target):
            step = next_zone(self.estate, self.holds, self.estate.site.zone_of(target))
            if not step or not (yield from self.break_into(step)):
                return False
        return True

    def break_into(self, zone: str, *, everywhere: bool = False) -> Steps:
        """Get into any one host of a zone."""
        hosts = [name for name in self.estate.inside(zone) if name not in self.holds]
        self.luck.shuffle(hosts)
        roles = {name: self.estate.site.assets[name].role for name in hosts}
        hosts = [name for name in hosts if roles[name] in WAYS_ON]
        for host in sorted(hosts, key=lambda name: WAYS_ON.index(roles[name]))[:MOST_TRIED]:
            if (yield from self.enter(host, everywhere=everywhere)):
                return True
        return False

    def strike(self, target: str, *, everywhere: bool = False) -> Steps:
        """Do what he came for: stop a controller, or encrypt a host, wherever he can still do it from."""
        role = self.estate.site.assets[target].role
        if role not in CONTROLLERS:
            if target not in self.holds and not (yield from self.enter(target, everywhere=everywhere)):
                return False
            return (yield from self.encrypt(target))
        for here in self.near(target)[: None if everywhere else 1]:
            self.rest(self.style.pace)
            if (yield from self.do(here, target, "modbus", "modbus-write", Goal.CONTROL)):
                self.rest(self.style.pace)
                return (yield from self.do(here, target, "modbus", "modbus-write", Goal.STOP))
        return False

    def encrypt(self, host: str) -> Steps:
        """Destroy the data of a host that he holds, its ways back first."""
        linux = self.estate.site.assets[host].role in LINUX
        self.rest(self.style.pace)
        yield from self.do(host, name="logs-destroyed" if linux else "recovery-removed")
        self.at += SECOND
        return (yield from self.do(host, name="data-encrypted" if linux else "files-encrypted", goal=Goal.ENCRYPT))

    def campaign(self, most: int = 2, *, everywhere: bool = False) -> Steps:
        """From what he holds to what matters, and strike, until so many strikes came home."""
        done = 0
        for target in self.prizes():
            if not (yield from self.approach(target)):
                continue
            yield from self.sweep(self.estate.site.zone_of(target))
            done += yield from self.strike(target, everywhere=everywhere)
            if done >= most:
                break
        return done > 0

    def prizes(self) -> list[str]:
        """What matters here: the controllers of processes, or the databases of services, in an order of his own."""
        needs = {need for process in self.estate.site.processes.values() for need in process.needs}
        found = [name for name in sorted(needs) if self._matters(self.estate.site.assets[name].role)]
        self.luck.shuffle(found)
        return found

    def _matters(self, role: str) -> bool:
        return role in CONTROLLERS if self.estate.kind == "plant" else role == "database"


def next_zone(estate: Estate, holds: Iterable[str], goal: str) -> str:
    """The first zone on the shortest way from where somebody stands to hosts of ``goal``; empty where there is none, or
    he stands in the last before it."""
    came: dict[str, str | None] = {estate.site.zone_of(name): None for name in holds}
    todo = list(came)
    for zone in todo:
        for src, dst in sorted(estate.passes):
            if src == zone and dst and dst not in came:
                came[dst] = zone
                todo.append(dst)
    if goal not in came:
        return ""
    while (before := came[goal]) is not None and came[before] is not None:
        goal = before
    return goal


def alone(name: str, style: Style, act: Callable[[Intruder], Play]) -> Cast:
    """The plays of a kind that is one intruder by himself: ``act`` is all that he does."""

    def plays(estate: Estate, parameters: Parameters, seed: int, start: int) -> Sequence[Play]:
        return (act(Intruder(estate, parameters, name, style, seed, begins(name, parameters, seed, start))),)

    return plays


def begins(name: str, parameters: Parameters, seed: int, start: int) -> int:
    """When an intruder's first deed is: within the first third of the episode."""
    return start + round(dice(seed, "begins", name).uniform(0.03, 0.33) * parameters.length)
