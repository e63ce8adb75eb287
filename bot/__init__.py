"""The shell around the core: Telegram, storage, staff, time and the command line."""
