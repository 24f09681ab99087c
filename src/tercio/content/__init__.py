"""What Tercio brings along (detection rules, mandates), as texts and files for the shell to hand on."""

from importlib.resources import files
from pathlib import Path

_HERE = files(__name__)


def rule_texts() -> dict[str, str]:
    """Our Sigma rules by file name (``port-sweep/rule.yml``), as ``compile_rules`` takes them."""
    folders = sorted((entry for entry in (_HERE / "rules").iterdir() if entry.is_dir()), key=lambda entry: entry.name)
    return {f"{folder.name}/rule.yml": (folder / "rule.yml").read_text(encoding="utf-8") for folder in folders}


def rules_folder() -> Path:
    """The folder of our Sigma rules and their cases."""
    return Path(str(_HERE / "rules"))


def rule_ids() -> frozenset[str]:
    """The ids of our Sigma rules."""
    return rule_ids_of(*rule_texts().values())


def rule_ids_of(*texts: str) -> frozenset[str]:
    """The ids of the rules in these files, without reading them as YAML."""
    lines = (line for text in texts for line in text.splitlines())
    return frozenset(line.removeprefix("id: ").strip() for line in lines if line.startswith("id: "))


def techniques_file() -> Path:
    """The table of ATT&CK's techniques (JSON): its version, and their names by id, for each domain."""
    return Path(str(_HERE / "attack.json"))


def suricata_rules() -> Path:
    """The rules file for Suricata that our Sigma rules listen to. Suricata must define ``OT_NET``."""
    return Path(str(_HERE / "suricata" / "tercio.rules"))


def mandate_texts() -> dict[str, str]:
    """The built-in Cedar policies by file name."""
    folder = _HERE / "mandates"
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".cedar")}


def mandate_schema() -> str:
    """The Cedar schema that every policy of a mandate must fit."""
    return (_HERE / "mandates" / "schema.cedarschema").read_text(encoding="utf-8")
