import json
import sqlite3
from pathlib import Path

import pytest

from tercio.app.cli import COMMANDS
from tercio.app.commands import check
from tercio.store.audit import verify
from tests.app.given import Cli, attacked, home


def verdict(cli: Cli, settings: Path, *words: str) -> tuple[int, dict]:
    done = cli("audit", "verify", *words, "--json", settings=settings)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_a_whole_journal_is_proved(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    status, found = verdict(cli, settings.file)
    assert (status, found["ok"], found["wrong"]) == (0, True, "")
    done = cli("audit", "verify", str(settings.state))
    assert done.returncode == 0, "a folder needs no settings"
    assert done.stdout.startswith(f"The journal is whole: {found['size']} records, ")
    assert done.stdout.endswith(f"root {found['root']}\n")


def test_one_byte_changed_is_found(tmp_path: Path, cli: Cli):
    settings, desk = attacked(tmp_path)
    path = settings.state / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    data = bytearray(path.read_bytes())
    at = data.find(b'"asset":"ws1"')
    assert at > 0
    data[at + 11] ^= 1
    path.write_bytes(data)
    status, found = verdict(cli, settings.file)
    assert (status, found["ok"]) == (1, False)
    done = cli("audit", "verify", settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"The journal is wrong: {found['wrong']}\n"
    assert desk.effect


def test_an_anchor_that_was_kept_elsewhere_holds_a_journal_to_its_word(tmp_path: Path, cli: Cli):
    settings, _ = attacked(tmp_path)
    found = verify(settings.state)
    assert verdict(cli, settings.file, "--size", str(found.size), "--root", found.root)[0] == 0
    other = "00" * 32
    status, wrong = verdict(cli, settings.file, "--size", str(found.size), "--root", other)
    assert status == 1
    assert "the anchor knows" in wrong["wrong"]
    status, wrong = verdict(cli, settings.file, "--size", str(found.size + 1), "--root", found.root)
    assert status == 1
    assert "its tail is gone" in wrong["wrong"]


@pytest.mark.parametrize(("words", "told"), [
    (["--size", "3"], "--size and --root belong together"),
    (["--root", "00" * 32], "--size and --root belong together"),
    (["--size", "3", "--root", "xyz"], "--root is not 64 hexadecimal digits"),
    (["--size", "3", "--root", "00"], "--root is not 64 hexadecimal digits"),
])  # fmt: skip
def test_half_an_anchor_is_no_anchor(tmp_path: Path, words: list[str], told: str, cli: Cli):
    settings, _ = attacked(tmp_path)
    done = cli("audit", "verify", *words, settings=settings.file)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr


def test_the_doctor_says_all_in_one_object(tmp_path: Path, cli: Cli):
    settings = home(tmp_path, hand=True)
    done = cli("doctor", "--json", settings=settings)
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert (done.returncode, done.stderr) == (0, "")
    assert {"what", "weight", "words"} == set(found["findings"][0])
    (tmp_path / "eve.json").unlink()
    done = cli("doctor", "--json", settings=settings)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
    done = cli("doctor", settings=settings)
    assert done.returncode == 1
    assert "1 must be mended" in done.stdout


def test_the_doctor_works_without_any_settings(tmp_path: Path, cli: Cli):
    done = cli("doctor", settings=tmp_path / "none.toml")
    assert done.returncode == 1
    assert "nft delete table" in done.stdout
    assert "No such file" in done.stdout


def test_people_reach_these_commands_by_their_words():
    mine = {"doctor": check.doctor, "audit verify": check.audit_verify}
    assert mine.items() <= COMMANDS.items()
