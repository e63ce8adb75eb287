"""Import a programme with its groups, staff and sessions; again, it brings them up to date by their keys.

`Programme.settings` holds `ProgrammeSettings`. What a person has set themselves (language, zone) stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot.ports.records import AuditEntry, Group, Invitation, Person, Programme, StaffRole
from bot.ports.stores import Unit
from bot.usecases.choose_language import offered
from bot.usecases.desk import Desk
from bot.usecases.find_person import NoSuchPerson
from bot.usecases.import_sessions import Meeting, import_sessions
from bot.usecases.invite import IN_A_GROUP, OPERATOR, Guest, Issued, invite
from bot.usecases.programme_file import ProgrammeFile, SessionEntry, StaffEntry
from bot.usecases.retention import ALL_OF_IT
from bot.usecases.rota import keep_rotas

INVITED_DAYS = 14
_HOLD = re.compile(rf"K-\d{{1,9}}|[0-9a-f]{{32}}|{ALL_OF_IT}")
Reached = TypeVar("Reached", Person, Invitation)


@dataclass(slots=True)
class Imported:
    """What came of it: lines such as `group tuesday: made`, and the invitations to pass on."""

    lines: list[str] = field(default_factory=list)
    invitations: list[Issued] = field(default_factory=list)
    waiting: list[Invitation] = field(default_factory=list)
    """Those of the file's staff whose earlier invitation is still unused."""

    def note(self, what: str, *, new: bool, changed: bool) -> None:
        """A line about one part."""
        self.lines.append(f"{what}: {'made' if new else 'changed' if changed else 'as it was'}")


async def import_programme(unit: Unit, desk: Desk, file: ProgrammeFile, step: Callable[[], None]) -> Imported:
    """Stage all of the file, which has no faults (`faults_in`); the caller commits. `step` is called at each part.

    Raises CannotInvite, NoSuchPerson for a legal hold on nobody, and BadSessions where sessions do not fit what is kept.
    """
    clock, ids = desk.clock, desk.ids
    work = _Import(unit, desk, file)
    programme = await work.programme()
    groups = await work.groups(programme, step)
    await work.staff(programme, groups, step)
    await work.rotas(programme)
    meetings = [_meeting(entry) for entry in file.sessions]
    work.done.lines += await import_sessions(unit, desk, programme, meetings, step, regroup=True)
    await unit.audit.add(AuditEntry(ids.new(), clock.now(), OPERATOR, "programme.imported", programme.id))
    return work.done


def _reached(one: Reached, entry: StaffEntry) -> Reached:
    """With the address and the way the file says; without an address only Telegram is left."""
    email = one.email if entry.email is None else entry.email
    return replace(one, email=email, reach=(entry.reach or one.reach) if email else "telegram")


