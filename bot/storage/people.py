"""People, and the invitations that bring them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, select, update

from bot.ports.plan import EVER
from bot.ports.records import Invitation, Person, Session, StaffRole
from bot.ports.stores import Stale
from bot.storage.columns import NOT_PLANNED
from bot.storage.many import Many
from bot.storage.sealing import CannotOpen, Keyring
from bot.storage.statements import Row, Statement, fields_of, insert_into, select_where, update_by_id
from bot.storage.tables import invitations, people, person_roles, visits
from bot.storage.visits import VisitStore
from bot.storage.work import Work

log = structlog.get_logger(__name__)

_NUL = "\0"
_BEHIND_ALL = "~"
"""Greater than any id."""
_WITH_ALIAS = ("email", "reach", "replaces")
_RANK = {role: rank for rank, role in enumerate(StaffRole)}

_SEALED = ("alias", "pending", "released", "email", "reach", "safe_times", "check_in_day")
# How far the plan goes is no part of the record.
_COLUMNS = [column for column in people.c if column.name != "planned_until"]
_PEOPLE_AND_VISITS = Many(
    select(
        *_COLUMNS, *(column.label(f"visit_{column.name}") for column in visits.c if column.name != "id")
    ).select_from(people.outerjoin(visits, visits.c.id == people.c.visit_id)),
    people.c.id,
)
# As a plain row lock is, but for those who refer to the person: they need not wait.
_HOLD = Many(
    select(people.c.id)
    .where(people.c.kind == "participant")
    .order_by(people.c.id)
    .with_for_update(key_share=True),
    people.c.id,
)
_ADD_PERSON = insert_into(people, without=["planned_until"])
_SET_PERSON = update_by_id(people, [column.name for column in _COLUMNS if column.name != "id"])
_ROLES = select_where(person_roles, "person_id")
_ADD_ROLE = insert_into(person_roles, without=["id"])
_END_ROLES = Statement(delete(person_roles).where(person_roles.c.person_id == bindparam("person_id")))
_END_ROLE = Statement(delete(person_roles).where(person_roles.c.id == bindparam("id")))
_IN_GROUP = Statement(
    select(*_COLUMNS)
    .where(people.c.group_id == bindparam("group_id"), people.c.kind == "participant")
    .order_by(people.c.id)
)
_STAFF_AFTER = Statement(
    select(person_roles.c.person_id)
    .where(person_roles.c.person_id > bindparam("after"))
    .distinct()
    .order_by(person_roles.c.person_id)
    .limit(bindparam("limit"))
)
_role = select(person_roles.c.person_id).where(person_roles.c.role == bindparam("role"))
_IDS_IN_ROLE = Many(
    select(person_roles.c.group_id, person_roles.c.person_id).where(person_roles.c.role == bindparam("role")),
    person_roles.c.group_id,
)
_staff = select(*_COLUMNS).where(people.c.programme_id == bindparam("programme_id"), people.c.state != "left")
_IN_ROLE = Statement(_staff.where(people.c.id.in_(_role)).order_by(people.c.id))
_IN_ROLE_OF_GROUP = Statement(
    _staff.where(people.c.id.in_(_role.where(person_roles.c.group_id == bindparam("group_id")))).order_by(
        people.c.id
    )
)
# Locked where units run beside each other, so that no change of theirs comes between looking and `planned`.
_TO_PLAN = Statement(
    select(*_COLUMNS)
    .where(people.c.planned_until <= bindparam("now"))
    .order_by(people.c.planned_until, people.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_PLANNED = update_by_id(people, ["planned_until"])
_has_a_time = people.c.planned_until < EVER
_END_OF_SLICE = Statement(
    select(people.c.id)
    .where(people.c.id > bindparam("after"))
    .order_by(people.c.id)
    .offset(bindparam("but_one"))
    .limit(1)
)
_PLAN_SLICE_ANEW = Statement(
    update(people).where(
        people.c.id > bindparam("where_after"), people.c.id <= bindparam("where_last"), _has_a_time
    ),
    ["planned_until"],
)
_PLAN_GROUP_ANEW = Statement(
    update(people).where(people.c.group_id == bindparam("where_group"), _has_a_time), ["planned_until"]
)
# What every tap changes; whatever else changes, or is new in the record one day, is taken to bear on the plan.
_TAPS = {"open_until", "pending", "visit_id"}
_lasting = attrgetter(*(field.name for field in fields(Person) if field.name not in _TAPS))
_INVITATION = select_where(invitations, "token_lookup")
_ADD_INVITATION = insert_into(invitations)
_SET_INVITATION = update_by_id(
    invitations, [column.name for column in invitations.c if column.name not in {"id", "token_lookup"}]
)
_PENDING_INVITATIONS = Statement(
    select(invitations)
    .where(
        invitations.c.programme_id == bindparam("programme_id"),
        invitations.c.used_at.is_(None),
        invitations.c.revoked_at.is_(None),
    )
    .order_by(invitations.c.expires_at, invitations.c.id)
)


class PersonStore:
    """Implements bot.ports.stores.People. Alias, e-mail, pending, released steps and what suits the person are sealed together.

    Remembers whom it read by id in this unit, so that a tap's save is written with the others.
    """

    def __init__(self, work: Work, keys: Keyring, visits: VisitStore) -> None:
        self._work = work
        self._keys = keys
        self._visits = visits
        self._known: dict[str, Person] = {}

    async def get(self, person_id: str) -> Person | None:
        """By id. The visit in front of the person is read along, for the turn needs it next."""
        if person_id not in self._known:
            for row in await _PEOPLE_AND_VISITS.rows(self._work, [(person_id,)], as_written=True):
                await self._remember(row)
        return self._known.get(person_id)

    async def hold(self, person_ids: Iterable[str]) -> set[str]:
        """Those of them who are participants: until the unit ends no other that holds them goes on. Before they are read.

        The same for all, so that two units that hold several of the same people do not wait for each other.
        """
        found = await _HOLD.rows(self._work, sorted((one,) for one in person_ids), as_written=True)
        return {row["id"] for row in found}

    async def prepare(self, person_ids: Collection[str]) -> list[Person]:
        """Read them in one go, so that `get` need not ask; gives them. Whoever cannot be read is left to `get`."""
        wanted = [(one,) for one in person_ids if one not in self._known]
        for row in await _PEOPLE_AND_VISITS.rows(self._work, wanted, as_written=True):
            with suppress(CannotOpen):  # `get` says so to whoever asks for that one
                await self._remember(row)
        return [self._known[one] for one in person_ids if one in self._known]

    async def _remember(self, row: Row) -> None:
        visit = {name: row.pop(f"visit_{name}") for name in _VISIT_COLUMNS}
        if visit["person_id"]:
            self._visits.remember({"id": row["visit_id"], **visit})
        self._known[row["id"]] = await self._person(row)

    async def add(self, person: Person) -> None:
        """A new person. Roles, if any, count in the person's own group, or everywhere without one."""
        await self._work.run(_ADD_PERSON, self._values(person))
        for role in person.roles:
            await self.add_role(person.id, role, person.group_id)

    async def save(self, person: Person) -> None:
        """Write all but the roles (see `add_role`). Raises Stale if there is no such person.

        Unless it is only what a tap changes, they are to be planned for again: no use case has to think of it.
        """
        stored = await self.get(person.id)
        if stored is None:
            raise Stale(f"there is no person {person.id}")
        self._work.stage(_SET_PERSON, {**self._values(person), "where_id": person.id}, changes_one=True)
        after = person if person.roles == stored.roles else replace(person, roles=stored.roles)
        self._known[person.id] = after
        if _planned_by(after) != _planned_by(stored):
            await self.planned(person.id, NOT_PLANNED)

    async def add_role(self, person_id: str, role: StaffRole, group_id: str | None) -> None:
        """Give a staff member a role, in a group or everywhere; a second time changes nothing."""
        held = await self._work.rows(_ROLES, person_id=person_id)
        if all((row["role"], row["group_id"]) != (role, group_id) for row in held):
            await self._work.run(
                _ADD_ROLE, {"person_id": person_id, "role": role.value, "group_id": group_id}
            )
        if known := self._known.get(person_id):
            self._known[person_id] = replace(known, roles=_sorted({*known.roles, role}))

    async def keep_roles(
        self, person_id: str, kept: Collection[tuple[StaffRole, str | None]]
    ) -> list[StaffRole]:
        """Take away every role, in a group or everywhere, that is not among `kept`; gives which."""
        held = await self._work.rows(_ROLES, person_id=person_id)
        over = [row for row in held if (StaffRole(row["role"]), row["group_id"]) not in kept]
        for row in over:
            await self._work.run(_END_ROLE, {"id": row["id"]})
        left = {StaffRole(row["role"]) for row in held if row not in over}
        if known := self._known.get(person_id):
            self._known[person_id] = replace(known, roles=_sorted(left))
        return [StaffRole(row["role"]) for row in over]

    async def end_roles(self, person_id: str) -> None:
        """Take away every role of a staff member."""
        await self._work.run(_END_ROLES, {"person_id": person_id})
        if known := self._known.get(person_id):
            self._known[person_id] = replace(known, roles=())

    async def in_role(self, programme_id: str, role: StaffRole, group_id: str | None = None) -> list[Person]:
        """Staff of that role: of that group only, or of the whole programme when `group_id` is None.

        Whoever has left does not serve any more.
        """
        values: Row = {"programme_id": programme_id, "role": role.value}
        if group_id is None:
            return await self._people(_IN_ROLE, **values)
        return await self._people(_IN_ROLE_OF_GROUP, **values, group_id=group_id)

    async def ids_in_role(self, role: StaffRole, group_ids: Iterable[str]) -> dict[str, set[str]]:
        """Group -> who has that role in it, left or not. Groups without anybody are missing."""
        found: dict[str, set[str]] = {}
        for row in await _IDS_IN_ROLE.rows(self._work, ((one,) for one in group_ids), role=role.value):
            found.setdefault(row["group_id"], set()).add(row["person_id"])
        return found

    async def staff_after(self, person_id: str, limit: int) -> list[str]:
        """Ids of so many who have any role, by id, from the one after that."""
        return [row["person_id"] for row in await self._work.rows(_STAFF_AFTER, after=person_id, limit=limit)]

    async def in_group(self, group_id: str) -> list[Person]:
        """The group's participants."""
        return await self._people(_IN_GROUP, group_id=group_id)

    async def to_plan(self, now: datetime, limit: int) -> list[Person | str]:
        """Those who are to be planned for at `now`, the longest waiting first; of whom cannot be read the id."""
        rows = await self._work.rows(_TO_PLAN, now=now, limit=limit)
        return [await self._readable(row) or str(row["id"]) for row in rows]

    async def planned(self, person_id: str, until: datetime) -> None:
        """Nothing is to be planned for them until then."""
        self._work.stage(_PLANNED, {"planned_until": until, "where_id": person_id})

    async def plan_all_anew(self, after: str, limit: int) -> str | None:
        """So many, by id from the one after it, are to be planned for again; the last of them, None at the end."""
        last = await self._work.row(_END_OF_SLICE, after=after, but_one=limit - 1)
        span: Row = {"where_after": after, "where_last": last["id"] if last else _BEHIND_ALL}
        await self._work.run(_PLAN_SLICE_ANEW, {"planned_until": NOT_PLANNED, **span})
        return last["id"] if last else None

    async def plan_anew(self, of: Session) -> None:
        """Those whose session it is are to be planned for again."""
        if of.person_id is not None:
            await self.planned(of.person_id, NOT_PLANNED)
        elif of.group_id is not None:
            self._work.stage(_PLAN_GROUP_ANEW, {"planned_until": NOT_PLANNED, "where_group": of.group_id})

    async def unreadable(self, group_id: str) -> list[str]:
        """Ids of the group's participants whose rows do not open and who have not left, by id."""
        rows = await self._work.rows(_IN_GROUP, group_id=group_id)
        return [row["id"] for row in rows if row["state"] != "left" and not self._opens(row)]

    def _opens(self, row: Row) -> bool:
        try:
            self._keys.open_json("people", "body", row["id"], row["sealed_body"])
        except CannotOpen:
            return False
        return True

    async def groups_of(self, person_id: str, role: StaffRole | None = None) -> list[str]:
        """Ids of the groups in which a staff member has a role, or has that role."""
        held = await self._work.rows(_ROLES, person_id=person_id)
        return sorted({row["group_id"] for row in held if row["group_id"] and role in (None, row["role"])})

    async def _people(self, statement: Statement, **values: Any) -> list[Person]:
        """Those who can be read: one row that does not open must not hide the others."""
        found = [await self._readable(row) for row in await self._work.rows(statement, **values)]
        return [person for person in found if person is not None]

    async def _readable(self, row: Row) -> Person | None:
        try:
            return await self._person(row)
        except CannotOpen as fault:
            log.warning("people.unreadable", error=str(fault))
            return None

    async def _person(self, row: Row) -> Person:
        body = self._keys.open_json("people", "body", row["id"], row.pop("sealed_body"))
        held = (
            await self._work.rows(_ROLES, as_written=True, person_id=row["id"])
            if row["kind"] == "staff"
            else []
        )
        # A row sealed before revision 0002 lacks what came with it; the record's defaults stand in.
        body |= {name: tuple(body[name]) for name in ("released", "safe_times") if name in body}
        return Person(**row, **body, roles=_sorted({StaffRole(each["role"]) for each in held}))

    def _values(self, person: Person) -> Row:
        values = fields_of(person)
        del values["roles"]
        body = {name: values.pop(name) for name in _SEALED}
        values["sealed_body"] = self._keys.seal_json("people", "body", person.id, body)
        return values


