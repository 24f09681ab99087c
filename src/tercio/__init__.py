"""Tercio: autonomous cyber defence for factories and service enterprises."""

__version__ = "0.1.0"
