"""Import a programme with its groups, staff and sessions; again, it brings them up to date by their keys.

`Programme.settings` holds `ProgrammeSettings`. What a person has set themselves (language, zone) stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.ports.records import AuditEntry, Group, Invitation, Person, Programme, Session, StaffRole
from bot.ports.services import Clock, Ids
from bot.ports.stores import Unit
from bot.usecases.invite import IN_A_GROUP, OPERATOR, Guest, Issued, invite
from bot.usecases.programme_file import ProgrammeFile, SessionEntry, StaffEntry, is_relative, start_of

INVITED_DAYS = 14


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


async def import_programme(
    unit: Unit, clock: Clock, ids: Ids, file: ProgrammeFile, step: Callable[[], None]
) -> Imported:
    """Stage all of the file, which has no faults (`faults_in`); the caller commits. `step` is called at each part."""
    work = _Import(unit, clock, ids, file)
    programme = await work.programme()
    groups = await work.groups(programme, step)
    await work.staff(programme, groups, step)
    for session in file.sessions:
        await work.session(programme, groups, session)
        step()
    await unit.audit.add(AuditEntry(ids.new(), clock.now(), OPERATOR, "programme.imported", programme.id))
    return work.done


class _Import:
    def __init__(self, unit: Unit, clock: Clock, ids: Ids, file: ProgrammeFile) -> None:
        self._unit, self._clock, self._ids, self._file = unit, clock, ids, file
        self.done = Imported()

    async def programme(self) -> Programme:
        entry = self._file.programme
        before = await self._unit.programmes.by_key(entry.key)
        programme = Programme(
            id=before.id if before else self._ids.new(),
            settings=entry.settings.model_dump(),
            **entry.model_dump(exclude={"settings"}),
        )
        if programme != before:
            await self._unit.programmes.save(programme)
        self.done.note(f"programme {entry.key}", new=before is None, changed=programme != before)
        return programme

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
        known = {p.alias for p in enrolled.values() if StaffRole.ADMINISTRATOR in p.roles}
        known |= {i.alias for i in waiting if i.role == StaffRole.ADMINISTRATOR}
        if not known and all(entry.role is not StaffRole.ADMINISTRATOR for entry in self._file.staff):
            first = StaffEntry(alias="Administrator", role=StaffRole.ADMINISTRATOR)
            await self._invite(programme, None, first)

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
            await self._unit.people.add_role(person.id, entry.role, group_id)
            self.done.note(f"{entry.role} {entry.alias}", new=False, changed=entry.role not in person.roles)
            return
        for invited in waiting:
            if (invited.alias, invited.role, invited.group_id) == (entry.alias, entry.role.value, group_id):
                until = f"{invited.expires_at:%Y-%m-%d %H:%M} UTC"
                self.done.lines.append(f"{entry.role} {entry.alias}: invited already, until {until}")
                self.done.waiting.append(invited)
                return
        await self._invite(programme, group, entry)

    async def _invite(self, programme: Programme, group: Group | None, entry: StaffEntry) -> None:
        guest = Guest(
            entry.role.value,
            entry.alias,
            entry.language or programme.languages[0],
            entry.timezone or (group.timezone if group else programme.timezone),
        )
        # Whoever waits under another role or group is invited for the one the file says now.
        issued = await invite(
            self._unit, self._clock, self._ids, programme, group, guest, INVITED_DAYS, again=True
        )
        self.done.invitations.append(issued)
        self.done.lines.append(f"{entry.role} {entry.alias}: invited")

    def _group_of(self, entry: StaffEntry, groups: dict[str, Group]) -> Group | None:
        if entry.group is not None:
            return groups[entry.group]
        return groups[self._file.groups[0].key] if entry.role.value in IN_A_GROUP else None

    async def session(self, programme: Programme, groups: dict[str, Group], entry: SessionEntry) -> None:
        before = await self._unit.sessions.by_key(programme.id, entry.key)
        session = Session(
            id=before.id if before else self._ids.new(),
            programme_id=programme.id,
            key=entry.key,
            group_id=groups[entry.group].id,
            person_id=None,
            starts_at=before.starts_at
            if before and is_relative(entry.starts)
            else start_of(entry.starts, groups[entry.group].timezone, self._clock.now()),
            minutes=entry.minutes,
            platform=entry.platform or programme.platform,
            link=entry.link,
            state=entry.state,
            version=before.version if before else 1,
        )
        if before is not None and session != before:
            session = replace(
                session, version=before.version + 1
            )  # what was timed by the old one no longer applies
        if session != before:
            await self._unit.sessions.save(session)
        self.done.note(_moved(session, before, entry), new=before is None, changed=session != before)


def _moved(session: Session, before: Session | None, entry: SessionEntry) -> str:
    starts = f"{session.starts_at:%Y-%m-%d %H:%M} UTC"
    if before is not None and before.starts_at != session.starts_at:
        return f"session {entry.key}, moved from {before.starts_at:%Y-%m-%d %H:%M} UTC to {starts}"
    kept = f" (not moved: {entry.starts} counts for a new session only)"
    return f"session {entry.key}, {starts}{kept if before and is_relative(entry.starts) else ''}"
