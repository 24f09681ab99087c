"""The commands, by what people want of them: run something, look, say something, check."""
