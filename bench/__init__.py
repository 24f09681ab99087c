"""The measurements: one command each, each ending with one JSON object (DESIGN §16)."""
