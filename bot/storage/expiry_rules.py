"""Which rows of a table are over, and what has to give way before they can go. In the order of usecases/retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam, exists, func, literal, or_

from bot.storage.columns import UtcTime, metadata
from bot.storage.tables import (
    agreements,
    allowances,
    answers,
    cases,
    invitations,
    ledger,
    outbox,
    people,
    readiness,
    reminders,
    requests,
    seen,
    sessions,
    shifts,
    visits,
)

Condition = ColumnElement[bool]
BEFORE: ColumnElement[Any] = bindparam("before", type_=UtcTime)
_PROGRAMME: ColumnElement[Any] = bindparam("programme_id")
_person, _of_case = people.alias("person"), cases.alias("of_case")
_REFLECTION = "reflection%"


@dataclass(frozen=True, slots=True)
class Emptied:
    """A column that refers to what goes: set to nothing, or its row goes along (`along`), where `only` holds.

    Where it does not hold, the row it refers to stays.
    """

    column: Column[Any]
    along: bool = False
    only: Condition | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What is over in a table: `since` it counts, `where` it may go at all, and what refers to it.

    `kind`: which rows are of the kind, where the table holds several.

    `person`: whose it is; of a person with an open case nothing goes if `free`. `programme`: whose otherwise. `chat`: in
    which chat it stands.
    """

    table: Table
    since: ColumnElement[Any]
    where: tuple[Condition, ...] = ()
    kind: tuple[Condition, ...] = ()
    person: Column[Any] | None = None
    free: bool = False
    programme: Column[Any] | None = None
    chat: Column[Any] | None = None
    emptied: tuple[Emptied, ...] = ()

    def over(self) -> list[Condition]:
        """Its time has come, it is the programme's, and no open case needs it."""
        found = [self.since < BEFORE, *self.kind, *self.where]
        if self.programme is not None:
            # Not by the programme's own index: that would go over all of it for each window of ids.
            found.append(func.coalesce(self.programme, "") == _PROGRAMME)
        if self.free:
            assert self.person is not None
            whose = (_person.c.id == self.person, _person.c.programme_id == _PROGRAMME)
            found.append(exists().where(*whose))
            found.append(~exists().where(_of_case.c.person_id == self.person, _of_case.c.state == "open"))
        return found

    def unreferred(self) -> list[Condition]:
        """Nothing that is kept refers to it: every foreign key there is, but for what gives way."""
        own = self.table.c.get("id")
        gives_way = {each.column: each for each in self.emptied}
        found = []
        for column in referring(self.table):
            each = gives_way.get(column)
            if each is None:
                found.append(~exists().where(column == own))
            elif each.only is not None:
                found.append(~exists().where(column == own, ~each.only))
        return found


def referring(table: Table) -> list[Column[Any]]:
    """Every column of another table that refers to this one."""
    return [
        key.parent
        for other in metadata.sorted_tables
        if other is not table
        for key in other.foreign_keys
        if key.column.table is table
    ]


def _of_script(script: Column[Any], *, reflection: bool) -> Condition:
    return script.like(_REFLECTION) if reflection else script.not_like(_REFLECTION)


def _answers(*, reflection: bool) -> Rule:
    finished = exists().where(visits.c.id == answers.c.visit_id, visits.c.status == "done")
    kind = (_of_script(answers.c.script, reflection=reflection),)
    return Rule(answers, answers.c.at, (finished,), kind, person=answers.c.person_id, free=True)


def _visits(*, reflection: bool) -> Rule:
    kind = (_of_script(visits.c.script, reflection=reflection),)
    where = (visits.c.status == "done",)
    emptied = (Emptied(cases.c.visit_id, only=cases.c.state == "closed"),)
    return Rule(visits, visits.c.touched_at, where, kind, visits.c.person_id, free=True, emptied=emptied)


def _outbox_is(*states: str) -> Condition:
    return or_(*(outbox.c.state == state for state in states))


