"""A service account that signs on at the directory now and then, as an operator's screen does."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tercio.drills.range.actor import arguments, play
from tercio.drills.range.directory import BASE
from tercio.drills.range.traces import SignOn, Started, Trace, now

PERIOD = 5.0
"""Seconds between two sign-ons."""
PATIENCE = 2
"""Seconds that a sign-on may take."""
INVALID_CREDENTIALS = 49
"""How LDAP says no (RFC 4511), which the client passes on as its exit status."""


def repeat(options: argparse.Namespace, trace: Trace) -> None:
    """Sign on until ended. Counts from the first success on."""
    started = False
    while True:
        done = sign_on(options.target, options.port, options.account, options.passwords)
        if not started and done.outcome == "accepted":
            trace.add(Started(now(), "signon"))
            started = True
        if started:
            trace.add(done)
        time.sleep(options.every if started else 0.1)


def sign_on(target: str, port: int, account: str, passwords: Path) -> SignOn:
    """One simple bind over LDAP with the password that the directory laid down for this account."""
    at = now()
    branch = "services" if account.startswith("svc-") else "people"
    dn, url = f"uid={account},ou={branch},{BASE}", f"ldap://{f'[{target}]' if ':' in target else target}:{port}"
    argv = ["ldapwhoami", "-x", "-H", url, "-D", dn, "-y", str(passwords / account), "-o", f"nettimeout={PATIENCE}"]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    outcome = {0: "accepted", INVALID_CREDENTIALS: "refused"}.get(done.returncode, "unreachable")
    return SignOn(at, target, account, outcome)


def main(argv: list[str] | None = None) -> int:
    """``python -m tercio.drills.range.signon --trace FILE --target ADDRESS --account NAME --passwords FOLDER``."""
    parser = arguments(str(__doc__))
    parser.add_argument("--account", required=True, help="whose account")
    parser.add_argument("--passwords", type=Path, required=True, help="folder in which the directory laid them down")
    parser.add_argument("--every", type=float, default=PERIOD, help="seconds between two sign-ons")
    parser.set_defaults(port=389)
    return play(parser.parse_args(argv), repeat)


if __name__ == "__main__":
    sys.exit(main())
