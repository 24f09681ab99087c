"""``tercio hunt`` on a site's settings and a real store."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tercio import content
from tercio.app.assemble import site_of
from tercio.app.commands import hunt as command
from tercio.app.quest import Progress
from tercio.app.settings import load
from tercio.model.events import Batch
from tercio.model.units import instant
from tercio.products.sensors import SENSORS
from tests.app.given import TOML, Cli, home
from tests.stored import PASSWORD, filled, running_store

STORE = """
[store]
kind = "clickhouse"
url = "{url}"
user = "tercio"
password_file = "store.password"
"""
CASES = Path(content.__file__).parent / "rules"
WRITE, SWEEP, PROBE = (
    "c4f6a0d8-2e17-4b3a-9d88-7a5b1e0f6e24",
    "8e2c7a90-51f4-4d6c-b7d5-3f9d2e6a4c73",
    "5b0f1c62-3b8e-4f0e-8b59-b1a4a7a1d0c2",
)
SINCE = ("--since", "2026-01-01")
RECEIVED = instant("2026-12-31T00:00Z")


def site(folder: Path, url: str) -> Path:
    """A home whose store is this one."""
    settings = home(folder, TOML + STORE.format(url=url))
    (folder / "store.password").write_text(PASSWORD)
    (folder / "store.password").chmod(0o600)
    return settings


def batches() -> list[Batch]:
    return [
        Batch("ot", name, 0, tuple((CASES / name / "positive.ndjson").read_bytes().splitlines(keepends=True)), RECEIVED)
        for name in ("modbus-write", "port-sweep", "syn-probe")
    ]


@pytest.fixture(scope="module")
def settings(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose store has three recorded cases."""
    path = site(tmp_path_factory.mktemp("site"), f"{store_url}/hunted")
    filled(f"{store_url}/hunted", site_of(load(path)).name, {"ot": SENSORS["suricata"]}, batches()).close()
    return path


@pytest.fixture(autouse=True)
def the_recordings_have_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "now", lambda: RECEIVED)


def said(cli: Cli, *words: str, settings: Path) -> dict[str, Any]:
    done = cli("hunt", *words, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_rule_by_its_id(cli: Cli, settings: Path):
    told = said(cli, WRITE, *SINCE, settings=settings)
    (rule,) = told["rules"]
    assert (rule["rule"], rule["asked"], rule["silent"]) == (WRITE, True, "")
    assert rule["count"] == len(rule["kept"]) > 0
    assert told["whole"] is True
    assert told["trouble"] == ""
    assert {held["source"] for held in told["held"]} == {"ot"}
    assert all(found["fields"] and found["source"] == "ot" for found in rule["kept"])


def test_a_correlation_by_its_title_with_the_rules_that_it_needs(cli: Cli, settings: Path):
    told = said(cli, "port sweep TOWARDS ot", *SINCE, settings=settings)
    (found,) = told["correlations"]
    assert (found["rule"], found["asked"]) == (SWEEP, True)
    assert found["count"] > 0
    assert {rule["asked"] for rule in told["rules"]} == {False}
    cited = {event for finding in found["kept"] for event in finding["events"]}
    assert cited <= {each["event"] for rule in told["rules"] for each in rule["kept"]}


def test_a_folder_of_rules_and_a_file(cli: Cli, settings: Path):
    by_id = said(cli, WRITE, *SINCE, settings=settings)
    for path in (CASES / "modbus-write", CASES / "modbus-write" / "rule.yml"):
        assert said(cli, str(path), *SINCE, settings=settings)["rules"] == by_id["rules"]


def test_a_correlation_without_the_rules_that_it_needs_is_left_out(cli: Cli, settings: Path):
    done = cli("hunt", str(CASES / "port-sweep"), *SINCE, settings=settings)
    assert done.returncode == 1
    assert "there is no rule to hunt with" in done.stderr
    told = said(
        cli, *(str(CASES / name) for name in ("port-sweep", "syn-probe", "tcp-handshake")), *SINCE, settings=settings
    )
    assert told["correlations"][0]["count"] > 0


def test_the_page(cli: Cli, settings: Path):
    done = cli("hunt", WRITE, "Port sweep towards OT", "--since", "2000-01-01", "--limit", "2", settings=settings)
    assert done.returncode == 0
    for words in (
        "Looked for 2000-01-01 00:00:00Z to 2026-12-31",
        "Of ot the store holds nothing before",
        "Modbus write",
        "Port sweep towards OT",
        "the first 2 below",
    ):
        assert words in " ".join(done.stdout.split())


def test_nothing_of_that_time(cli: Cli, settings: Path):
    done = cli("hunt", WRITE, "--since", "2001-01-01", "--until", "2001-02-01 06:00", settings=settings)
    assert done.returncode == 0
    assert "The store holds nothing of that time that these rules are about" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("no such rule",), "no rule that you run has the id or title 'no such rule'"),
        ((WRITE, str(CASES)), f"{WRITE}: there is no such file or folder; name either paths, or rules"),
        ((WRITE, "--since", "yesterday"), "'yesterday' is no time; write how long ago"),
        ((WRITE, "--since", "2026-13-01"), "'2026-13-01' is no time"),
        ((WRITE, "--since", "1h", "--until", "2h"), "that time ends before it begins"),
        ((str(CASES / "README.md"),), "not YAML"),
    ],
)
def test_words_that_mean_nothing(cli: Cli, settings: Path, words: tuple[str, ...], told: str):
    done = cli("hunt", *words, settings=settings)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert not done.stdout


def test_settings_without_a_store(cli: Cli, tmp_path: Path):
    done = cli("hunt", WRITE, settings=home(tmp_path))
    assert done.returncode == 78
    assert "[store]" in done.stderr


def test_a_store_that_is_not_there(cli: Cli, tmp_path: Path):
    done = cli("hunt", WRITE, settings=site(tmp_path, "http://127.0.0.1:9"))
    assert done.returncode == 1
    assert "the event store" in done.stderr


def test_ctrl_c_tells_what_was_found_so_far(cli: Cli, settings: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "EVERY", 0)

    def interrupted(progress: Progress, _: float) -> str:
        if progress.found:
            signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr(command, "how_far", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # Who runs in the background has it ignored.
    try:
        done = cli("hunt", WRITE, *SINCE, "--json", settings=settings)
    finally:
        signal.signal(signal.SIGINT, before)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["whole"] is False
    assert told["trouble"] == "it ended early: stopped by you"
    assert told["rules"][0]["count"] > 0


def test_a_store_that_dies_tells_what_was_found_so_far(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "EVERY", 0)
    monkeypatch.setattr("tercio.app.hunt.ROWS", 3)
    with running_store(tmp_path) as store:
        path = site(tmp_path / "site", store.url)
        filled(store.url, site_of(load(path)).name, {"ot": SENSORS["suricata"]}, batches()).close()

        def kill(progress: Progress, _: float) -> str:
            if progress.found:
                os.kill(store.pid, signal.SIGKILL)
            return ""

        monkeypatch.setattr(command, "how_far", kill)
        done = cli("hunt", WRITE, *SINCE, "--json", settings=path)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert "it ended early: the event store" in told["trouble"]
    assert (told["whole"], told["rules"][0]["count"] > 0) == (False, True)


def test_how_far_it_is():
    assert command.how_far(Progress(0, 1000, 0, 0, 0), 1.0) == "0 of 1,000 records, 0 matches"
    assert command.how_far(Progress(250, 1000, 9, 3, 0), 10.0) == "250 of 1,000 records, 3 matches, 30 s left"
