"""What a figure was measured on: part of every result."""

import json
import math
import os
import platform
import random
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tercio import __version__

DRAWS = 1000
"""Samples for one interval."""


def machine() -> dict[str, object]:
    """Day (UTC), processor, cores, kernel, load, and the versions of what takes part."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "tercio": __version__,
        "suricata": _said("suricata", "-V"),
        "nft": _said("nft", "--version"),
    }


def tell(result: Mapping[str, object], *, as_json: bool) -> None:
    """Print what was measured: one JSON object, or a line a figure."""
    if as_json:
        print(json.dumps(result, indent=2))
        return
    wide = max(map(len, result), default=0)
    for key, value in result.items():
        print(f"{key:{wide}} {value}")


def percentile(values: list[float], share: float) -> float | None:
    """The smallest of the values that at least ``share`` of them do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def interval(values: list[float], share: float, seed: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a percentile: its own percentiles over samples drawn from the values with replacement."""
    chance = random.Random(seed)  # noqa: S311  # Samples, no secret.
    drawn = [percentile(chance.choices(values, k=len(values)), share) for _ in range(DRAWS)] if values else []
    found = [each for each in drawn if each is not None]
    return percentile(found, 0.025), percentile(found, 0.975)


def _said(*words: str) -> str:
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return "missing"
    return next(iter((result.stdout or result.stderr).strip().splitlines()), "silent")
