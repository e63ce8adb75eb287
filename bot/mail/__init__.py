"""E-mail as a second way to reach staff, behind the same port as Telegram."""
