"""Intelligence and decision: pure rooms, independent of each other."""
