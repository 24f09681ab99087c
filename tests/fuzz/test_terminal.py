"""What an attacker wrote comes to a terminal, or into a file for people, without anything that drives one."""

import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tercio.agents.plain import plain, quoted
from tercio.app.cli import build
from tercio.app.terminal import visible
from tests.fuzz.mutate import mutated, rounds

WORDS = [
    b"\x1b]0;owned\x07 and \x1b[2J\x1b[H gone",
    "\x9b31m red \x9d52;c;aGk=\x9c \u202edesrever\u202c \u2066x".encode(),
    "zero\u200bwidth \ufeff tag \U000e0041 \ud7ff a\u0301\u0301\u0301\u0301\u0301".encode(),
    b"\r\x08\x08\x7f overwritten \x00\x0b\x0c",
    "plain words, ÄÖÜ and 漢字".encode(),
]
RULE = """\
title: T
id: 8b0a1c9e-0000-4000-8000-000000000001
level: high
tags: [attack.discovery, attack.t0846]
logsource: {product: suricata, service: dns}
detection: {s: {dns.rrname: '*'}, condition: s}
"""


def drives(text: str) -> list[str]:
    """What of a text would do something else than be read."""
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_words_of_others_are_shown_without_what_drives_a_terminal() -> None:
    for text in mutated(WORDS, rounds(1000), "terminal"):
        words = text.decode("utf-8", "surrogateescape")
        assert drives(plain(words)) == drives(quoted(words)) == drives(visible(words)) == []
        assert len(plain(words, 60)) <= 60
        assert "\n" not in plain(words) + quoted(words)


@pytest.mark.parametrize("json", [True, False])
def test_a_replay_of_hostile_records_leaves_the_terminal_alone(tmp_path: Path, json: bool) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yml").write_text(RULE)
    hostile = [part for text in mutated(WORDS, 40, "replay") for part in text.split(b"\n")]
    names = [part.decode("utf-8", "replace").encode("unicode_escape").replace(b"\\", b"\\u005c") for part in hostile]
    head = b'{"timestamp":"2026-11-24T08:00:00.000001+0000","event_type":"dns","src_ip":"10.77.30.30","src_port":1,'
    lines = [head + b'"dest_ip":"10.77.30.1","proto":"UDP","dns":{"rrname":"' + name + b'"}}\n' for name in names]
    lines += [part + b"\n" for part in hostile]
    log = tmp_path / "\x1b[31meve\u202e.json"
    log.write_bytes(b"".join(lines))
    words = ["replay", str(log), "--rules", str(tmp_path / "rules"), *(["--json"] if json else [])]
    result = CliRunner().invoke(build(), words)
    assert result.exit_code == 0, result.output
    assert drives(result.stdout) == drives(result.stderr) == []
    assert "T0846" in result.stdout
