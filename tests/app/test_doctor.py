import io
import os
import shutil
from collections import namedtuple
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tercio.app import doctor
from tercio.app.checkup import Finding, Weight
from tercio.app.doctor import examine, for_range, page
from tercio.app.settings import load
from tercio.app.supervisor import prepare
from tercio.drills.range.sandbox import refusal
from tercio.loop.conduct import Setback
from tercio.model.canon import canonical
from tercio.model.records import Transaction
from tercio.model.words import WordKind
from tercio.products.effectors import EFFECTORS
from tercio.store.state import State
from tests.app.given import DEMO, attacked, changed, drawn, home

ASIDE = {"bad": Setback("1", 1, 64, "why", aside=True)}


def found(settings: Path, weight: Weight = Weight.FAIL) -> dict[str, str]:
    """What weighs so, by what it is about; several words are joined."""
    told: dict[str, str] = {}
    for finding in examine(settings):
        if finding.weight == weight:
            told[finding.what] = "; ".join(filter(None, [told.get(finding.what, ""), finding.words]))
    return told


def write_eve(folder: Path) -> None:
    line = b'{"timestamp":"2026-11-24T08:00:00.000000+0000","event_type":"stats","stats":{}}\n'
    (folder / "eve.json").write_bytes(line)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A home where nothing is wrong, prepared as the first `tercio up` does."""
    settings = home(tmp_path, hand=True)
    write_eve(tmp_path)
    prepare(load(settings))
    return settings


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_sound_home_has_nothing_wrong(sound: Path):
    assert found(sound) == {}
    ok = found(sound, Weight.OK)
    assert "rules are live" in ok["rules"]
    assert "can be written" in ok["state"]
    assert "is there, last written" in ok["source ot"]
    assert "is sound" in ok["hand gateway"]
    assert {"office grants act", "dmz grants act", "ot grants act"} <= set(ok["autonomy"].split("; "))


def test_it_only_looks(tmp_path: Path):
    settings = home(tmp_path, hand=True)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    examine(settings)
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_the_way_without_tercio_is_always_said(tmp_path: Path):
    words = found(tmp_path / "none.toml", Weight.OK)["without Tercio"]
    assert all(effector.break_glass in words for effector in EFFECTORS.values())


def test_settings_that_cannot_be_used_are_told_fault_by_fault(tmp_path: Path):
    settings = home(tmp_path, changed("[tercio]", "[tercio]\nx = 1") + "[limits]\nbelief = 7\n")
    wrong = [f for f in examine(settings) if f.weight == Weight.FAIL]
    assert [f.what for f in wrong] == ["settings", "settings"]
    assert "tercio.toml:2: unknown key 'x'" in wrong[0].words
    assert "No such file" in found(tmp_path / "none.toml")["settings"]


@pytest.mark.parametrize("tool", ["suricata", "nft", "ip", "nsenter"])
def test_a_tool_that_is_not_on_the_path_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: Path, tool: str
):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not here anyway")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*") if Path(folder).is_dir() else ():
            if program.name != tool and not (bin_ / program.name).exists():
                (bin_ / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(bin_))
    told = [words for words in for_range() if words.startswith(f"{tool} is missing: install the package ")]
    assert len(told) == 1
    assert told[0] in found(sound, Weight.WARN)["demo and drills"]
    assert found(sound) == {}, "a site without drills needs no range"


def test_a_kernel_that_gives_no_namespaces_is_told_once_everything_else_is_there(monkeypatch: pytest.MonkeyPatch):
    lacks = [text for text in for_range() if text != refusal()]
    monkeypatch.setattr(doctor, "refusal", lambda: "run it with sudo")
    assert list(for_range()) == (lacks or ["run it with sudo"])


def test_a_missing_python_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    assert any("pymodbus is missing" in words for words in for_range())


def test_a_rejected_rule_is_told_with_file_and_line(sound: Path):
    folder = sound.parent / "own"
    folder.mkdir()
    (folder / "f.yml").write_text(
        "title: x\nid: 11111111-2222-4333-8444-555555555555\nlogsource: {product: suricata}\n"
        "detection: {a: {src_ip|nonsense: 1}, condition: a}\n"
    )
    swap(sound, 'site = "site.toml"', 'site = "site.toml"\nrules = ["own"]')
    words = found(sound)["rules"]
    assert f"{folder}/f.yml:" in words
    assert "is not used ('x'): " in words
    assert "nonsense" in words
    assert "; correct it, or take it away" in words


def test_a_rule_that_can_never_run_is_a_note(sound: Path):
    folder = sound.parent / "own"
    folder.mkdir()
    (folder / "w.yml").write_text(
        "title: x\nid: 11111111-2222-4333-8444-555555555555\nlogsource: {product: windows, service: security}\n"
        "detection: {a: {EventID: 1}, condition: a}\nlevel: low\n"
    )
    swap(sound, 'site = "site.toml"', 'site = "site.toml"\nrules = ["own"]')
    name = "11111111-2222-4333-8444-555555555555"
    assert f"{name}: never run: no source of product windows" in found(sound, Weight.WARN)["rules"]


def test_many_rules_that_are_not_live_are_counted_by_what_they_lack(sound: Path):
    folder = sound.parent / "own"
    folder.mkdir()
    for number in range(30):
        (folder / f"b{number:02}.yml").write_text("title: [\n")
        (folder / f"w{number:02}.yml").write_text(
            f"title: x\nid: {number:08}-2222-4333-8444-555555555555\nlogsource: {{product: windows, service: x}}\n"
            "detection: {a: {EventID: 1}, condition: a}\nlevel: low\n"
        )
    swap(sound, 'site = "site.toml"', 'site = "site.toml"\nrules = ["own"]')
    told = [f.words for f in examine(sound) if f.what == "rules" and f.weight == Weight.FAIL]
    assert len(told) == 21
    assert told[-1] == "10 more are not used"
    assert " and 27 more: never run: no source of product windows" in found(sound, Weight.WARN)["rules"]


def test_a_faulty_rule_site_or_policy_is_told(sound: Path):
    swap(sound, 'site = "site.toml"', 'site = "nowhere.toml"')
    assert "tercio.toml:3: " in found(sound)["site"]
    swap(sound, 'site = "nowhere.toml"', 'site = "site.toml"\nmandate = ["nowhere.cedar"]')
    assert "nowhere.cedar" in found(sound)["rules and mandate"]


def test_what_a_note_on_the_site_asks_for_is_not_called_ok(sound: Path):
    swap(sound.parent / "site.toml", 'role = "scanner"', 'role = "qx"')
    assert "which means nothing; write one of" in found(sound, Weight.WARN)["site assets.scan1"]
    assert not [what for what in found(sound, Weight.OK) if what.startswith("site")]


def test_an_error_of_the_site_is_told_and_that_all_stays_in_shadow(sound: Path):
    line = next(x for x in (sound.parent / "site.toml").read_text().splitlines() if x.startswith("safety = "))
    swap(sound.parent / "site.toml", line, "")
    wrong = found(sound)
    assert "does not say where the safety function is" in wrong["site processes.filling"]
    assert wrong["autonomy"] == "everything stays in shadow until these errors of the site are corrected"
    assert "office is in shadow" in found(sound, Weight.WARN)["autonomy"]


def test_autonomy_without_a_hand_and_shadow_are_told(sound: Path):
    swap(sound, '"office", "dmz", "ot"]', '"ot"]')
    site = sound.parent / "site.toml"
    site.write_text(site.read_text().replace('autonomy = "act"', 'autonomy = "shadow"', 1))
    assert found(sound)["autonomy"] == "dmz grants act, but no hand reaches it: nothing can be done there"
    assert found(sound, Weight.WARN)["autonomy"] == (
        "office is in shadow: Tercio says what it would do there, and does nothing"
    )


@pytest.mark.parametrize("place", ["/proc/nobody/writes/here", "file"])
def test_a_state_that_cannot_be_written_is_told(sound: Path, place: str):
    (sound.parent / "file").write_text("no folder")
    swap(sound, 'state = "state"', f'state = "{place}"')
    assert "can't be written by this user" in found(sound)["state"]


def test_a_full_disk_is_told(sound: Path, monkeypatch: pytest.MonkeyPatch):
    usage = namedtuple("usage", "free")  # noqa: PYI024 (as shutil's own)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(5 * 2**20))
    assert found(sound)["state"].endswith("has 5 MB left; without a journal nothing acts: free space")


def test_what_an_earlier_loop_left_is_looked_at(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    write_eve(tmp_path)
    assert "it holds a journal, and 1 effects that stand" in found(settings.file, Weight.OK)["state"]
    (tmp_path / "state" / "keys" / "order.key").chmod(0o644)
    assert "chmod 600" in found(settings.file)["state"]


def test_what_the_loop_left_out_and_what_people_said_is_told(tmp_path: Path):
    settings, desk = attacked(tmp_path)
    desk.say(WordKind.STAND_DOWN, "filling")
    windows = msgspec.structs.replace(desk.state.memory.windows, late=3, dropped=1234, crowded={"few": 2, "many": 1300})
    memory = msgspec.structs.replace(desk.state.memory, windows=windows, unparsed={"ot": 7}, setbacks=ASIDE)
    with State.open(settings.state, origin="tercio/test") as store:
        store.commit(Transaction(time=1, snapshot=canonical(memory)))
    told = found(settings.file, Weight.WARN)
    assert told["detection"].startswith("3 sightings came too late to be counted")
    assert "1,234 sightings were forgotten before their time" in told["detection"]
    assert "room was made 1,300 times in many, 2 times in few" in told["detection"]
    assert "bad: set aside, because it failed on 64 records; on the last: why" in found(settings.file)["rules"]
    assert "7 lines were not understood" in told["source ot"]
    assert "people stood down on filling" in told["autonomy"]


def test_a_state_that_others_may_read_is_told(sound: Path):
    (sound.parent / "state").chmod(0o755)
    assert f"chmod 700 {sound.parent}/state" in found(sound, Weight.WARN)["state"]


def test_the_kept_folder_of_a_demo_is_not_called_broken(tmp_path: Path):
    settings = home(tmp_path, DEMO)
    (tmp_path / "gateway.toml").write_text("")
    prepare(msgspec.structs.replace(load(settings), hands=()))
    assert found(settings) == {}
    assert "whose range has ended, and nothing is left to defend" in found(settings, Weight.WARN)["demo"]


def test_a_state_of_another_version_is_told(tmp_path: Path):
    settings, _ = attacked(tmp_path)
    (tmp_path / "state" / "state.db").write_bytes(b"no database at all, and longer than a header" * 9)
    assert str(tmp_path / "state") in found(settings.file)["state"]


def test_no_source_and_no_hand_are_told(sound: Path):
    sound.write_text('[tercio]\nsite = "site.toml"\n')
    assert "add [sources.NAME]" in found(sound)["sources"]
    assert "add [hands.NAME]" in found(sound)["hands"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_page_marks_what_is_wrong_and_counts_it(width: int):
    findings = (
        Finding("a", Weight.OK, "fine"),
        Finding("b", Weight.WARN, "know this"),
        Finding("c[red]", Weight.FAIL, "mend \x1b[31m this " + "word " * 60),
    )
    text = drawn(page(findings), width)
    assert [line.split()[0] for line in text.splitlines() if line[:2].strip()][:3] == ["ok", "warn", "fail"]
    assert "1 must be mended (fail) before Tercio can be relied on. 1 should be known (warn)." in " ".join(text.split())
    assert "c[red]" in text
    assert "\x1b[31m" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "Nothing stands in the way." in drawn(page(findings[:2]))


def test_the_page_has_colours_where_there_are_some():
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system="standard").print(
        page((Finding("c", Weight.FAIL, "x"),))
    )
    assert "\x1b[31m" in out.getvalue()
