"""Incident -> Decision: candidates on the intruder's path, safety before money, forecast, expected loss, choice."""
