"""What staff are told, what they may open, and what nobody ever reads."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from bot import logs
from bot.simulator.phone import Phone
from tests.acceptance.house import House
from tests.acceptance.stories import ALIAS, LINK, READY, words

SECRET = "Seagulls over the old harbour"
WORRIES: dict[str, tuple[str, ...]] = {
    "ST-08": ("partner", "done"), "ST-13": ("hurt_self", "very_upset", "done"), "ST-12": ("wont_say",),
    "ST-03": ("no", "no"), "ST-15": ("recording",),
}  # fmt: skip


@pytest.fixture
def plain_logging() -> Iterator[None]:
    """Puts logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def worry(house: House, phone: Phone) -> None:
    """A self-test full of worrying answers, with words of one's own on the way."""
    await house.selftest(phone)
    await house.walk(phone, READY | WORRIES, until="ST-13")
    await house.write(phone, SECRET)
    await house.walk(phone, READY | WORRIES)


def told(house: House) -> list[str]:
    """Everything that must stand in no alert and no log line."""
    library = house.bot.desk.library
    script = library.newest("self_test").script
    labels = [c.label for s in script.steps for c in s.choices if len(c.label) > 8]
    return [ALIAS, SECRET, LINK, *library.catalogue.ids, "hurt_self", "wont_say", *labels]


ROLES = "((Facilitators|Technical help|Duty|Managers|Partner support)(, | and )?)+"


async def test_alerts_say_little(house: House) -> None:
    """S-20: no alert of any role, first or repeated, holds a name, an answer, a concern or free text."""
    await house.plan_session()
    staff = await house.staff()
    await worry(house, await house.member())
    for minutes in (5, 15, 60):
        await house.later(minutes=minutes)
    # The roster is by alias, protected, and no alert.
    said = {role: [t for t in words(phone) if not t.startswith("Roster")] for role, phone in staff.items()}
    assert all(said[role] for role in ("facilitator", "duty", "partner_support", "manager", "tech"))
    line = re.compile(
        r"(A person is needed (now|before the session|today)\.|To be solved before the (next )?session\."
        r"|For review, not urgent\.)\n"
        r"Case K-\d+ · (safety|space|equipment|review)(\nSession: [^\n]+)?"
        r"(\nSomething new has come to this case \(\d+\), [^\n]+\.)?(\nNobody could be reached before you\.)?"
        rf"(\nTaken on by you for: {ROLES}\.)?(\nYou are asked for: {ROLES}\.)?"
        r"(\n( ?(Facilitators|Technical help|Duty|Managers): (not asked yet|asked|taken on|done)\.)+)?"
    )
    for role, texts in said.items():
        for text in texts:
            assert line.fullmatch(text), f"{role}: {text}"
            assert [word for word in told(house) if word in text] == []


async def test_nothing_in_the_logs(
    house: House, capsys: pytest.CaptureFixture[str], plain_logging: None
) -> None:
    """S-20: no log line of any library at any level holds a name, an answer, free text, a token or a chat."""
    logs.configure("debug")
    await house.plan_session()
    staff = await house.staff()
    token = await house.invite("participant", ALIAS)
    phone = Phone(house.world, "Given Name")
    await phone.start(token)
    await house.quiet()
    await house.press(phone, "DOOR:yes")
    await house.walk(phone, {"WE-SAFE": ("any", "done")})
    house.world.updates.add_raw({"message": {"text": SECRET, "chat": {"id": phone.id}}})
    await worry(house, phone)
    await house.press(staff["facilitator"], "CASE:take:K-101")
    await house.press(staff["facilitator"], "CASE:details:K-101")
    staff["duty"].block()
    await house.later(minutes=5)
    captured = capsys.readouterr()
    written = captured.err + captured.out
    assert "update.malformed" in written
    keys = house.settings.keys_text()
    never = [
        *told(house),
        token,
        house.world.token,
        keys,
        "Given Name",
        str(phone.id),
        "DOOR:yes",
        "CASE:take",
    ]
    assert [word for word in never if word in written] == []


async def test_raw_log_events_hold_nothing(house: House) -> None:
    """S-20: already before the allow-list our own log events hold nothing that tells."""
    await house.plan_session()
    await house.staff()
    phone = await house.member()
    with structlog.testing.capture_logs() as events:
        house.world.updates.add_raw({"message": {"text": SECRET, "chat": {"id": phone.id}}})
        await worry(house, phone)
        await house.later(minutes=5)
    assert events
    for event in events:
        assert [word for word in [*told(house), str(phone.id)] if word in str(event)] == []


