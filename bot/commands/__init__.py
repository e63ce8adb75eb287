"""The command line's rooms: one file for each command of `vestibule`."""
