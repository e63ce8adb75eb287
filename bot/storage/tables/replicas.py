"""What processes agree on: who of them leads."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from bot.storage.columns import metadata, time, words

# Who holds what one process alone may do. The token goes up by one with each new holder.
leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    words("holder"),
    Column("token", BigInteger, nullable=False),
    time("until"),
)
