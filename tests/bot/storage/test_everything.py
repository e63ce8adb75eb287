"""That no table holds something of a person which export and erasure do not know of."""

from __future__ import annotations

from bot.storage.tables import metadata

OF_A_PERSON = {
    ("agreements", "person_id"), ("allowances", "person_id"), ("answers", "person_id"), ("cases", "person_id"),
    ("invitations", "used_by"), ("person_roles", "person_id"), ("readiness", "person_id"), ("reminders", "person_id"),
    ("sessions", "person_id"), ("shifts", "person_id"), ("visits", "person_id"),
}  # fmt: skip
"""Rows that bot.storage.everything takes away with the person."""
OF_STAFF = {("allowances", "given_by"), ("case_roles", "taken_by"), ("readiness", "lifted_by")}
"""What somebody of staff did; it keeps their pseudonymous id, and their row stays empty."""
BY_CHAT = {("ledger", "chat_id"), ("outbox", "chat_id")}
"""Goes with the chat, once it was cleared."""
WITHOUT_A_KEY = {("people", "visit_id"), ("requests", "person_id")}
"""Names a row without a foreign key: cleared with the row, and kept as proof."""


def test_every_column_about_people_is_known_to_the_erasure() -> None:
    """S-45: a new column that points at people or chats is a decision on what an erasure does with it."""
    pointing = {
        (table.name, column.name): key.column.table.name
        for table in metadata.tables.values()
        for column in table.c
        for key in column.foreign_keys
    }
    assert {place for place, to in pointing.items() if to == "people"} == OF_A_PERSON | OF_STAFF
    assert {place for place, to in pointing.items() if to == "chats"} == BY_CHAT
    named = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.c
        if column.name in ("person_id", "visit_id", "chat_id") and not column.foreign_keys
    }
    assert named == WITHOUT_A_KEY
