"""``python -m bench NAME``: run one measurement."""

import sys
from collections.abc import Callable

from bench import detect, hunt, kill, loop, restraint, store

BENCHES: dict[str, Callable[[list[str]], int]] = {
    "detect": detect.main,
    "hunt": hunt.main,
    "kill": kill.main,
    "loop": loop.main,
    "restraint": restraint.main,
    "store": store.main,
}
"""Every measurement by its name."""


def main() -> int:
    """Dispatch on the first word."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHES:
        print(f"usage: ./run bench NAME [--json]; NAME is one of {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    return BENCHES[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