class _Import:
    def __init__(self, unit: Unit, desk: Desk, file: ProgrammeFile) -> None:
        self._unit, self._desk, self._file = unit, desk, file
        self._clock, self._ids = desk.clock, desk.ids
        self.done = Imported()
        self._invited: set[str] = set()

    async def programme(self) -> Programme:
        entry = self._file.programme
        before = await self._unit.programmes.by_key(entry.key)
        rotas = before.settings.get("rotas", []) if before else []  # until everybody they name has an id
        held = await self._held(before, entry.settings.legal_hold)
        programme = Programme(
            id=before.id if before else self._ids.new(),
            settings={**entry.settings.model_dump(mode="json"), "rotas": rotas, "legal_hold": held},
            **entry.model_dump(exclude={"settings"}),
        )
        if programme != before:
            await self._unit.programmes.save(programme)
        self.done.note(f"programme {entry.key}", new=before is None, changed=programme != before)
        return programme

    async def _held(self, before: Programme | None, named: tuple[str, ...]) -> list[str]:
        """With ids for aliases, so that a hold outlasts the name; of an alias that two people had, both are held."""
        held: list[str] = []
        for one in named:
            if _HOLD.fullmatch(one):
                held.append(one)
                continue
            found = await self._unit.everything.by_alias(before.id, one) if before else []
            if not found:
                raise NoSuchPerson(
                    f"legal_hold: {one} is no case (K-104), no id, and nobody's alias in {self._file.programme.key}"
                )
            held += [person.id for person in found]
        return list(dict.fromkeys(held))

    async def groups(self, programme: Programme, step: Callable[[], None]) -> dict[str, Group]:
        for entry in self._file.groups:
            before = await self._unit.programmes.group_by_key(programme.id, entry.key)
            zone = self._file.zone_of(entry.key)
            own_id = before.id if before else self._ids.new()
            group = Group(own_id, programme.id, entry.key, entry.name, zone)
            if group != before:
                await self._unit.programmes.save_group(group)
            self.done.note(f"group {entry.key}", new=before is None, changed=group != before)
            step()
        return {group.key: group for group in await self._unit.programmes.groups(programme.id)}

    async def staff(self, programme: Programme, groups: dict[str, Group], step: Callable[[], None]) -> None:
        enrolled = await self._enrolled(programme)
        now = self._clock.now()
        waiting = [i for i in await self._unit.invitations.pending(programme.id) if i.expires_at > now]
        for entry in self._file.staff:
            await self._one(programme, self._group_of(entry, groups), entry, enrolled, waiting)
            step()
        await self._end_others(groups, enrolled)
        known = {p.alias for p in enrolled.values() if StaffRole.ADMINISTRATOR in p.roles}
        known |= {i.alias for i in waiting if i.role == StaffRole.ADMINISTRATOR}
        if not known and all(entry.role is not StaffRole.ADMINISTRATOR for entry in self._file.staff):
            first = StaffEntry(alias="Administrator", role=StaffRole.ADMINISTRATOR)
            await self._invite(programme, None, first)

    async def _end_others(self, groups: dict[str, Group], enrolled: dict[str, Person]) -> None:
        """Whom the file names has the roles and groups that it names, and no others: a move ends the former (S-21)."""
        said: dict[str, set[tuple[StaffRole, str | None]]] = {}
        for entry in self._file.staff:
            group = self._group_of(entry, groups)
            said.setdefault(entry.alias, set()).add((entry.role, group.id if group else None))
        for alias, kept in said.items():
            if (person := enrolled.get(alias)) is not None:
                for role in await self._unit.people.keep_roles(person.id, kept):
                    self.done.lines.append(f"{role} {alias}: ended, since the file says otherwise now")

    async def rotas(self, programme: Programme) -> None:
        """With ids for aliases: of those enrolled, or of the invitation that is still waiting for them."""
        now, before = self._clock.now(), bool(programme.settings["rotas"])
        if not self._file.rotas and not before:
            return
        who = {
            i.alias: i.id for i in await self._unit.invitations.pending(programme.id) if i.expires_at > now
        }
        who |= {alias: person.id for alias, person in (await self._enrolled(programme)).items()}
        changed = await keep_rotas(self._unit, self._ids, programme, self._file.rotas, who, now)
        self.done.note("rotas", new=not before, changed=changed)

    async def _enrolled(self, programme: Programme) -> dict[str, Person]:
        found: dict[str, Person] = {}
        for role in StaffRole:
            found |= {person.alias: person for person in await self._unit.people.in_role(programme.id, role)}
        return found

    async def _one(
        self,
        programme: Programme,
        group: Group | None,
        entry: StaffEntry,
        enrolled: dict[str, Person],
        waiting: list[Invitation],
    ) -> None:
        group_id = group.id if group else None
        person = enrolled.get(entry.alias)
        if person is not None:
            before = await self._unit.people.groups_of(person.id, entry.role)
            new = entry.role not in person.roles or (group_id is not None and group_id not in before)
            await self._unit.people.add_role(person.id, entry.role, group_id)
            reached = _reached(person, entry)
            if reached != person:
                await self._unit.people.save(reached)
            changed = new or reached != person
            self.done.note(f"{entry.role} {entry.alias}", new=False, changed=changed)
            return
        if entry.alias in self._invited:
            says = "not enrolled yet; import again once they are, for this role"
            self.done.lines.append(f"{entry.role} {entry.alias}: {says}")
            return
        self._invited.add(entry.alias)
        for invited in waiting:
            if (invited.alias, invited.role, invited.group_id) == (entry.alias, entry.role.value, group_id):
                await self._unit.invitations.save(_reached(invited, entry))
                until = f"{invited.expires_at:%Y-%m-%d %H:%M} UTC"
                self.done.lines.append(f"{entry.role} {entry.alias}: invited already, until {until}")
                self.done.waiting.append(invited)
                return
        await self._invite(programme, group, entry)

    async def _invite(self, programme: Programme, group: Group | None, entry: StaffEntry) -> None:
        guest = Guest(
            entry.role.value,
            entry.alias,
            entry.language or offered(self._desk, programme)[0],
            entry.timezone or (group.timezone if group else programme.timezone),
            entry.email or "",
            entry.reach or "telegram",
        )
        # Whoever waits under another role or group is invited for the one the file says now.
        issued = await invite(
            self._unit,
            self._clock,
            self._ids,
            programme,
            group,
            guest,
            INVITED_DAYS,
            languages=self._desk.languages,
            again=True,
        )
        self.done.invitations.append(issued)
        self.done.lines.append(f"{entry.role} {entry.alias}: invited")

    def _group_of(self, entry: StaffEntry, groups: dict[str, Group]) -> Group | None:
        if entry.group is not None:
            return groups[entry.group]
        return groups[self._file.groups[0].key] if entry.role.value in IN_A_GROUP else None


def _meeting(entry: SessionEntry) -> Meeting:
    return Meeting(
        key=entry.key,
        starts=entry.starts,
        minutes=entry.minutes,
        link=entry.link,
        group=entry.group,
        participant=entry.participant,
        platform=entry.platform,
        state=entry.state,
        rrule=entry.rrule,
        excluded=frozenset(entry.excluded),
    )
