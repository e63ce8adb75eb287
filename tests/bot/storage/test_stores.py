"""What each store keeps and finds again."""

from dataclasses import replace

import pytest

from bot.ports import records as r
from bot.ports.stores import Stale
from bot.storage.sqlite import SqliteStorage
from flows.values import Level
from tests.bot.storage import rows as make
from tests.bot.storage.rows import NOW, at, named

pytestmark = pytest.mark.both_databases


async def test_programmes_and_groups_are_found_as_saved(storage: SqliteStorage) -> None:
    """A programme and its groups come back as saved, by id and by key, and a second save changes them."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.programmes.save(make.programme(name="Renamed"))
        await unit.programmes.save_group(make.group(2))
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.programmes.get(named("programme")) == make.programme(name="Renamed")
        assert await unit.programmes.by_key("north") == make.programme(name="Renamed")
        assert await unit.programmes.all() == [make.programme(name="Renamed")]
        assert await unit.programmes.group(named("group")) == make.group()
        assert await unit.programmes.group_by_key(named("programme"), "g2") == make.group(2)
        assert await unit.programmes.groups(named("programme")) == [make.group(1), make.group(2)]
        assert await unit.programmes.get("none") is None
        assert await unit.programmes.group_by_key(named("programme"), "none") is None


async def test_the_next_session_is_the_earliest_that_has_not_ended(storage: SqliteStorage) -> None:
    """S-32: the next session is the person's or group's earliest planned one that has not ended."""
    async with storage.unit() as unit:
        await make.settle(unit, people=2)
        for session in (
            make.session(1, starts_at=at(-60), minutes=90),
            make.session(2, starts_at=at(10), state="cancelled"),
            make.session(3, starts_at=at(20), group_id=None, person_id=named("person", 2)),
            make.session(4, starts_at=at(30)),
        ):
            await unit.sessions.save(session)
        first, second = make.person(1), make.person(2)
        running, own, later = [await unit.sessions.get(named("session", n)) for n in (1, 3, 4)]
        assert running is not None
        assert running.link == "https://meeting.example/room"
        assert await unit.sessions.next_for(first, NOW) == running
        assert await unit.sessions.next_for(first, at(30)) == later
        assert await unit.sessions.next_for(second, at(30)) == own
        assert await unit.sessions.next_for(make.staff(), NOW) is None
        assert await unit.sessions.between(NOW, at(30)) == [own]
        await unit.sessions.save(replace(running, starts_at=at(120), version=2))
        moved = await unit.sessions.by_key(named("programme"), "s1")
        assert moved == replace(running, starts_at=at(120), version=2)


async def test_a_programmes_sessions_of_a_span_come_by_start(storage: SqliteStorage) -> None:
    """R-14: all of the programme that start in the span come, cancelled ones too, and none of another."""
    other = make.programme(id=named("programme", 2), key="south")
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.programmes.save(other)
        sessions = [make.session(n, starts_at=at(minutes)) for n, minutes in ((1, 20), (2, 0), (3, 30))]
        sessions[0] = replace(sessions[0], state="cancelled")
        for session in (*sessions, make.session(4, starts_at=at(10), programme_id=other.id, group_id=None)):
            await unit.sessions.save(session)
        found = await unit.sessions.of_programme(named("programme"), NOW, at(30))
        assert found == [sessions[1], sessions[0]]


async def test_people_come_back_with_all_they_hold(storage: SqliteStorage) -> None:
    """A person comes back as added and as saved, also before the commit."""
    async with storage.unit() as unit:
        await make.settle(unit)
        changed = make.person(
            pending={"do": "open", "script": "self_test"},
            open_until=at(10),
            released=("RS-D4",),
            safe_times=("morning", "evening"),
            check_in_day=0,
        )
        colleague = make.staff(email="duty@example.org", reach="both")
        await unit.people.add(colleague)
        await unit.people.save(changed)
        assert await unit.people.get(named("person")) == changed
        assert await unit.people.in_group(named("group")) == [changed]
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.people.get(named("person")) == changed
        assert await unit.people.get(named("staff")) == colleague
        assert await unit.people.get("nobody") is None
        with pytest.raises(Stale):
            await unit.people.save(make.person(9))


async def test_roles_count_in_their_group_or_everywhere(storage: SqliteStorage) -> None:
    """S-30: staff of a role are found in their group, and in the whole programme."""
    tech, lead = r.StaffRole.TECH, r.StaffRole.FACILITATOR
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.programmes.save_group(make.group(2))
        await unit.people.add(make.staff(1, roles=(tech,)))
        await unit.people.add(make.staff(2))
        for group in (1, 1, 2):
            await unit.people.add_role(named("staff", 2), lead, named("group", group))
        programme = named("programme")
        one = await unit.people.get(named("staff", 1))
        two = await unit.people.get(named("staff", 2))
        assert one is not None
        assert two is not None
        assert (one.roles, two.roles) == ((tech,), (lead,))
        assert await unit.people.in_role(programme, lead, named("group", 2)) == [two]
        assert await unit.people.in_role(programme, tech, named("group")) == []
        assert await unit.people.in_role(programme, tech) == [one]
        await unit.people.add_role(two.id, tech, None)
        assert await unit.people.get(two.id) == replace(two, roles=(lead, tech))
        assert await unit.people.groups_of(two.id) == [named("group", 1), named("group", 2)]
        assert await unit.people.in_group(named("group")) == [make.person(visit_id=named("visit"))]


async def test_roles_that_are_not_kept_end(storage: SqliteStorage) -> None:
    """S-21: all but the roles named, each in its group, are taken away and said; groups are found by role."""
    tech, lead = r.StaffRole.TECH, r.StaffRole.FACILITATOR
    one, two = named("group", 1), named("group", 2)
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.programmes.save_group(make.group(2))
        for number in (1, 2):
            await unit.people.add(make.staff(number))
            for role, group in ((lead, one), (lead, two), (tech, two), (tech, None)):
                await unit.people.add_role(named("staff", number), role, group)
        await unit.commit()
    async with storage.unit() as unit:
        person = named("staff", 1)
        assert await unit.people.get(person) == make.staff(roles=(lead, tech))
        assert await unit.people.groups_of(person, tech) == [two]
        assert await unit.people.groups_of(person, r.StaffRole.DUTY) == []
        assert await unit.people.keep_roles(person, {(lead, one), (lead, two), (tech, None)}) == [tech]
        assert await unit.people.groups_of(person, tech) == []
        assert await unit.people.get(person) == make.staff(roles=(lead, tech)), "everywhere still"
        assert sorted(await unit.people.keep_roles(person, {(lead, two)})) == [lead, tech]
        assert await unit.people.get(person) == make.staff(roles=(lead,)), "also before the commit"
        assert await unit.people.keep_roles(person, {(lead, two)}) == []
        await unit.commit()
    async with storage.unit() as unit:
        assert await unit.people.get(person) == make.staff(roles=(lead,))
        assert await unit.people.groups_of(person, lead) == await unit.people.groups_of(person) == [two]
        other = named("staff", 2)
        assert await unit.people.get(other) == make.staff(2, roles=(lead, tech)), "nobody else's"
        assert await unit.people.groups_of(other) == [one, two]


async def test_an_invitation_is_found_by_its_token_only(storage: SqliteStorage) -> None:
    """S-41: an invitation is found by its token, and by nothing that the database holds."""
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.invitations.add(make.invitation(), "the-token")
        assert await unit.invitations.by_token("the-token") == make.invitation()
        assert await unit.invitations.by_token("another") is None
        assert await unit.invitations.pending(named("programme")) == [make.invitation()]
        used = make.invitation(used_at=NOW, used_by=named("person"), email="lead@example.org", reach="email")
        await unit.invitations.save(used)
        assert await unit.invitations.by_token("the-token") == used
        assert await unit.invitations.pending(named("programme")) == []
        with pytest.raises(Stale):
            await unit.invitations.save(make.invitation(9))


async def test_a_chat_is_found_by_bot_and_by_person(storage: SqliteStorage) -> None:
    """A chat is found by bot and Telegram id, by person (an open one first) and by id."""
    async with storage.unit() as unit:
        await make.settle(unit)
        assert await unit.chats.by_telegram(make.BOT, 555000001) == make.chat()
        assert await unit.chats.by_telegram(make.BOT + 1, 555000001) is None
        await unit.chats.add(make.chat(2, person_id=named("person")))
        await unit.chats.set_state(named("chat", 2), "blocked")
        assert await unit.chats.of_person(named("person")) == make.chat()
        assert await unit.chats.get(named("chat", 2)) == make.chat(
            2, person_id=named("person"), state="blocked"
        )
        assert await unit.chats.of_person("nobody") is None


async def test_a_visit_is_saved_only_over_the_version_read(storage: SqliteStorage) -> None:
    """R-14: saving a visit twice from the same version is refused, within a unit and across units."""
    moved = make.visit(body='{"step": "ST-02"}', status="paused")
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.visits.save(moved)
        with pytest.raises(Stale):
            await unit.visits.save(moved)
        await unit.commit()
    async with storage.unit() as unit:
        with pytest.raises(Stale):
            await unit.visits.save(moved)
        with pytest.raises(Stale):
            await unit.visits.save(make.visit(9))
        assert await unit.visits.get(named("visit")) == replace(moved, version=2)
        await unit.visits.add(
            make.visit(2, person_id=named("person"), opened_at=at(1), status="done", script="x")
        )
        assert [visit.id for visit in await unit.visits.of_person(named("person"))] == [
            named("visit", 2),
            named("visit", 1),
        ]
        assert await unit.visits.open_versions() == {("self_test", 1)}


async def test_every_version_of_an_answer_stays(storage: SqliteStorage) -> None:
    """S-34: a changed answer is one more row, and a read in the same unit sees it."""
    first, second = make.answer(1), make.answer(2, step="ST-01", version=2, text="half a pair: \ud83d")
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.answers.add(first)
        await unit.answers.add(second)
        assert await unit.answers.of_visit(named("visit")) == [first, second]
        assert await unit.answers.of_person(named("person")) == [first, second]


async def test_readiness_is_one_row_for_a_person_and_a_session(storage: SqliteStorage) -> None:
    """S-08: a later result replaces the earlier one of that person and session."""
    lifted = make.readiness(
        id=named("other"),
        level=Level.READY,
        final=True,
        lifted="join",
        lifted_at=NOW,
        lifted_by=named("person"),
    )
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.sessions.save(make.session())
        assert await unit.readiness.get(named("session"), named("person")) is None
        await unit.readiness.put(make.readiness())
        assert await unit.readiness.get(named("session"), named("person")) == make.readiness()
        await unit.readiness.put(lifted)
        assert await unit.readiness.of_session(named("session")) == [replace(lifted, id=named("readiness"))]


async def test_agreements_and_audit_are_kept_in_order(storage: SqliteStorage) -> None:
    """S-34: agreements come back with version and points; the audit log in the order written."""
    agreement = r.Agreement(named("agreement"), named("person"), 1, "en", {"WE-01": "agreed"}, NOW)
    entries = [
        r.AuditEntry(named("audit", n), at(n), named("staff"), "take", "K-101", {"rung": "1"}) for n in (1, 2)
    ]
    async with storage.unit() as unit:
        await make.settle(unit)
        await unit.agreements.add(agreement)
        for entry in entries:
            await unit.audit.add(entry)
        assert await unit.agreements.of_person(named("person")) == [agreement]
        assert await unit.audit.of_subject("K-101") == entries


async def test_the_ledger_knows_what_stands(storage: SqliteStorage) -> None:
    """S-43: what stands in a chat is listed until it is deleted, or known not to be deletable."""
    async with storage.unit() as unit:
        await make.settle(unit)
        for entry in (make.entry(1), make.entry(2, sensitive=True), make.entry(3, slot="", side="person")):
            await unit.ledger.add(entry)
        chat = named("chat")
        assert await unit.ledger.standing(chat) == [
            make.entry(1),
            make.entry(2, sensitive=True),
            make.entry(3, slot="", side="person"),
        ]
        assert [e.message_id for e in await unit.ledger.standing(chat, "question")] == [1, 2]
        assert [e.message_id for e in await unit.ledger.standing(chat, sensitive_only=True)] == [2]
        await unit.ledger.gone(named("entry", 3), NOW)
        await unit.ledger.gone(named("entry", 2), NOW, kept="too old")
        assert [e.message_id for e in await unit.ledger.standing(chat)] == [1]
        newest = await unit.ledger.newest(chat)
        assert newest is not None
        assert (newest.message_id, newest.kept, newest.gone_at) == (2, "too old", NOW)
        assert await unit.ledger.by_message(chat, 3) == make.entry(3, slot="", side="person", gone_at=NOW)
        assert await unit.ledger.by_message(chat, 9) is None


async def test_updates_seen_are_known_per_bot_until_pruned(storage: SqliteStorage) -> None:
    """R-03: an update id is known for its bot, among any number asked for, until it is pruned."""
    async with storage.unit() as unit:
        for number in range(0, 250, 2):
            await unit.seen.add(make.BOT, number, at(number))
        assert await unit.seen.known(make.BOT, range(250)) == set(range(0, 250, 2))
        assert await unit.seen.known(make.BOT + 1, range(250)) == set()
        assert await unit.seen.known(make.BOT, []) == set()
        assert await unit.seen.prune(at(240)) == 120
        assert await unit.seen.known(make.BOT, range(250)) == {240, 242, 244, 246, 248}


async def test_a_time_that_is_not_utc_is_refused(storage: SqliteStorage) -> None:
    """A naive time never reaches the database."""
    async with storage.unit() as unit:
        with pytest.raises(ValueError, match="UTC"):
            await unit.seen.add(make.BOT, 1, NOW.replace(tzinfo=None))
