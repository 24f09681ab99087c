"""Harmless emulations of intruders: bounded in count and time, against the range's own simulated services only."""
