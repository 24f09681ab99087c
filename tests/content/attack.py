"""Writes the table of ATT&CK's techniques from the condensed knowledge that stands beside this repository.

python tests/content/attack.py KNOWLEDGE            (the folder of attack-enterprise.json.xz and attack-ics.json.xz)
"""

import json
import lzma
import sys
from pathlib import Path

from tercio.content import techniques_file

DOMAINS = ("enterprise", "ics")


def table(knowledge: Path) -> str:
    """Ids and names of all techniques, by domain; the version that they are of."""
    found = {
        domain: json.loads(lzma.decompress((knowledge / f"attack-{domain}.json.xz").read_bytes())) for domain in DOMAINS
    }
    versions = {str(each["meta"]["attack_version"]) for each in found.values()}
    (version,) = versions
    notice = found["enterprise"]["meta"]["copyright"]
    names = {
        domain: {t["id"]: t["name"] for t in sorted(each["techniques"], key=lambda t: str(t["id"]))}
        for domain, each in found.items()
    }
    return json.dumps({"version": version, "copyright": notice, **names}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    techniques_file().write_text(table(Path(sys.argv[1])), encoding="utf-8")