async def test_details_are_opened_on_purpose(house: House) -> None:
    """S-21: details open for an authorised person only, are recorded, and are gone after ten minutes."""
    await house.plan_session()
    staff = await house.staff()
    phone = await house.member()
    await worry(house, phone)
    facilitator = staff["facilitator"]
    await house.press(facilitator, "CASE:take:K-101")
    await house.press(facilitator, "CASE:details:K-101")
    details = [message for message in facilitator.messages if message.protected]
    read = "\n".join(message.text for message in details)
    assert ALIAS in read
    assert SECRET in read
    assert "Next step:" in read
    [case] = await house.cases()
    async with house.unit() as unit:
        entries = [(e.action, e.actor) for e in await unit.audit.of_subject(case.id)]
    assert ("case.details", (await house.person(facilitator)).id) in entries
    await house.write(staff["administrator"], "/details K-101")
    assert staff["administrator"].last.text == "There is no open case of that number for you."
    await house.write(phone, "/details K-101")
    await house.write(phone, "/case")
    assert ALIAS not in phone.screen()
    await house.later(minutes=9)
    assert facilitator.shows(SECRET)
    await house.later(minutes=2)
    assert not facilitator.shows(SECRET)
    assert ALIAS not in facilitator.screen()


async def test_partner_support_only_sees(house: House) -> None:
    """S-22: partner support marks a case as seen and nothing else, and no words of staff are kept anywhere."""
    await house.plan_session()
    staff = await house.staff()
    await worry(house, await house.member())
    support = staff["partner_support"]
    alert = support.shows("K-101")
    assert alert is not None
    assert [b.data for b in alert.buttons] == ["CASE:seen:K-101", "CASE:details:K-101"]
    for command in ("/ack K-101", "/resolve K-101 talked_to_them"):
        await house.write(support, command)
        assert support.last.text == "Partner support marks a case as seen, nothing else."
    await house.write(support, "She told me about the summer house")
    await house.write(staff["facilitator"], "/resolve K-101 she told me about the summer house")
    await house.press(support, "CASE:seen:K-101")
    [case] = await house.cases()
    parts = await house.roles(case)
    assert (parts["P"].state, parts["P"].outcome) == ("done", "seen")
    assert "summer house" not in str(await everything(house, case.person_id))
    assert b"summer house" not in house.on_disk()


async def everything(house: House, person_id: str) -> list[object]:
    """All that the stores hold about a person and what is to be sent, opened."""
    async with house.unit() as unit:
        kept: list[object] = [await unit.people.get(person_id), await unit.answers.of_person(person_id)]
        for case in await unit.cases.open_for(person_id):
            kept += [case, await unit.cases.roles(case.id), await unit.audit.of_subject(case.id)]
        for phone in house.people.values():
            chat = await unit.chats.of_person(phone)
            kept += await unit.outbox.waiting(chat.id) if chat else []
    return kept


async def test_one_role_never_stops_another(house: House) -> None:
    """S-30: after one role has resolved, each other role on the route still has a next person and a next time."""
    await house.plan_session()
    staff = await house.staff()
    await worry(house, await house.member())
    await house.write(staff["facilitator"], "/ack K-101")
    await house.write(staff["facilitator"], "/resolve K-101 talked_to_them")
    await house.write(staff["partner_support"], "/seen K-101")
    [case] = await house.cases()
    for role, part in (await house.roles(case)).items():
        if role in "FP":
            assert part.state == "done"
        else:
            assert part.state == "asking", role
            assert part.next_target, role
            assert part.next_due_at is not None, role


async def test_what_is_kept_is_sealed(house: House) -> None:
    """S-41: no byte on the disk shows a name, a chat, an answer, a text, a concern, a link or an outgoing message."""
    await house.plan_session()
    staff = await house.staff()
    phone = await house.participant()
    await worry(house, phone)
    await house.press(staff["facilitator"], "CASE:take:K-101")
    await house.press(staff["facilitator"], "CASE:details:K-101")
    disk = house.on_disk()
    assert len(disk) > 100_000
    concerns = set(await house.concerns())
    assert "self_harm" in concerns
    sealed = [ALIAS, SECRET, LINK, "usual_room", "hurt_self", "wont_say", "facilitator one", *concerns]
    sealed += [str(phone.id), *(str(p.id) for p in staff.values())]
    sealed += ["Who else will be in the home", "A person is needed", "I might hurt myself", "DOOR:yes"]
    for text in sealed:
        assert text.encode() not in disk, text
        assert text.encode("utf-16-le") not in disk, text
    for number in (phone.id, *(p.id for p in staff.values())):
        assert not any(number in row for rows in house.tables().values() for row in rows)
