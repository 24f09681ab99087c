"""Learning: what people said of incidents in, what to believe next time out (DESIGN §3, §7)."""
