"""What people start: the command line, its settings, the supervisor, the pages it prints."""
