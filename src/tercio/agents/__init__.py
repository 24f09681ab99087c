"""The command: small pure officers, and the mandate that says what they may do. No I/O, no clock, no chance."""
