"""What ``tercio up`` looks at and says before it starts anything, so that nobody relies on what will not happen."""

from collections.abc import Iterator

from tercio.app.assemble import site_of
from tercio.app.checkup import ended_range
from tercio.app.settings import Settings, SettingsError
from tercio.app.supervisor import unwritable
from tercio.content import rule_ids
from tercio.loop.state import Content
from tercio.model.site import Autonomy
from tercio.model.sitecheck import Severity, check_site
from tercio.store.lock import WriterLock

SHOWN = 3
"""Rules that are told one by one; the doctor lists all."""


def may_start(settings: Settings) -> None:
    """Raise StateLocked where a loop writes this state already (a second one's hands would take the first one's
    places), and SettingsError where the state can't be written, or nothing is left to defend."""
    if words := ended_range(settings):
        raise SettingsError(words)
    try:
        WriterLock(settings.state / "state.lock").release()
    except OSError as error:
        raise unwritable(settings.state, error) from None


def outset(settings: Settings, content: Content) -> Iterator[str]:
    """What people must know before they rely on it: rules that are not live, zones in which nothing will be done."""
    rejected = content.rules.rejected
    for rule in rejected[:SHOWN]:
        title = f" ({rule.title!r})" if rule.title else ""
        yield f"{rule.file}:{rule.line}: this rule is not used{title}: {rule.reason}"
    if rejected or unrouted(content):
        yield f"{live(content)}; `tercio doctor` lists them"
    yield from _shadow(settings, content)


def unrouted(content: Content) -> dict[str, str]:
    """The site's own rules that find no source to look at, and why."""
    ours = rule_ids()
    return {name: why for name, why in content.detector.unrouted.items() if name not in ours}


def waiting(content: Content) -> dict[str, str]:
    """The rules that Tercio brings along for sources which this site does not have, and what they lack."""
    ours = rule_ids()
    return {name: why for name, why in content.detector.unrouted.items() if name in ours}


def live(content: Content) -> str:
    """How many rules run, and how many do not, in one line. Ours for which the site has no source do not count."""
    known = len(content.rules.rules) + len(content.rules.correlations) - len(waiting(content))
    silent, broken = len(unrouted(content)), len(content.rules.rejected)
    words = f"{known - silent:,} of {known + broken:,} rules are live"
    parts = [f"{broken:,} can't be used"] * bool(broken) + [f"{silent:,} find no source to look at"] * bool(silent)
    return f"{words}; {' and '.join(parts)}" if parts else words


def _shadow(settings: Settings, content: Content) -> Iterator[str]:
    wanted = site_of(settings)
    if content.site != wanted:
        errors = [remark for remark in check_site(wanted) if remark.severity == Severity.ERROR]
        yield (
            f"NOTHING WILL BE DONE: all of {settings.site} stays in shadow until its errors are corrected "
            f"({errors[0].place} {errors[0].words}); `tercio site check` lists them"
        )
        return
    quiet = [zone.name for zone in content.site.zones.values() if zone.autonomy == Autonomy.SHADOW]
    if quiet:
        yield f"in shadow: {', '.join(quiet)}; there Tercio says what it would do, and does nothing"
