"""Alerts and notices by mail: by choice, or where the chat does not do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.records import Lane, OutboxRow
from bot.ports.services import SendLimits, Unreachable
from bot.usecases.deliver import Sender
from bot.usecases.digest import send_digest
from bot.usecases.mail import mail_case
from bot.usecases.staff_notice import Told, tell_administrators
from bot.usecases.undelivered import on_fault
from flows.effects import Line
from flows.values import Role
from tests.bot.deliveries import FakeMessenger
from tests.bot.escalation.conftest import Town, concern

ADDRESS = "duty@service.example"


async def gives_address(town: Town, name: str, reach: Any = "telegram") -> None:
    """Somebody of staff has an address and a way they chose."""
    async with town.unit() as unit:
        person = await unit.people.get(town.ids[name])
        assert person is not None
        await unit.people.save(replace(person, email=ADDRESS, reach=reach))


async def rows(town: Town, name: str) -> dict[str, list[OutboxRow]]:
    """What waits for somebody, by way."""
    waiting = await town.waiting(name)
    return {way: [row for row in waiting if row.way == way] for way in ("telegram", "email")}


def sender(town: Town, messenger: Any, way: Any) -> Sender:
    """The sender of a way, as bot.wiring puts it together."""

    async def faulty(unit: Any, row: OutboxRow, why: str) -> None:
        await on_fault(unit, town.desk, row, why)

    return Sender(town.storage, messenger, town.clock, town.desk.ids, SendLimits(off=True), faulty, way)


@pytest.mark.parametrize(
    ("reach", "ways"), [("telegram", {"telegram"}), ("email", {"email"}), ("both", {"telegram", "email"})]
)
async def test_by_the_way_they_chose(town: Town, reach: str, ways: set[str]) -> None:
    """S-30: an alert goes by each way that somebody chose, in the transaction of the case."""
    await gives_address(town, "duty", reach)
    await town.raises(concern("harm_now", "now", "D"))
    found = await rows(town, "duty")
    assert {way for way, some in found.items() if some} == ways
    assert all(row.lane is Lane.ALERT and row.case_id for some in found.values() for row in some)


async def test_a_mail_says_as_little_as_an_alert(town: Town) -> None:
    """S-20: a mail says reference, urgency, kind, session time and how to answer; no name, answer or concern."""
    await gives_address(town, "duty", "email")
    await town.raises(concern("harm_now", "now", "D", choices=("yes",)))
    [row] = (await rows(town, "duty"))["email"]
    subject, _, body = row.text.partition("\n\n")
    assert subject == "K-101 · A person is needed now."
    assert "Session: Tue 9 Jun, 18:45" in body
    assert "/ack K-101" in body
    assert row.rows == ()
    for secret in ("harm", "alias", "ST-01", "yes", "participant"):
        assert secret not in row.text


async def test_partner_supports_part_is_answered_with_seen(town: Town) -> None:
    """S-22: a mail for partner support's part, to a stand-in too, says /seen and not /ack; by text it is heard (R-11)."""
    for name in ("partner support", "manager"):
        await gives_address(town, name, "email")
    await town.raises(concern("partner_nearby", "now", "P"), session=False)
    for name in ("partner support", "manager"):
        for _ in range(4):
            if (await rows(town, name))["email"]:
                break
            await town.passes(minutes=6)
        [row] = (await rows(town, name))["email"]
        assert "/seen K-101" in row.text
        assert "/ack" not in row.text
    await town.writes("partner support", "/seen K-101")
    assert "Seen by partner support." in await town.texts("partner support", "case-K-101")


async def test_answered_in_the_chat(town: Town) -> None:
    """R-08: who was asked by mail takes the case on in the chat, by text."""
    await gives_address(town, "duty", "email")
    case = await town.raises(concern("harm_now", "now", "D"))
    assert case is not None
    await town.writes("duty", "/ack K-101")
    assert (await town.part(case, Role.DUTY)).state == "taken"


async def test_a_closed_chat_and_an_address(town: Town) -> None:
    """R-07: the chat closed, the alert goes by mail, and the next are asked at once all the same."""
    await gives_address(town, "duty")
    await town.block("duty")
    await town.raises(concern("harm_now", "now", "D"))
    found = await rows(town, "duty")
    assert (len(found["telegram"]), len(found["email"])) == (0, 1)
    assert "manager" in await town.alerted()