def _planned_by(person: Person) -> tuple[object, ...]:
    """What may bear on what the clock does for them. Whoever has left makes no taps: `pending` is their erasure then."""
    return (*_lasting(person), person.pending if person.state == "left" else None)


_VISIT_COLUMNS = [column.name for column in visits.c if column.name != "id"]


def _sorted(roles: set[StaffRole]) -> tuple[StaffRole, ...]:
    return tuple(sorted(roles, key=_RANK.__getitem__))


class InvitationStore:
    """Implements bot.ports.stores.Invitations. Of the token only its keyed hash is kept; the alias is sealed."""

    def __init__(self, work: Work, keys: Keyring) -> None:
        self._work = work
        self._keys = keys

    async def add(self, invitation: Invitation, token: str) -> None:
        """Keep an invitation under its token."""
        lookup = self._keys.lookup("invitation", token)
        await self._work.run(_ADD_INVITATION, {**self._values(invitation), "token_lookup": lookup})

    async def by_token(self, token: str) -> Invitation | None:
        """Whatever its state: used and expired ones are found too."""
        row = await self._work.row(_INVITATION, token_lookup=self._keys.lookup("invitation", token))
        return self._invitation(row) if row else None

    async def save(self, invitation: Invitation) -> None:
        """Write it over what stands. Raises Stale if there is no such invitation."""
        if not await self._work.run(_SET_INVITATION, {**self._values(invitation), "where_id": invitation.id}):
            raise Stale(f"there is no invitation {invitation.id}")

    async def pending(self, programme_id: str) -> list[Invitation]:
        """Neither used nor revoked, expired ones included, by expiry."""
        rows = await self._work.rows(_PENDING_INVITATIONS, programme_id=programme_id)
        return [self._invitation(row) for row in rows]

    def _values(self, invitation: Invitation) -> Row:
        values = fields_of(invitation)
        sealed = _NUL.join(values.pop(name) for name in ("alias", *_WITH_ALIAS)).encode()
        values["sealed_alias"] = self._keys.seal("invitations", "alias", invitation.id, sealed)
        return values

    def _invitation(self, row: Row) -> Invitation:
        del row["token_lookup"]
        opened = self._keys.open("invitations", "alias", row["id"], row.pop("sealed_alias")).decode()
        alias, *ways = opened.split(_NUL)  # a row from before revision 0002 holds the alias alone
        row |= dict(zip(_WITH_ALIAS, ways, strict=False))
        return Invitation(**row, alias=alias)
