"""What a figure was measured on: part of every result."""

import os
import platform
import subprocess
from pathlib import Path

from tercio import __version__


def machine() -> dict[str, object]:
    """Processor, cores, kernel, load, and the versions of what takes part."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "tercio": __version__,
        "suricata": _said("suricata", "-V"),
        "nft": _said("nft", "--version"),
    }


def percentile(values: list[float], share: float) -> float | None:
    """The value below which ``share`` of the values lie (nearest rank); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def _said(*words: str) -> str:
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return "missing"
    return (result.stdout or result.stderr).strip().splitlines()[0]
