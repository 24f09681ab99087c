"""What is said of the past, by the real store."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tercio.app.checkup import Weight
from tercio.app.eventstore import archive_of, password_file
from tercio.app.kept import LATE, LOSSES, kept
from tercio.app.settings import Settings, load
from tercio.app.supervisor import prepare
from tercio.products.transports.logfile import end_of
from tercio.store.events import Events, Line, Lost
from tests.app.given import TOML, changed, home
from tests.stored import PASSWORD

NOW = 1_900_000_000_000_000


@pytest.fixture
def settings(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A site of its own in the store."""
    port = urlsplit(store_url).port
    path = home(tmp_path, f'{TOML}\n[store]\nkind = "embedded"\nport = {port}\n')
    site = tmp_path / "site.toml"
    site.write_text(changed('name = "Range"', f'name = "{request.node.name}"', site.read_text()))
    loaded = load(path)
    prepare(loaded)
    password_file(loaded).write_text(PASSWORD)
    return loaded


@pytest.fixture
def events(settings: Settings) -> Iterator[Events]:
    with closing(archive_of(settings)) as events:
        events.prepare(["event_type"], settings.store.keep)
        yield events


def told(settings: Settings, now: int = NOW) -> dict[str, tuple[Weight, str]]:
    return {finding.what: (finding.weight, finding.words) for finding in kept(settings, now)}


def test_without_a_store_nothing_is_said(tmp_path: Path):
    assert told(load(home(tmp_path))) == {}


def test_all_of_a_file_is_kept_or_waits_or_waits_too_long(settings: Settings, events: Events):
    path = settings.sources[0].path
    path.write_bytes(b"{}\n" * 10)
    place = end_of(path)
    assert place is not None
    kept_lines = [Line("ot", place[0], at * 3, "suricata", "", NOW, NOW, b"{}\n", {}) for at in range(10)]
    events.write(kept_lines)
    found = told(settings)
    assert found["store"][0] == Weight.OK
    assert "holds 10 records" in found["store"][1]
    assert found["archive ot"] == (Weight.OK, f"all of {path} is kept; last kept 0.0 ms ago")
    with path.open("ab") as file:
        file.write(b"{}\n" * 5)
    weight, words = told(settings)["archive ot"]
    assert (weight, words) == (Weight.OK, f"15 bytes of {path} wait to be kept; last kept 0.0 ms ago")
    assert told(settings, NOW + LATE + 1)["archive ot"][0] == Weight.FAIL


@pytest.mark.usefixtures("events")
def test_nothing_kept_and_nothing_there(settings: Settings):
    path = settings.sources[0].path
    path.write_bytes(b"")
    assert told(settings)["archive ot"] == (Weight.OK, f"{path} has nothing to keep now; nothing is kept of it yet")
    path.write_bytes(b"{}\n")
    assert told(settings)["archive ot"] == (
        Weight.FAIL,
        f"3 bytes of {path} wait to be kept; nothing is kept of it yet",
    )


def test_losses_of_late_are_known(settings: Settings, events: Events):
    events.report([Lost("ot", NOW, 2, 4096, "files that rotation took away")])
    weight, words = told(settings)[LOSSES]
    assert weight == Weight.WARN
    assert words.startswith("2 times something was not kept in 7 d (4,096 bytes")
    assert LOSSES not in told(settings, NOW + 8 * 24 * 3600 * 10**6)


def test_a_store_that_does_not_run_or_never_ran(tmp_path: Path):
    loaded = load(home(tmp_path, f'{TOML}\n[store]\nkind = "embedded"\nport = 1\n'))
    weight, words = told(loaded)["store"]
    assert weight == Weight.WARN
    assert "made when the store first starts" in words
    prepare(loaded)
    here = "the event store can't be used: Connection refused"
    assert told(loaded)["store"] == (Weight.WARN, f"{here}; it does not run now: start `tercio up`")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(loaded.state / "loop.sock"))
        listening.listen()
        assert told(loaded)["store"] == (Weight.FAIL, f"{here}; nothing is kept of the past meanwhile")


def test_a_missing_package_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tercio.app.kept.find_spec", lambda name: None if name == "chdb" else object())
    assert told(settings) == {
        "store": (Weight.FAIL, "the Python packages chdb are missing: install tercio with its extra, tercio[store]")
    }
