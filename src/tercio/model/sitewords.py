"""What a site file means, in sentences that the process engineer can agree to, or not."""

from collections.abc import Iterable, Iterator

from tercio.model.site import Autonomy, Process, Site
from tercio.model.units import money, span

FREEDOM = {
    Autonomy.SHADOW: "Tercio only says what it would do",
    Autonomy.ADVISE: "Tercio asks before it acts",
    Autonomy.VETO: "Tercio asks before it acts (a veto window behaves so for now)",
    Autonomy.ACT: "Tercio acts by itself",
}
"""What people granted, by zone."""


def meaning(site: Site) -> tuple[str, ...]:
    """The site in sentences: zones and what may be done there, each process with its money and what is kept for it,
    what is never touched. Names are the site's own."""
    lines = [f"{site.name} has {_all(site.zones)} and {_counted(len(site.assets), 'asset')}."]
    zones = sorted(site.zones.values(), key=lambda zone: (-zone.level, zone.name))
    lines += [f"In {zone.name} (level {zone.level:g}) {FREEDOM[zone.autonomy]}." for zone in zones]
    for name in sorted(site.processes):
        lines += _process(site, site.processes[name])
    never = (*site.never_assets, *site.never_networks)
    lines.append(f"Never touched, for any reason: {_all(never)}." if never else "Nothing is on the never list.")
    for each in site.schedules:
        clock = f"{_minute(each.start_minute)} to {_minute(each.end_minute)} UTC"
        lines.append(f"{each.asset} may {each.activity} {each.target} daily from {clock}: that weakens it as evidence.")
    return tuple(lines)


def _process(site: Site, process: Process) -> Iterator[str]:
    name, currency = process.name, site.currency
    rate = f"An hour without {name} costs {money(process.outage_per_hour, currency)}"
    for after, amount in process.rates:
        rate += f", from {span(after)} on {money(amount, currency)}"
    scrap = money(process.scrap, currency)
    if process.scrap_by_phase:
        costs = process.scrap_by_phase.items()
        scrap = _all(f"{money(cost, currency) if cost else 'nothing'} in {phase}" for phase, cost in costs)
    restart = f"{money(process.restart_cost, currency)} and {span(process.restart_span)} to start again"
    yield f"{rate}; a stop scraps {scrap} and takes {restart}."
    yield f"So one stop costs {money(process.stake(), currency)}: what an attack on {name} is priced at."
    at_once = [need for need in process.needs if not process.tolerates.get(need)]
    spared = [f"{span(process.tolerates[n])} without {n}" for n in process.needs if process.tolerates.get(n)]
    yield f"{name} stops at once without {_all(at_once)}" + (f", and runs {_all(spared)}." if spared else ".")
    if process.views:
        one = f"Of its views {_all(process.views)} one" if len(process.views) > 1 else f"Its view {process.views[0]}"
        yield f"{one} is never taken away while {name} may be running."
    needed = [f"{flow.src} -> {flow.dst} ({flow.service})" for flow in process.flows if not flow.alarm]
    if needed:
        yield f"Kept open even while a conduit is closed: {_all(needed)}."
    alarms = [f"{flow.src} -> {flow.dst} ({flow.service})" for flow in process.flows if flow.alarm]
    yield f"Alarm paths, never taken away: {_all(alarms)}." if alarms else f"{name} lists no alarm path of its own."
    if process.downloads:
        loads = [f"{flow.src} -> {flow.dst} ({flow.service})" for flow in process.downloads]
        yield f"Not interrupted while a program may be being loaded: {_all(loads)}."
    if process.hold:
        yield f"Nothing is taken from it in {_all(process.hold)}, nor while nobody knows the phase."
    for group in process.redundant:
        yield f"Of {_all(group)} one always stays."
    if process.safety:
        yield f"Its safety function {_all(process.safety)} and the stations that write to it are never touched."
    elif process.safety_signed:
        yield f"It has no safety function: {process.safety_signed}."


def _all(words: Iterable[str]) -> str:
    texts = list(words)
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else (texts[0] if texts else "nothing")


def _counted(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
