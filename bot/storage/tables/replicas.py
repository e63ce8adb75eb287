"""STAND-IN until session pgschema's file lands."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from bot.storage.columns import metadata, time, words

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    words("holder"),
    Column("token", BigInteger, nullable=False),
    time("until"),
)
