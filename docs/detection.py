# ruff: noqa: INP001  (a script beside what it writes)
"""Write ``detection.md`` from replays of recorded attacks, with public rules beside ours and with ours alone:

    tercio replay TELEMETRY --rules RULES --each --json > all.json
    tercio replay TELEMETRY --each --json > ours.json
    python docs/detection.py TELEMETRY/otrf/index.csv all.json ours.json

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
  --each --json > all.json
tercio replay TELEMETRY --each --json > ours.json
python docs/detection.py TELEMETRY/otrf/index.csv all.json ours.json
```

*Played* is the technique that the recording's author names. It counts as found where a matching rule names it, and as
found *nearby* where one names another technique under the same number (T1003.006 for T1003.003). Rules follow a newer
ATT&CK than the recordings: what was T1562 is T1685 or T1686 there, and does not count here. Each file starts from
nothing, with no site file: every host is unknown, logs prove no address, and nobody would have been cut off.
"""


def main() -> None:
    """Read the replays and write the page."""
    index, everything, alone = sys.argv[1:]
    told, own = (json.loads(Path(file).read_text(encoding="utf-8")) for file in (everything, alone))
    with Path(index).open(encoding="utf-8") as file:
        played = {name: row for row in csv.DictReader(file) for name in row["members"].split(";")}
    replays = told["replays"]
    sets = [(each, played[base(each)]) for each in replays if base(each) in played]
    rest = [each for each in replays if base(each) not in played]
    page = [HEAD, *summary(told, sets), *table(sets), *others(rest), *ours(own, played), *left(told["skipped"])]
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


OURS = """
## Ours alone

The same recordings with the rules that Tercio brings along, and no others. These rules were written with the
recordings at hand, each with cases among them: the figures show that they fire where they are meant to and how often
elsewhere, not what they would find in attacks that nobody recorded.

A rule is *right* where it tells of a recording whose author names one of its techniques, or another under the same
number. *Elsewhere* it may be right as well, since a recording holds more steps of an intruder than its title (and
whoever recorded it often cleared the logs before), or tell of what people do every day: so many findings in so many
data sets are at most what it costs to have it.
"""


def ours(own: dict[str, Any], played: dict[str, dict[str, str]]) -> Iterator[str]:
    """What our own rules find by themselves, and what each of them says where its technique was not played."""
    sets = [(each, played[base(each)]) for each in own["replays"] if base(each) in played]
    answers = {row["file"]: found(replay, row["techniques"].split(";")) for replay, row in sets}
    count = list(answers.values()).count
    hosts = [replay for replay, _ in sets if replay["files"][0]["sensor"] == "windows"]
    yield OURS
    yield (
        f"* {own['rules']['read']:,} rules, of which {len(own['rules']['unrouted'])} have no source among them. "
        f"Of {len(sets)} data sets, the technique is found in {count('yes')}, nearby in {count('nearby')}; "
        f"{sum(bool(each['incidents']) for each in hosts)} of {len(hosts)} recordings of Windows hosts make incidents."
    )
    missed = [file for file, said in answers.items() if said == "no"]
    missing = sorted(file.removesuffix(".zip").replace("/host/", "/") for file in missed)
    yield f"* Not found: {', '.join(missing)}.\n"
    yield "| rule | level | right in | findings | elsewhere in | findings |"
    yield "|---|---|--:|--:|--:|--:|"
    rules: dict[str, dict[str, Any]] = {}
    right: dict[str, list[int]] = {}
    elsewhere: dict[str, list[int]] = {}
    for replay, row in sets:
        were = {technique[:5] for technique in row["techniques"].split(";")}
        for rule, count_of in told_by(replay, rules).items():
            numbers = {technique[:5] for technique in rules[rule]["techniques"]}
            (right if numbers & were else elsewhere).setdefault(rule, []).append(count_of)
    for rule in sorted(rules, key=lambda rule: rules[rule]["title"]):
        good, bad = right.get(rule, []), elsewhere.get(rule, [])
        cells = [len(good), sum(good), len(bad), sum(bad)]
        yield f"| {rules[rule]['title']} | {rules[rule]['level']} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def told_by(replay: dict[str, Any], rules: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many findings each rule told in a replay; what the rules are is put into ``rules``."""
    counts: dict[str, int] = {}
    for fired in (*replay["below"], *(each for incident in replay["incidents"] for each in incident["rules"])):
        rules[fired["rule"]] = fired
        counts[fired["rule"]] = counts.get(fired["rule"], 0) + fired["count"]
    return counts


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