_left_at = _person.select().with_only_columns(_person.c.left_at).where(_person.c.id == agreements.c.person_id)
_asks = exists().where(requests.c.person_id == people.c.id, requests.c.done_at.is_(None))
_is_left = (people.c.state == "left", ~_asks)

RULES: Mapping[tuple[str, str], Rule] = {
    ("updates", "seen"): Rule(seen, seen.c.at),
    ("messages", "outbox"): Rule(
        outbox, outbox.c.due_at, (_outbox_is("sent", "superseded"),), chat=outbox.c.chat_id
    ),
    ("messages_failed", "outbox"): Rule(
        outbox, outbox.c.due_at, (_outbox_is("failed", "withheld"),), chat=outbox.c.chat_id
    ),
    # What is sensitive and stands is the tidying's; it goes from here once it is known to be gone, or beyond it.
    ("message_ids", "ledger"): Rule(
        ledger,
        ledger.c.at,
        (or_(ledger.c.gone_at.is_not(None), ledger.c.sensitive.is_(False)),),
        chat=ledger.c.chat_id,
    ),
    ("reminders", "reminders"): Rule(
        reminders,
        reminders.c.due_at,
        (reminders.c.fate != "due",),
        person=reminders.c.person_id,
        programme=reminders.c.programme_id,
    ),
    ("allowances", "allowances"): Rule(
        allowances, allowances.c.until, person=allowances.c.person_id, free=True
    ),
    ("shifts", "shifts"): Rule(
        shifts, shifts.c.ends_at, person=shifts.c.person_id, programme=shifts.c.programme_id
    ),
    ("invitations", "invitations"): Rule(
        invitations,
        func.coalesce(invitations.c.used_at, invitations.c.revoked_at, invitations.c.expires_at),
        person=invitations.c.used_by,
        programme=invitations.c.programme_id,
    ),
    ("answers", "answers"): _answers(reflection=False),
    ("answers", "readiness"): Rule(readiness, readiness.c.at, person=readiness.c.person_id, free=True),
    ("answers", "visits"): _visits(reflection=False),
    ("reflections", "answers"): _answers(reflection=True),
    ("reflections", "visits"): _visits(reflection=True),
    ("agreements", "agreements"): Rule(
        agreements, _left_at.scalar_subquery(), person=agreements.c.person_id, free=True
    ),
    ("cases", "cases"): Rule(
        cases,
        cases.c.closed_at,
        (cases.c.state == "closed",),
        person=cases.c.person_id,
        free=True,
        emptied=(
            Emptied(metadata.tables["case_roles"].c.case_id, along=True),
            Emptied(outbox.c.case_id, along=True, only=outbox.c.state != "waiting"),
        ),
    ),
    ("requests", "requests"): Rule(
        requests, requests.c.done_at, person=requests.c.person_id, programme=requests.c.programme_id
    ),
    ("sessions", "sessions"): Rule(
        sessions,
        sessions.c.ends_at,
        person=sessions.c.person_id,
        programme=sessions.c.programme_id,
        emptied=(Emptied(cases.c.session_id, only=cases.c.state == "closed"),),
    ),
    ("people", "chats"): Rule(people, people.c.left_at, _is_left, person=people.c.id, free=True),
    ("people", "people"): Rule(
        people,
        people.c.left_at,
        _is_left,
        person=people.c.id,
        free=True,
        emptied=(
            Emptied(metadata.tables["person_roles"].c.person_id, along=True),
            Emptied(invitations.c.used_by),
        ),
    ),
}


def not_of(rule: Rule, held: frozenset[str], chats_held: frozenset[str]) -> list[Condition]:
    """Nobody under a legal hold."""
    found: list[Condition] = []
    for column, ids in ((rule.person, held), (rule.chat, chats_held)):
        if column is not None and ids:
            found.append(or_(column.is_(None), column.not_in([literal(one) for one in sorted(ids)])))
    return found
