"""Put into a process by PYTHONPATH, to measure it from inside."""
