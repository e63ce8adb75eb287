"""Invite somebody: a single-use link with a time after which it opens nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from babel import Locale
from babel.core import UnknownLocaleError

from bot.ports.records import AuditEntry, Group, Invitation, Person, Programme, Reach, StaffRole
from bot.ports.services import Clock, Ids
from bot.ports.stores import Unit
from bot.usecases import rota
from bot.usecases.file_entry import known_timezone

PARTICIPANT = "participant"
ROLES = (PARTICIPANT, *(role.value for role in StaffRole))
IN_A_GROUP = frozenset({PARTICIPANT, StaffRole.FACILITATOR.value})
OPERATOR = "operator"
"""Who acts in the audit log when it was done at the command line."""


class CannotInvite(Exception):
    """The invitation asked for makes no sense here; the message says what would."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who is to be invited. `alias`: how staff know them, never a full name. `email`, `reach`: staff only."""

    role: str
    alias: str
    language: str
    timezone: str
    email: str = ""
    reach: Reach = "telegram"


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation with its token, which is kept nowhere: this is the only time it can be read."""

    guest: Guest
    group: str
    token: str
    expires: datetime


def link_of(bot_name: str, token: str) -> str:
    """The link that opens Telegram at the bot, with the token."""
    return f"https://t.me/{bot_name}?start={token}"


def known_language(code: str) -> bool:
    """Whether CLDR knows the language, such as en or pt_BR."""
    try:
        Locale.parse(code)
    except (UnknownLocaleError, ValueError, TypeError):
        return False
    return True


async def choose_programme(unit: Unit, key: str | None) -> Programme:
    """The programme of that key, or the only one. Raises CannotInvite."""
    programmes = await unit.programmes.all()
    keys = ", ".join(programme.key for programme in programmes)
    if not programmes:
        raise CannotInvite("there is no programme yet; make one with: vestibule import FILE")
    if key is None:
        if len(programmes) > 1:
            raise CannotInvite(f"there are several programmes; say which with --programme: {keys}")
        return programmes[0]
    for programme in programmes:
        if programme.key == key:
            return programme
    raise CannotInvite(f"there is no programme {key}; there are: {keys}")


async def choose_group(unit: Unit, programme: Programme, role: str, key: str | None) -> Group | None:
    """The group of that key; the only one for who needs one; None for the whole programme. Raises CannotInvite."""
    groups = await unit.programmes.groups(programme.id)
    keys = ", ".join(group.key for group in groups)
    if key is not None:
        for group in groups:
            if group.key == key:
                return group
        raise CannotInvite(f"there is no group {key} in {programme.key}; there are: {keys or 'none'}")
    if role not in IN_A_GROUP:
        return None
    if len(groups) != 1:
        says = f"there are several; say which with --group: {keys}" if groups else "there is none yet"
        raise CannotInvite(f"a {role} needs a group, and {says}")
    return groups[0]


async def invite(
    unit: Unit,
    clock: Clock,
    ids: Ids,
    programme: Programme,
    group: Group | None,
    guest: Guest,
    days: int,
    *,
    languages: Collection[str],
    again: bool = False,
) -> Issued:
    """Stage the invitation and its audit entry; the caller commits. Raises CannotInvite.

    `languages`: those that can be newly chosen (Settings.offered).
    `again`: an unused invitation under the same alias opens nothing from then on; without it, it refuses.
    """
    _refuse_nonsense(guest, programme, languages)
    await _refuse_enrolled(unit, programme, guest.alias)
    now, token = clock.now(), ids.token()
    ended = await _end_older(unit, programme, guest.alias, now, again=again)
    invitation = Invitation(
        id=ids.new(),
        programme_id=programme.id,
        group_id=group.id if group else None,
        role=guest.role,
        alias=guest.alias,
        language=guest.language,
        timezone=guest.timezone,
        expires_at=now + timedelta(days=days),
        email=guest.email,
        reach=guest.reach,
    )
    await unit.invitations.add(invitation, token)
    for earlier in ended:
        await rota.became(unit, ids, programme.id, earlier, invitation.id, now)
    detail = {"role": guest.role}
    await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "invited", invitation.id, detail))
    return Issued(guest, group.key if group else "", token, invitation.expires_at)


async def invite_again(
    unit: Unit,
    clock: Clock,
    ids: Ids,
    programme: Programme,
    person: Person,
    days: int,
    *,
    again: bool = False,
) -> Issued:
    """Stage a link by which the person goes on in another Telegram account; the caller commits. Raises CannotInvite."""
    if person.state == "left":
        raise CannotInvite(f"{person.alias} has left {programme.key}; invite them anew under another alias")
    now, token = clock.now(), ids.token()
    await _end_older(unit, programme, person.alias, now, again=again)
    role = person.roles[0].value if person.roles else PARTICIPANT
    invitation = Invitation(
        id=ids.new(),
        programme_id=programme.id,
        group_id=person.group_id,
        role=role,
        alias=person.alias,
        language=person.language,
        timezone=person.timezone,
        expires_at=now + timedelta(days=days),
        replaces=person.id,
    )
    await unit.invitations.add(invitation, token)
    detail = {"by": invitation.id}
    await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "account.move_offered", person.id, detail))
    group = await unit.programmes.group(person.group_id) if person.group_id else None
    guest = Guest(role, person.alias, person.language, person.timezone)
    return Issued(guest, group.key if group else "", token, invitation.expires_at)


async def revoke(unit: Unit, clock: Clock, ids: Ids, programme: Programme, alias: str) -> int:
    """The unused links of that alias open nothing from now on; how many. Raises CannotInvite where there is none."""
    now = clock.now()
    ended = [
        one
        for one in await unit.invitations.pending(programme.id)
        if one.alias == alias and one.expires_at > now
    ]
    if not ended:
        raise CannotInvite(f"there is no unused link for {alias} in {programme.key}")
    for one in ended:
        await unit.invitations.save(replace(one, revoked_at=now))
        await unit.audit.add(AuditEntry(ids.new(), now, OPERATOR, "invitation.revoked", one.id))
    return len(ended)


async def _refuse_enrolled(unit: Unit, programme: Programme, alias: str) -> None:
    """Staff know people by alias only: two of the same name would be taken for one."""
    people = [one for role in StaffRole for one in await unit.people.in_role(programme.id, role)]
    for group in await unit.programmes.groups(programme.id):
        people += await unit.people.in_group(group.id)
    if alias in {person.alias for person in people}:
        raise CannotInvite(f"{alias} is enrolled in {programme.key} already; choose another alias")


async def _end_older(
    unit: Unit, programme: Programme, alias: str, now: datetime, *, again: bool
) -> list[str]:
    """Ids of those that open nothing from now on."""
    ended: list[str] = []
    for pending in await unit.invitations.pending(programme.id):
        if pending.alias != alias or pending.expires_at <= now:
            continue
        if not again:
            until = f"{pending.expires_at:%Y-%m-%d %H:%M} UTC"
            raise CannotInvite(
                f"{alias} is invited to {programme.key} already, until {until}; choose another alias, or add "
                "--again for a new link in place of the old one"
            )
        await unit.invitations.save(replace(pending, revoked_at=now))
        ended.append(pending.id)
    return ended


def _refuse_nonsense(guest: Guest, programme: Programme, languages: Collection[str]) -> None:
    if guest.role not in ROLES:
        raise CannotInvite(f"there is no role {guest.role}; there are: {', '.join(ROLES)}")
    if not guest.alias.strip() or len(guest.alias) > 60:
        raise CannotInvite("an alias should have 1 to 60 characters, and not be a full name")
    if not known_language(guest.language):
        raise CannotInvite(f"{guest.language} is no language code; it should look like en or pt_BR")
    if guest.language not in programme.languages:
        has = ", ".join(programme.languages)
        raise CannotInvite(f"{programme.key} has no {guest.language}; it has: {has}")
    if guest.language not in languages:
        raise CannotInvite(
            f"{guest.language} is not offered here: vestibule languages says whether it is a draft "
            f"(VESTIBULE_DRAFTS=yes offers drafts); these are: {', '.join(languages)}"
        )
    if not known_timezone(guest.timezone):
        raise CannotInvite(f"{guest.timezone} is no time zone; it should look like Europe/London")