async def test_the_chat_is_found_closed(town: Town) -> None:
    """R-07: where Telegram says that the chat is closed the alert goes by mail, and the next are asked."""
    await gives_address(town, "duty")
    await town.raises(concern("harm_now", "now", "D"))
    telegram, mail = FakeMessenger(), FakeMessenger()
    telegram.before = lambda op, chat: Unreachable("403")
    await sender(town, telegram, "telegram").step()
    await sender(town, mail, "email").step()
    assert mail.texts(ADDRESS)[0].startswith("K-101 · A person is needed now.")  # type: ignore[arg-type]  # a double
    assert await rows(town, "manager") != {"telegram": [], "email": []}


async def test_a_mailbox_that_refuses(town: Town) -> None:
    """R-07, S-31: a mail that is refused goes by the chat instead, at once, with its buttons."""
    await gives_address(town, "duty", "email")
    await town.raises(concern("harm_now", "now", "D"))
    mail = FakeMessenger()
    mail.before = lambda op, chat: Unreachable("550")
    await sender(town, mail, "email").step()
    [row] = (await rows(town, "duty"))["telegram"]
    assert "K-101" in row.text
    assert row.rows
    async with town.storage.unit() as unit:
        chat = await unit.chats.get(town.ids["chat of duty"])
    assert chat is not None
    assert chat.state == "open", "a mailbox says nothing about the chat"


async def test_neither_way_is_left(town: Town) -> None:
    """R-07: chat closed and mail refused, the next are asked at once."""
    await gives_address(town, "duty", "email")
    await town.block("duty")
    await town.raises(concern("harm_now", "now", "D"))
    assert "manager" not in await town.alerted(), "mail was chosen, so it counts until it fails"
    mail = FakeMessenger()
    mail.before = lambda op, chat: Unreachable("550")
    await sender(town, mail, "email").step()
    assert "manager" in await town.alerted()


async def test_ways_hold_each_other_up_in_nothing(town: Town) -> None:
    """R-12: each way has its own rows: mail waits for no chat, and a chat for no mail."""
    await gives_address(town, "duty", "both")
    await town.raises(concern("harm_now", "now", "D"))
    telegram, mail = FakeMessenger(), FakeMessenger()
    assert await sender(town, mail, "email").step() == 1
    found = await rows(town, "duty")
    assert (len(found["telegram"]), len(found["email"])) == (1, 0)
    while await sender(town, telegram, "telegram").step():
        pass
    assert all("K-101" not in text for _, chat, text in telegram.calls if chat == ADDRESS)


async def test_a_notice_goes_the_same_ways(town: Town) -> None:
    """S-20: notices to administrators go by mail to who chose it, once while one is on its way."""
    await gives_address(town, "manager", "both")
    for _ in range(2):
        async with town.unit() as unit:
            told = await tell_administrators(
                unit, town.desk, town.ids["programme"], Line("staff", "Something to look at.")
            )
            assert told == 1
    found = await rows(town, "manager")
    assert [row.text for row in found["telegram"]] == ["Something to look at."]
    assert [row.text for row in found["email"]] == ["A notice from the assistant\n\nSomething to look at."]


async def test_a_newer_mail_takes_the_place_of_an_unsent_one(town: Town) -> None:
    """R-10: while a mail server is down one mail a case waits, not one for each rung."""
    await gives_address(town, "duty", "email")
    case = await town.raises(concern("harm_now", "now", "D"))
    assert case is not None
    async with town.unit() as unit:
        person = await unit.people.get(town.ids["duty"])
        chat = await unit.chats.get(town.ids["chat of duty"])
        assert person is not None
        assert chat is not None
        await mail_case(unit, town.desk, person, chat, case, "case-K-101", "Again.", ())
    assert [row.text.split("\n")[0] for row in (await rows(town, "duty"))["email"]] == ["K-101 · Again."]


async def test_whoever_reads_a_digest_by_mail_only_counts_as_told(town: Town) -> None:
    """R-18 A digest that goes out by mail alone, the chat being closed, has been sent."""
    await gives_address(town, "facilitator")
    await town.block("facilitator")
    await town.block("manager")
    await town.raises(concern("home_changed", "review", "F"))
    town.clock.advance(timedelta(hours=15))
    async with town.unit() as unit:
        assert await send_digest(unit, town.desk, town.ids["programme"]) == Told(found=1, people=2)
    assert len((await rows(town, "facilitator"))["email"]) == 1
