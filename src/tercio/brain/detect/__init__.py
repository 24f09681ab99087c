"""Detection: lines in, matches and findings out (DESIGN §6)."""
