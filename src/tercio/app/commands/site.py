"""Commands about the model of the site."""

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from tercio.app import pages, sitedraw, suricata
from tercio.app.assemble import bounded, site_of
from tercio.app.settings import load
from tercio.app.terminal import HERE, Json, SettingsFile, emit, fail, out, sentence
from tercio.model.decisions import Reach
from tercio.model.sitecheck import Severity, check_site
from tercio.model.sitewords import meaning


def site_check(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Say in words what site.toml means, and what is missing, contradictory or dangerous in it.

    Exit status 1 where something must be corrected first: until then the whole site stays in shadow.
    """
    known = load(settings)
    site = site_of(known)
    remarks = check_site(site, [Reach(hand.name, hand.mechanism, hand.zones) for hand in known.hands])
    wrong = any(remark.severity == Severity.ERROR for remark in remarks)
    if json:
        emit({"site": site.name, "ok": not wrong, "meaning": meaning(bounded(site)), "remarks": remarks})
    else:
        out.print(pages.site_page(site, meaning(bounded(site)), remarks))
    raise typer.Exit(1 if wrong else 0)


def site_suricata(settings: SettingsFile = HERE, json: Json = False) -> None:
    """Write what your Suricata needs for this site, beside the settings: settings to include, and Tercio's rules.

    Do it anew when zones change, or Tercio was updated. Files of these names are written over; Suricata is not touched.
    """
    known = load(settings)
    here, made = known.file.parent, suricata.texts(site_of(known), known.file.parent)
    for name, text in made.items():
        try:
            (here / name).write_text(text, encoding="utf-8")
        except OSError as error:
            fail(f"{here / name}: {error.strerror}; write as a user who may")
    if json:
        emit({"written": [str(here / name) for name in made]})
        return
    sentence(out, f"Written to {here}: {', '.join(made)}.", "")
    sentence(out, suricata.to_do(here), "")


def site_show(
    settings: SettingsFile = HERE,
    json: Json = False,
    svg: Annotated[bool, typer.Option("--svg", help="A drawing, as SVG on stdout.")] = False,
) -> None:
    """Draw the site: its zones from the outside in, their assets, and the flows that each process needs."""
    site = site_of(load(settings))
    if json:
        emit({"site": site} | ({"svg": sitedraw.picture(site)} if svg else {}))
    elif svg:
        typer.echo(sitedraw.picture(site), nl=False)
    else:
        out.print(Group(*map(Text, sitedraw.outline(site))))
