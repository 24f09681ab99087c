"""A site's home as its engineer would set it up, a state that a loop left there, and pages as a terminal shows them."""

import io
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console, RenderableType

from tercio.app.settings import Settings, load
from tercio.app.supervisor import prepare
from tercio.drills.range.range import site_file
from tercio.loop.run import restored as restore
from tercio.loop.state import LoopState
from tercio.model.units import SECOND
from tercio.model.words import WordKind
from tercio.store.state import State
from tests.loop.given import Desk, content

TOML = """\
[tercio]
state = "state"
site = "site.toml"

[sources.ot]
sensor = "suricata"
path = "eve.json"

[hands.gateway]
mechanism = "nftables"
zones = ["office", "dmz", "ot"]
"""

DEMO = (
    TOML.replace('"eve.json"', '"range/eve.json"') + 'file = "gateway.toml"\nstart = "nsenter --net=/run/netns/gone"\n'
)
"""As a demo leaves its settings, once its namespaces are gone."""

HAND = """\
name = "gateway"
mechanism = "nftables"
socket = "{folder}/run/gateway.sock"
order_key = "{folder}/state/keys/order.pub"
longest = "1h"
"""


def home(folder: Path, text: str = TOML, *, hand: bool = False) -> Path:
    """Write settings, site, an empty source and, where wanted, the hand's own file; the settings' path."""
    folder.mkdir(parents=True, exist_ok=True)
    if hand:
        text += 'file = "gateway.toml"\n'
        (folder / "gateway.toml").write_text(HAND.format(folder=folder))
        (folder / "gateway.toml").chmod(0o600)
    (folder / "tercio.toml").write_text(text)
    (folder / "site.toml").write_text(site_file().read_text())
    (folder / "eve.json").touch()
    return folder / "tercio.toml"


def changed(old: str, new: str, text: str = TOML) -> str:
    """The settings with one piece of text replaced."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times there"
    return text.replace(old, new)


def keep(desk: Desk, settings: Settings) -> None:
    """Commit everything that a loop told by hand wanted written."""
    prepare(msgspec.structs.replace(settings, hands=()))
    with State.open(settings.state, origin="tercio/test") as store:
        for turn in desk.turns:
            if turn.transaction is not None:
                store.commit(turn.transaction)


def attacked(folder: Path, *, released: bool = False) -> tuple[Settings, Desk]:
    """A home where an intruder wrote to the controller and is refused; where ``released``, people undid that."""
    settings = load(home(folder, hand=True))
    desk = Desk().contained()
    if released:
        desk.say(WordKind.UNDO, desk.effect.lease)
        desk.answer()
    keep(desk, settings)
    return settings, desk


def restored(settings: Settings) -> LoopState:
    """The state as the next loop will find it."""
    with State.open(settings.state, origin="tercio/test") as store:
        return restore(store.restore(), content(), SECOND)[0]


def drawn(page: RenderableType, width: int = 100) -> str:
    """What a terminal gets, colours and all."""
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(page)
    return out.getvalue()


class Said(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Cli = Callable[..., Said]
"""The command line in this process: words, and ``settings`` as a path."""


def visible(text: str) -> bool:
    """Whether a text is one line of signs that are drawn: nothing that moves, hides, turns or colours."""
    return all(unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for sign in text)


def tercio(*words: str, settings: Path | None = None, **more: object) -> subprocess.CompletedProcess[str]:
    """The command line as people start it."""
    argv = [sys.executable, "-m", "tercio", *words, *(["--settings", str(settings)] if settings else [])]
    env = {k: v for k, v in os.environ.items() if k not in ("TERCIO_SETTINGS", "COLUMNS")}
    how = {"env": env, "cwd": "/", "timeout": 60, **more}
    return subprocess.run(argv, capture_output=True, text=True, check=False, **how)
