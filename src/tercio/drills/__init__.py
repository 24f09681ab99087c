"""Drills: attacks on our own range, to measure what the platform is worth before anybody relies on it."""
