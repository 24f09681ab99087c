"""The site as a picture (SVG) and as text: zones from the outside in, assets, the flows that processes need."""

from collections.abc import Iterator
from html import escape

from tercio.agents.plain import plain
from tercio.model.site import CONTROLLERS, Asset, Flow, Site, Zone
from tercio.model.units import money

BOX, GAP, LEFT, MARGIN, HIGH, ROW = 128, 24, 150, 20, 48, 80
"""Sizes in pixels: an asset's width, the gap between two, where the first begins, the margin, an asset's height, a
row's height."""

ACROSS = 8
"""Assets in one row; a zone with more has several."""

ZONE_FILL = ("#e6f5ea", "#eef4fb", "#fdf6ea")
"""Up to control level, up to the DMZ, outside."""
PROCESS_STROKES = ("#2457a5", "#a8620b", "#1f7a3d", "#7a2f7a", "#a52438")
LEGEND = "lines: flows that a process needs (dashed: only read, or alarms); thick: moves something; red: never touched"
SVG = "xmlns='http://www.w3.org/2000/svg' role='img'"
FONT = "font-family='system-ui, sans-serif'"


def picture(site: Site) -> str:
    """The whole site as SVG text, the same for the same site."""
    zones, places, tops = inwards(site), {}, [MARGIN]
    for zone in zones:
        assets = inside(site, zone)
        for number, asset in enumerate(assets):
            row, column = divmod(number, ACROSS)
            places[asset.name] = (LEFT + column * (BOX + GAP), tops[-1] + 44 + row * ROW)
        tops.append(tops[-1] + 58 + ROW * max(1, -(-len(assets) // ACROSS)))
    width = max(720, max((x for x, _ in places.values()), default=LEFT) + BOX + MARGIN * 2)
    height = tops[-1] + MARGIN * 2 + 22 * len(site.processes)
    parts = [
        f"<svg {SVG} viewBox='0 0 {width} {height}' aria-label='{_text(f'The site {site.name}')}'>",
        f"<rect width='{width}' height='{height}' rx='10' fill='#ffffff'/>",
    ]
    for row, zone in enumerate(zones):
        parts += _zone(zone, tops[row], tops[row + 1], width)
    for number, name in enumerate(sorted(site.processes)):
        stroke = PROCESS_STROKES[number % len(PROCESS_STROKES)]
        parts += [_flow(places, flow, stroke) for flow in site.processes[name].flows]
        parts.append(_legend(site, name, stroke, tops[-1] + 16 + 22 * number))
    for zone in zones:
        for asset in inside(site, zone):
            parts += _asset(site, asset, *places[asset.name])
    parts.append(_words(MARGIN, height - 16, LEGEND, 11, "#445"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def outline(site: Site) -> tuple[str, ...]:
    """The same as lines of text."""
    lines: list[str] = [plain(site.name)]
    for zone in inwards(site):
        lines += ["", f"{zone.name}, level {zone.level:g}, {', '.join(zone.networks)}: {zone.autonomy}"]
        lines += [f"  {a.name:<12} {plain(a.role, 20):<12} {', '.join(a.addresses)}" for a in inside(site, zone)]
    for name in sorted(site.processes):
        process = site.processes[name]
        lines += ["", f"{name}, {money(process.outage_per_hour, site.currency)} an hour, needs {_names(process.needs)}"]
        lines += [f"  {_way(site, flow)}" for flow in process.flows]
    return tuple(lines)


def inwards(site: Site) -> list[Zone]:
    """Zones, the outermost first."""
    return sorted(site.zones.values(), key=lambda zone: (-zone.level, zone.name))


def inside(site: Site, zone: Zone) -> list[Asset]:
    """The assets of one zone: controllers last, else by name."""
    assets = [asset for asset in site.assets.values() if asset.zone == zone.name]
    return sorted(assets, key=lambda asset: (asset.role in CONTROLLERS, asset.name))


def _way(site: Site, flow: Flow) -> str:
    zones = [site.assets[name].zone for name in (flow.src, flow.dst)]
    through = f"inside {zones[0]}" if zones[0] == zones[1] else f"through the conduit {zones[0]} -> {zones[1]}"
    return f"{flow.src} -> {flow.dst} {flow.service}{' (alarms)' if flow.alarm else ''}, {through}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


def _zone(zone: Zone, top: int, bottom: int, width: int) -> Iterator[str]:
    fill = ZONE_FILL[0 if zone.level <= 2 else 1 if zone.level <= 3.5 else 2]
    yield (
        f"<rect x='{MARGIN}' y='{top}' width='{width - 2 * MARGIN}' height='{bottom - top - 14}' rx='8' fill='{fill}' "
        "stroke='#9aa5b1'/>"
    )
    yield _words(MARGIN + 14, top + 26, zone.name, 16, "#223", "bold")
    for line, text in enumerate((f"level {zone.level:g}, {zone.autonomy}", *zone.networks[:3])):
        yield _words(MARGIN + 14, top + 46 + 15 * line, text, 11, "#445")


def _asset(site: Site, asset: Asset, x: int, y: int) -> Iterator[str]:
    guarded = asset.role == "safety" or any(asset.name in process.safety for process in site.processes.values())
    fill = "#fbe4e4" if guarded or asset.name in site.never_assets else "#ffffff"
    stroke = f"stroke='#334' stroke-width='{2.4 if asset.role in CONTROLLERS else 1.2}'"
    yield f"<rect x='{x}' y='{y}' width='{BOX}' height='{HIGH}' rx='6' fill='{fill}' {stroke}/>"
    view = any(asset.name in process.views for process in site.processes.values())
    yield _words(x + BOX / 2, y + 20, asset.name, 13, "#112", "bold", "middle")
    yield _words(x + BOX / 2, y + 37, f"{asset.role}{', view' if view else ''}", 11, "#445", anchor="middle")


def _flow(places: dict[str, tuple[int, int]], flow: Flow, stroke: str) -> str:
    """A curve that bends around the boxes between its ends: below them inside a zone, from edge to edge else."""
    (x1, y1), (x2, y2) = places[flow.src], places[flow.dst]
    dashes = " stroke-dasharray='5 4'" if flow.alarm or flow.access == "read" else ""
    aside = 18 if flow.alarm else 0
    a, b = x1 + BOX // 2 + aside, x2 + BOX // 2 + aside
    if y1 == y2:
        low, deep = y1 + HIGH, y1 + HIGH + 30 + aside // 2
        path = f"M{a} {low} C{a} {deep} {b} {deep} {b} {low}"
    else:
        start, end = (y1 + HIGH, y2) if y1 < y2 else (y1, y2 + HIGH)
        middle = (start + end) // 2
        path = f"M{a} {start} C{a} {middle} {b} {middle} {b} {end}"
    title = _text(f"{flow.src} to {flow.dst}: {flow.service}{', alarms' if flow.alarm else f', {flow.access}'}")
    return f"<path d='{path}' fill='none' stroke='{stroke}' stroke-width='1.8'{dashes}><title>{title}</title></path>"


def _legend(site: Site, name: str, stroke: str, y: int) -> str:
    cost = money(site.processes[name].outage_per_hour, site.currency)
    line = f"<line x1='{MARGIN}' y1='{y - 4}' x2='{MARGIN + 26}' y2='{y - 4}' stroke='{stroke}' stroke-width='1.8'/>"
    return line + _words(MARGIN + 34, y, f"{name}: {cost} an hour", 12, "#223")


def _words(x: float, y: float, text: str, size: int, fill: str, weight: str = "normal", anchor: str = "start") -> str:
    style = f"font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='{fill}'"
    return f"<text x='{x:g}' y='{y:g}' {FONT} {style}>{_text(text)}</text>"


def _text(text: str) -> str:
    return escape(plain(text, 160), quote=True)
