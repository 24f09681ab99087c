"""The peer's side of ``bench detect``: zargunlite over recorded events, run by a Python that has it.

``python zargun.py TEXTS LINES``: TEXTS is a JSON object of Sigma rules by name. They become SQL first, which is not
counted; reading, flattening, loading and every query are. Prints one JSON object.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def queries(texts: dict[str, str]) -> tuple[list[Any], int]:
    """The rules as the peer takes them, and how many it has no SQL for."""
    from sigma.backends.sqlite import sqliteBackend  # type: ignore[import-not-found]  # noqa: PLC0415  # Installed in the peer's environment only.
    from sigma.collection import SigmaCollection  # noqa: PLC0415
    from sigma.pipelines.sysmon import sysmon_pipeline  # type: ignore[import-not-found]  # noqa: PLC0415
    from sigma.pipelines.windows import windows_logsource_pipeline  # type: ignore[import-not-found]  # noqa: PLC0415
    from zargunlite.model import ZircoliteRule  # type: ignore[import-not-found]  # noqa: PLC0415

    backend = sqliteBackend(sysmon_pipeline() + windows_logsource_pipeline())
    made, refused = [], 0
    for text in texts.values():
        try:
            made += [
                ZircoliteRule(title="", rule=[query]) for query in backend.convert(SigmaCollection.from_yaml(text))
            ]
        except Exception:  # noqa: BLE001  # Whatever its parser raises: that rule it does not have.
            refused += 1
    return made, refused


def run(texts: dict[str, str], path: Path) -> dict[str, object]:
    """Every query over all events in one table in memory, as the peer's own example does."""
    import orjson  # type: ignore[import-not-found]  # noqa: PLC0415
    from zargunlite.core import ZargunCore  # type: ignore[import-not-found]  # noqa: PLC0415
    from zargunlite.preprocess import flatten_json, mapping_field  # type: ignore[import-not-found]  # noqa: PLC0415

    rules, refused = queries(texts)
    began = time.process_time()
    with path.open("rb") as file:
        rows = [mapping_field(flatten_json(orjson.loads(line))) for line in file]
    for row in rows:
        row.update({name: str(v) for name, v in row.items() if isinstance(v, int) and not -(2**63) <= v < 2**63})
    matches = 0
    with ZargunCore() as core:
        core.load_data(rows, strict_field_name=False)
        for rule in rules:
            matches += core.execute_zircolite_rule(rule).count
    spent = time.process_time() - began
    return {"events": len(rows), "rules": len(rules), "refused": refused, "matches": matches, "cpu_s": spent}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))))
