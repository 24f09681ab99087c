import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tercio.drills.range.sandbox import wrap

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def bystanding(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What harms bystanders and what does not (see bystanding.py), played once for all tests."""
    request.getfixturevalue("sandboxed")
    command = wrap([sys.executable, "-m", "tests.drills.bystanding", str(tmp_path_factory.mktemp("bystanding") / "r")])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
