"""What processes agree on: who of them leads, and which versions of the software may run."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from bot.storage.columns import letters, metadata, time, words

# Who holds what one process alone may do. The token goes up by one with each new holder.
leases = Table(
    "leases",
    metadata,
    Column("name", letters(64), primary_key=True),
    words("holder"),
    Column("token", BigInteger, nullable=False),
    time("until"),
)

# The newest migration of each version of the software that may run on these tables; see bot.storage.revisions.
works_with = Table("works_with", metadata, Column("revision", letters(32), primary_key=True))
