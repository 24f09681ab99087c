"""Another engine to be measured beside: zargunlite from the package index, in an environment of its own."""

import json
import subprocess
import venv
from collections.abc import Mapping
from pathlib import Path

from bench.recorded import KEPT, ROOT

PEER = "zargunlite==0.1.3"
NEEDS = (
    PEER,
    "pysigma-backend-sqlite==2.0.0",
    "pysigma-pipeline-sysmon==2.0.0",
    "pysigma-pipeline-windows==2.0.1",
    "pysigma==1.5.1",
    "pyparsing<3.3.3",
    "orjson",
)
"""Pinned where they must fit together."""


class Unavailable(Exception):
    """The peer can't be had here; the text says why."""


def environment(place: Path = KEPT / "peer") -> Path:
    """The Python that has the peer; installed at the first call. Raises Unavailable."""
    python = place / "bin" / "python"
    done = place / "installed"
    if not done.exists() or done.read_text(encoding="utf-8") != "\n".join(NEEDS):
        try:
            venv.create(place, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"no environment for it: {error}") from error
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEEDS])
        done.write_text("\n".join(NEEDS), encoding="utf-8")
    return python


def measure(python: Path, texts: Mapping[str, str], lines: Path, folder: Path) -> dict[str, float]:
    """One run of the peer with these rules over these lines: events, rules, refused, matches, cpu_s."""
    rules = folder / "texts.json"
    rules.write_text(json.dumps(dict(texts)), encoding="utf-8")
    found: dict[str, float] = json.loads(_run([str(python), str(ROOT / "bench" / "zargun.py"), str(rules), str(lines)]))
    return found


def _run(words: list[str]) -> str:
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(f"{words[0]}: {error}") from error
    if result.returncode:
        said = (result.stderr.strip() or "it said nothing").splitlines()[-1]
        raise Unavailable(f"{Path(words[0]).name} {' '.join(words[1:4])}: {said}")
    return result.stdout
