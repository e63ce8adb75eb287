"""The core: scripts, visits, and the one function that moves a visit on. No clock, no I/O, no Telegram."""
