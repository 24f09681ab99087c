"""Rules and telemetry of others for measurements: read from the data beside this checkout, never copied into it."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tercio.brain import detect
from tercio.brain.detect.rules import RuleSet
from tercio.brain.detect.sigma import compile_rules

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
RULES = DATA / "sigma" / "sigma-rules.tar.xz"
TELEMETRY = DATA / "telemetry" / "otrf" / "windows"
KEPT = ROOT / ".tercio" / "bench"
"""Where compiled rules and the peer's environment stay from one measurement to the next."""

ROUTING = frozenset({"Channel", "EventID", "Provider_Name", "ProviderName", "SourceName"})
"""What of a record says which rules are meant: the same in its variants."""


def missing() -> str:
    """What is not there, as a sentence; empty where nothing is missing."""
    absent = [str(path) for path in (RULES, TELEMETRY) if not path.exists()]
    return f"this measurement needs public data that is not here: {', '.join(absent)}" if absent else ""


def rule_texts(most: int | None = None) -> dict[str, str]:
    """The public Windows rules by name, or an even choice of ``most`` of them."""
    texts = {}
    with tarfile.open(RULES) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".yml") else None
            text = file.read().decode() if file else ""
            if "product: windows" in text:
                texts[member.name] = text
    names = sorted(texts)
    if most is not None and most < len(names):
        names = [names[place * len(names) // most] for place in range(most)]
    return {name: texts[name] for name in names}


def compiled(texts: Mapping[str, str]) -> Path:
    """A file with these rules compiled; made once for these texts and this compiler."""
    digest = hashlib.sha256()
    for path in sorted(Path(detect.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for name, text in sorted(texts.items()):
        digest.update(f"{name}\0{text}\0".encode())
    path = KEPT / f"rules-{digest.hexdigest()[:24]}.msgpack"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.msgpack.encode(compile_rules(texts, own=texts.keys())))
        fresh.replace(path)
    return path


def read_compiled(path: Path) -> RuleSet:
    """What ``compiled`` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=RuleSet)


def lines() -> Iterator[bytes]:
    """All recorded Windows events, one JSON object a line, archive after archive."""
    for path in sorted(TELEMETRY.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    with archive.open(name) as file:
                        yield from (line.rstrip() + b"\n" for line in file if line.strip())


def processes(recorded: Iterable[bytes]) -> list[dict[str, Any]]:
    """The records of Sysmon's event 1, which most rules are about."""
    found = (msgspec.json.decode(line) for line in recorded if b"Sysmon" in line and b"ProcessGuid" in line)
    return [r for r in found if r.get("EventID") == 1 and str(r.get("Channel", "")).endswith("Sysmon/Operational")]


def never_alike(records: list[dict[str, Any]], count: int) -> Iterator[bytes]:
    """So many lines made of these records, no value like another but what routes them: each text has its line's number
    in its middle, so that starts, ends and most words stay; each number is changed by it."""
    for number in range(count):
        record = records[number % len(records)]
        yield (
            msgspec.json.encode(
                {name: value if name in ROUTING else _other(value, number) for name, value in record.items()}
            )
            + b"\n"
        )


def _other(value: Any, number: int) -> Any:
    match value:
        case str():
            middle = len(value) // 2
            return f"{value[:middle]}{number:06x}{value[middle:]}"
        case bool() | None:
            return value
        case int():
            return value + number
        case _:
            return value
