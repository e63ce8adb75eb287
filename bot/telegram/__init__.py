"""Telegram at the edge: updates in, messages out."""
