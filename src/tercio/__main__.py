"""``python -m tercio``: the command line."""

from tercio.app.cli import main

main()
