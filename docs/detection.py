# ruff: noqa: INP001  (a script beside what it writes)
"""Write ``detection.md`` from a replay of recorded attacks:

    tercio replay TELEMETRY --rules RULES --each --json | python docs/detection.py TELEMETRY/otrf/index.csv

The index says of each data set which techniques were played in it.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEAD = """\
# What is found in recorded attacks

Public recordings of attack tools at work, each file by itself through `tercio replay`, with SigmaHQ's rules beside
ours. The recordings and those rules are not part of this repository. This page is written by a command:

```
tercio replay TELEMETRY --rules RULES/rules --rules RULES/rules-emerging-threats --rules RULES/rules-threat-hunting \\
  --each --json | python docs/detection.py TELEMETRY/otrf/index.csv
```

*Played* is the technique that the recording's author names. It counts as found where a matching rule names it, and as
found *nearby* where one names another technique under the same number (T1003.006 for T1003.003). Rules follow a newer
ATT&CK than the recordings: what was T1562 is T1685 or T1686 there, and does not count here. Each file starts from
nothing, with no site file: every host is unknown, logs prove no address, and nobody would have been cut off.
"""


def main() -> None:
    """Read a replay on stdin and write the page."""
    told = json.load(sys.stdin)
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        played = {name: row for row in csv.DictReader(file) for name in row["members"].split(";")}
    replays = told["replays"]
    sets = [(each, played[base(each)]) for each in replays if base(each) in played]
    rest = [each for each in replays if base(each) not in played]
    page = [HEAD, *summary(told, sets), *table(sets), *others(rest), *left(told["skipped"])]
    (HERE / "detection.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def base(replay: dict[str, Any]) -> str:
    """The file's own name, without folder and archive."""
    return str(replay["name"]).rpartition("/")[2]


def found(replay: dict[str, Any], techniques: Iterable[str]) -> str:
    """How near the rules that matched come to what was played."""
    matched = set(replay["matched"])
    if matched & set(techniques):
        return "yes"
    return "nearby" if {t[:5] for t in matched} & {t[:5] for t in techniques} else "no"


def summary(told: dict[str, Any], sets: list[tuple[dict[str, Any], dict[str, str]]]) -> Iterator[str]:
    """What it comes to."""
    replays = told["replays"]
    answers = [found(replay, row["techniques"].split(";")) for replay, row in sets]
    hosts = [replay for replay, _ in sets if replay["files"][0]["sensor"] == "windows"]
    lines, seconds = sum(each["lines"] for each in replays), sum(each["seconds"] for each in replays)
    yield (
        f"* {told['rules']['read']:,} rules; {len(told['rules']['rejected'])} were left out, and "
        f"{len(told['rules']['unrouted'])} have no source among these recordings."
    )
    yield (
        f"* {len(replays)} files, {lines:,} records in {seconds:.0f} s (two shared cores, busy with other work); "
        f"{sum(bool(each['incidents']) for each in replays)} files make "
        f"{sum(len(each['incidents']) for each in replays)} incidents."
    )
    yield (
        f"* Of {len(sets)} data sets with a technique, it is found in {answers.count('yes')}, nearby in "
        f"{answers.count('nearby')}. {sum(bool(each['incidents']) for each in hosts)} of {len(hosts)} recordings of "
        "Windows hosts make an incident.\n"
    )


def table(sets: list[tuple[dict[str, Any], dict[str, str]]]) -> Iterator[str]:
    """One row a data set."""
    yield "## OTRF Security Datasets\n"
    yield "| data set | records | rules | matches | played | found | techniques in incidents | incidents | ms |"
    yield "|---|--:|--:|--:|---|---|---|--:|--:|"
    for replay, row in sorted(sets, key=lambda each: each[1]["file"]):
        techniques = row["techniques"].split(";")
        cells = [
            row["file"].removesuffix(".zip").replace("/host/", "/"),
            f"{replay['lines']:,}",
            len(replay["hits"]),
            sum(replay["hits"].values()),
            " ".join(techniques),
            found(replay, techniques),
            " ".join(sorted({t for each in replay["incidents"] for t in each["techniques"]})) or "-",
            len(replay["incidents"]),
            round(1000 * replay["seconds"]),
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def others(rest: list[dict[str, Any]]) -> Iterator[str]:
    """One row a folder, of recordings of which no index says what was played."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for replay in rest:
        folders.setdefault(folder(replay["name"]), []).append(replay)
    yield "\n## Other recordings, by folder\n"
    yield "| folder | files | with incidents | records | rules | matches | techniques in incidents | incidents | ms |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, replays in sorted(folders.items()):
        techniques = {t for each in replays for incident in each["incidents"] for t in incident["techniques"]}
        cells = [
            name,
            len(replays),
            sum(bool(each["incidents"]) for each in replays),
            f"{sum(each['lines'] for each in replays):,}",
            len({rule for each in replays for rule in each["hits"]}),
            sum(sum(each["hits"].values()) for each in replays),
            len(techniques),
            sum(len(each["incidents"]) for each in replays),
            round(1000 * sum(each["seconds"] for each in replays)),
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def folder(name: str) -> str:
    """The two last folders of a file's name."""
    return "/".join(name.split("/")[-3:-1]) if ".tar." not in name else "/".join(name.split("/")[-2:-1])


def left(skipped: list[dict[str, str]]) -> Iterator[str]:
    """What was not read, by reason."""
    reasons: dict[str, int] = {}
    for file in skipped:
        reasons[file["why"].partition(";")[0]] = reasons.get(file["why"].partition(";")[0], 0) + 1
    yield "\n## Not read\n"
    for why, count in sorted(reasons.items()):
        yield f"* {count} files: {why}"


if __name__ == "__main__":
    main()
