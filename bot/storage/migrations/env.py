"""Alembic's way in: run by bot.storage.revisions on a connection that is in a transaction already."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script

from bot.storage.tables import metadata, works_with


def _say_who_may_run(*, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
    """Software up to this migration may run on the tables; older software only if nothing was taken from it."""
    connection, script = ctx.connection, step.up_revision
    assert connection is not None
    assert isinstance(script, Script)
    if not sa.inspect(connection).has_table(works_with.name):
        return  # there were no replicas yet
    if script.module.kind == "after":
        connection.execute(sa.delete(works_with))
    connection.execute(sa.insert(works_with).values(revision=script.revision))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    on_version_apply=_say_who_may_run,  # type: ignore[arg-type]  # it is called by names, not by places
)
with context.begin_transaction():
    context.run_migrations()
