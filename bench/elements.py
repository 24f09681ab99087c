"""What ``nft monitor`` saw, and which leases the kernel holds: the world's own word on what was done."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from tercio.drills.range.range import Range
from tercio.drills.range.sandbox import inside
from tercio.drills.range.topology import GATEWAY

FAMILY, NAME = "inet", "tercio"


class Monitor:
    """``nft monitor`` in the gateway, from now until it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("wb") as file:
            words = inside(GATEWAY, ["nft", "-j", "monitor", "elements"])
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()

    def alive(self) -> bool:
        """Whether it still looks: what it does not see is not counted."""
        return self._process.poll() is None

    def lines(self) -> list[str]:
        """What it said so far, whole lines only."""
        text = self._path.read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()


def additions(lines: Iterable[str]) -> Counter[tuple[str, str, str]]:
    """How often each (set, element, comment) was added. A comment carries the lease and the end that one command gave
    it, so what is added twice was done twice for one command. Raises ValueError for a line that is no JSON."""
    found: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        said = json.loads(line).get("add", {}).get("element")
        if said is not None and (said["family"], said["table"]) == (FAMILY, NAME):
            found.update((said["name"], key, comment) for key, comment in _each(said["elem"]["set"]))
    return found


def standing(plant: Range) -> set[tuple[str, str, str]]:
    """Every (set, element, comment) of a lease in Tercio's table now, without those that only outlive a block
    (``wary``); empty where there is no table."""
    listed = plant.run_in(GATEWAY, ["nft", "-j", "list", "table", FAMILY, NAME])
    return set() if listed.returncode else elements(listed.stdout)


def elements(listing: str) -> set[tuple[str, str, str]]:
    """The same from nft's own listing."""
    sets = [each["set"] for each in json.loads(listing)["nftables"] if "set" in each]
    blocks = [each for each in sets if not each["name"].startswith("wary_")]
    found = {(each["name"], key, comment) for each in blocks for key, comment in _each(each.get("elem", ()))}
    return {each for each in found if each[2]}  # What comes from the hand's own file carries no comment.


def _each(found: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for item in found:
        body = item["elem"] if isinstance(item, dict) and "elem" in item else {"val": item}
        value = body["val"]
        parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
        yield " . ".join(part if isinstance(part, str) else json.dumps(part) for part in parts), body.get("comment", "")
