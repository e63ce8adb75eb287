"""What the shell's rooms agree on: records, stores, and the services behind them. No I/O here."""
