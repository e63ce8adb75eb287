"""The page in a real browser: by keyboard alone, at 390 and 1280 pixels, live, and after a restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.simulator import Inviting, Phone, World, serve

pytestmark = pytest.mark.browser

LINK = "https://t.me/vestibule_demo_bot?start=abc"


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses its sandbox to root
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=sandbox)
        yield browser
        await browser.close()


@pytest.fixture
async def page(api: Any, browser: Browser) -> AsyncIterator[Page]:
    """The page at 1280 px; a fault in its scripts fails the test."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    await page.goto(api.address.page_url)
    yield page
    # A refused control and a server that stops are said by the browser too, and by the page in its own words.
    assert [fault for fault in faults if not fault.startswith("Failed to load resource")] == []


async def echo_bot(api: Any, keyboard: Any) -> None:
    """Asks one question at /start and turns each press into an edit of it."""
    offset = 0
    while True:
        for update in await api.ok("getUpdates", offset=offset, timeout=20):
            offset = update["update_id"] + 1
            if message := update.get("message"):
                markup = keyboard("ST-01:yes", "ST-01:no")
                await api.ok("sendMessage", chat_id=message["chat"]["id"], text="Ready?", reply_markup=markup)
            if query := update.get("callback_query"):
                await api.ok("answerCallbackQuery", callback_query_id=query["id"], text="Noted")
                await api.ok(
                    "editMessageText",
                    chat_id=query["from"]["id"],
                    message_id=query["message"]["message_id"],
                    text=f"You chose {query['data']}",
                    reply_markup=keyboard("ST-02:next"),
                )


@pytest.fixture
async def bot(api: Any, keyboard: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(echo_bot(api, keyboard))
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the control of this name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = "(e => e.getAttribute('aria-label') || e.textContent)(document.activeElement)"
        if (await page.evaluate(focused)).strip() == name:
            return
    raise AssertionError(f"Tab never reached {name!r}")


async def test_keyboard_alone(api: Any, bot: None, page: Page) -> None:
    """Opening an invitation, pressing buttons, writing and moving the clock need nothing but a keyboard."""
    phone = Phone(api.world)
    api.world.offer_invitation(phone.id, LINK)
    await expect(page.get_by_role("button", name="Open the invitation")).to_be_visible()
    await tab_to(page, "Open the invitation")
    await page.keyboard.press("Enter")
    await phone.expect("Ready?")
    await expect(page.locator(".composer textarea")).to_be_focused()
    await page.get_by_text("Ready?").first.wait_for()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="no", exact=True)).to_be_focused()
    await page.keyboard.press("Space")
    await phone.expect("You chose ST-01:no")
    await expect(page.get_by_role("button", name="next")).to_be_focused()
    await expect(page.get_by_role("status").filter(has_text="Noted")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.type("hello")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine").filter(has_text="hello")).to_be_visible()
    before = api.world.clock.now()
    await tab_to(page, "+1 h")
    await page.keyboard.press("Enter")
    await expect(page.locator("#now")).to_have_attribute("datetime", "2026-01-05T10:00:00+00:00")
    assert (api.world.clock.now() - before).total_seconds() == 3600


async def test_live_changes(api: Any, page: Page, keyboard: Any) -> None:
    """Messages appear, change and vanish as the bot sends, edits and deletes them; protected ones say so."""
    phone = Phone(api.world, "Facilitator", role="facilitator")
    await phone.start()
    sent = await api.ok(
        "sendMessage",
        chat_id=phone.id,
        text="K-104",
        protect_content=True,
        reply_markup=keyboard("CASE:take"),
    )
    chat = page.get_by_role("region", name="Facilitator")
    await expect(chat.get_by_text("K-104")).to_be_visible()
    await expect(chat.get_by_text("Protected: cannot be forwarded or saved")).to_be_attached()
    await api.ok(
        "editMessageText",
        chat_id=phone.id,
        message_id=sent["message_id"],
        text="<b>taken</b> on",
        parse_mode="HTML",
    )
    await expect(chat.locator("b").filter(has_text="taken")).to_be_visible()
    await expect(chat.locator(".changed")).to_have_count(1)
    await expect(chat.get_by_role("button", name="take")).to_have_count(0)
    await api.ok("deleteMessage", chat_id=phone.id, message_id=sent["message_id"])
    await expect(chat.get_by_text("Message deleted")).to_be_visible()
    await expect(chat.get_by_text("Message deleted")).to_have_count(0)
    await expect(chat.get_by_text("taken")).to_have_count(0)


async def test_texts_are_never_markup(api: Any, page: Page) -> None:
    """What people and bot write is shown as text, in its own direction."""
    phone = Phone(api.world)
    await phone.start()
    phone.write("<img src=x onerror=alert(1)>")
    await api.ok("sendMessage", chat_id=phone.id, text="مرحبا")
    await expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    direction = await page.get_by_text("مرحبا").first.evaluate("node => getComputedStyle(node).direction")
    assert direction == "rtl"


async def test_add_a_phone(api: Any, page: Page) -> None:
    """A phone can be added from an invitation link; a wrong link is refused with a sentence."""
    await page.get_by_text("Add a phone").click()
    await page.get_by_label("Invitation link").fill("https://example.org/")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("not a link to @vestibule_demo_bot")).to_be_visible()
    await page.get_by_label("Invitation link").fill(LINK)
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("button", name="Open the invitation").click()
    (person,) = api.world.people.values()
    await expect(page.get_by_text("/start abc").first).to_be_visible()
    assert person.invitation is None


async def test_enter_goes_on(api: Any, page: Page, keyboard: Any) -> None:
    """After a press the focus goes to the bot's next question, by edit or anew; who went elsewhere stays there."""
    phone = Phone(api.world)
    await phone.start()
    question = await api.ok(
        "sendMessage", chat_id=phone.id, text="One", reply_markup=keyboard("A:one", "A:two")
    )
    await page.get_by_role("button", name="two").focus()
    await page.keyboard.press("Enter")
    await api.ok("getUpdates", timeout=5)
    await api.ok("deleteMessage", chat_id=phone.id, message_id=question["message_id"])
    await api.ok("sendMessage", chat_id=phone.id, text="Noted")
    await api.ok("sendMessage", chat_id=phone.id, text="Two", reply_markup=keyboard("B:three", "B:four"))
    await expect(page.get_by_role("button", name="three")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.locator(".composer textarea").focus()
    await api.ok("sendMessage", chat_id=phone.id, text="Three", reply_markup=keyboard("C:five"))
    await expect(page.get_by_role("button", name="five")).to_be_visible()
    await expect(page.locator(".composer textarea")).to_be_focused()


async def test_own_messages_do_not_stand_in_the_way(api: Any, page: Page, keyboard: Any) -> None:
    """Tab passes the edit controls by; ArrowUp in the empty box, or the phone's menu, edits the last message."""
    phone = Phone(api.world)
    await phone.start()
    phone.write("helo")
    await expect(page.locator(".quiet")).to_have_count(2)
    assert await page.locator(".quiet").evaluate_all("nodes => nodes.every(node => node.tabIndex === -1)")
    await page.locator(".composer textarea").focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(".composer textarea")).to_have_value("helo")
    await page.keyboard.type(" there")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("helo there").first).to_be_visible()
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Edit my last message").click()
    await expect(page.locator(".composer textarea")).to_be_focused()
    await expect(page.locator(".composer textarea")).to_have_value("helo there")


async def test_escape_closes_the_commands(api: Any, page: Page) -> None:
    """Escape closes the list of commands and gives the focus back to its button."""
    phone = Phone(api.world)
    await phone.start()
    await api.ok("setMyCommands", commands=[{"command": "menu", "description": "Menu"}])
    opener = page.get_by_role("button", name="Commands for Participant")
    await opener.click()
    await expect(page.get_by_role("button", name="/menu")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator(".commands")).to_be_hidden()
    await expect(opener).to_be_focused()


async def test_add_a_phone_by_role(api: Any, page: Page) -> None:
    """Where the simulator's owner can invite, a role is enough; a no is said in its words."""
    asked: list[tuple[str, str, str]] = []

    async def invite(role: str, alias: str, language: str) -> str:
        if alias == "P-07":
            raise ValueError("P-07 is enrolled already")
        asked.append((role, alias, language))
        return LINK

    api.world.inviting = Inviting(("participant", "partner_support"), ("en", "de"), invite)
    Phone(api.world, "First")
    await page.get_by_text("Add a phone").click()
    await page.get_by_label("Role").select_option("partner support")
    await page.get_by_label("Language").select_option("de")
    await page.get_by_label("Name on the phone").fill("P-07")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("P-07 is enrolled already")).to_be_visible()
    await page.get_by_label("Name on the phone").fill("")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("region", name="Partner support 2")).to_be_visible()
    await expect(page.get_by_role("button", name="Einladung öffnen")).to_be_focused()
    assert asked == [("partner_support", "Partner support 2", "de")]


async def test_a_phone_speaks_its_language(api: Any, page: Page) -> None:
    """Words, commands, dates and direction of a phone are those of its language, beside phones in others."""
    await api.ok("setMyCommands", commands=[{"command": "menu", "description": "Menu"}])
    await api.ok("setMyCommands", commands=[{"command": "menu", "description": "Menü"}], language_code="de")
    german = Phone(api.world, "P-12", language="de-AT")
    arabic = Phone(api.world, "F-1", role="facilitator", language="ar")
    api.world.offer_invitation(german.id, LINK)
    first, second = page.locator(f"#phone-{german.id}"), page.locator(f"#phone-{arabic.id}")
    await expect(first.get_by_text("Auf diesem Telefon liegt ein Einladungslink bereit.")).to_be_visible()
    await expect(second.get_by_role("button", name="بدء")).to_be_visible()
    await expect(second.locator(".role")).to_have_text("فريق التيسير")
    assert [await one.get_attribute("lang") for one in (first, second)] == ["de", "ar"]
    assert [await one.get_attribute("dir") for one in (first, second)] == ["ltr", "rtl"]
    await first.get_by_role("button", name="Einladung öffnen").click()
    await expect(first.locator(".day")).to_have_text("Montag, 5. Januar")
    await first.get_by_role("button", name="Befehle für P-12").click()
    await expect(first.locator(".commands")).to_contain_text("Menü")
    await arabic.start()
    await expect(second.locator(".day")).to_have_text("الاثنين، 5 يناير")
    await expect(second.get_by_placeholder("رسالة")).to_be_visible()
    await expect(second.locator(".commands span")).to_have_text("Menu")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
async def test_seven_phones(api: Any, page: Page, width: int, height: int) -> None:
    """Seven phones fit no screen: every name is shown whole, participants first, and one sees that there are more."""
    await page.set_viewport_size({"width": width, "height": height})
    names = ["P-07", "Facilitator of the Tuesday group", "Partner support", "Duty", "Manager", "Tech", "P-12"]
    for name in names:
        Phone(api.world, name, role="participant" if name.startswith("P-") else name.lower())
    tabs = page.locator(".tabs button")
    await expect(tabs).to_have_count(7)
    assert [text.removesuffix("new") for text in await tabs.all_text_contents()][:3] == [
        "P-07",
        "P-12",
        names[1],
    ]
    assert await tabs.evaluate_all("nodes => nodes.every(node => node.scrollWidth <= node.clientWidth)")
    assert await page.locator(".who h2").evaluate_all(
        "nodes => nodes.every(n => n.scrollWidth <= n.clientWidth)"
    )
    assert await page.evaluate("document.body.scrollWidth <= innerWidth")
    if width == 1280:
        await expect(page.get_by_role("button", name="3 more ›")).to_be_visible()
        edge = "nodes => nodes[4].getBoundingClientRect().left < innerWidth - 40"
        assert await page.locator(".phone").evaluate_all(edge)
    await tabs.filter(has_text="P-12").click()
    await expect(page.get_by_role("region", name="P-12")).to_be_in_viewport(ratio=0.9)
    if width == 1280:
        await page.get_by_role("button", name="‹ 3 more").click()
        await expect(page.get_by_role("region", name="P-07")).to_be_in_viewport(ratio=0.9)


async def test_clock_field(api: Any, page: Page) -> None:
    """The free field takes times in words and says when it cannot read one."""
    field = page.get_by_label("Move the clock by")
    await field.fill("1 h 30 min")
    await field.press("Enter")
    await expect(page.locator("#now")).to_have_attribute("datetime", "2026-01-05T10:30:00+00:00")
    await field.fill("soon")
    await field.press("Enter")
    await expect(page.locator("#jump-error")).to_contain_text("Write for example")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
async def test_no_horizontal_overflow(api: Any, page: Page, keyboard: Any, width: int, height: int) -> None:
    """At 390 and 1280 px nothing sticks out, with long words and long labels too; tabs lead to each phone."""
    await page.set_viewport_size({"width": width, "height": height})
    phones = [
        Phone(api.world, name, role=name.lower())
        for name in ("Participant", "Facilitator", "Partner support")
    ]
    for phone in phones:
        await phone.start()
        markup = keyboard("ST-01:" + "y" * 40, "ST-02:no")
        await api.ok("sendMessage", chat_id=phone.id, text="x" * 300, reply_markup=markup)
    await expect(page.locator("li.message:not(.mine)")).to_have_count(3)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate("document.body.scrollWidth <= innerWidth")
    wide = "node => node.scrollWidth <= node.clientWidth"
    assert await page.locator(".chat").evaluate_all(f"nodes => nodes.every({wide})")
    if width == 390:
        await page.get_by_role("navigation").get_by_text("Partner support").click()
    await expect(page.get_by_role("region", name="Partner support")).to_be_in_viewport(ratio=0.9)


CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.9) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(".unseen") || node.closest("[disabled]")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${node.className} ${node.textContent}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_contrast(api: Any, page: Page, keyboard: Any, scheme: Any) -> None:
    """Every text has the contrast of WCAG AA, 4.5 to 1, in light and in dark."""
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for role in ("participant", "facilitator"):
        phone = Phone(api.world, "Someone", role=role)
        await phone.start()
        await api.ok("sendMessage", chat_id=phone.id, text="Ready?", reply_markup=keyboard("ST-01:yes"))
    api.world.offer_invitation(Phone(api.world, "Tech helper", role="tech helper").id, LINK)
    await expect(page.get_by_role("button", name="yes")).to_have_count(2)
    await expect(page.get_by_role("button", name="Open the invitation")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []


async def test_the_mail_box(api: Any, page: Page) -> None:
    """Where there is a mail box it is a card like a phone, and a mail shows time, subject and body as plain text."""
    await expect(page.get_by_role("region", name="Mail")).to_have_count(0)
    api.world.mails = []
    api.world.touch()
    card = page.get_by_role("region", name="Mail")
    await expect(card).to_contain_text("Nothing has been mailed yet.")
    api.world.mail("duty@example.org", "K-101 · A person is needed now.", "One line.\n<b>Another</b>.")
    await expect(card.get_by_role("heading", level=3)).to_have_text("K-101 · A person is needed now.")
    await expect(card.locator("li")).to_have_count(1)
    await expect(card).to_contain_text("to duty@example.org")
    await expect(card).to_contain_text("<b>Another</b>.")
    await expect(card.locator("li time")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []


async def test_comes_back_after_a_restart(api: Any, browser: Browser, clock: Any) -> None:
    """When the server stops the page says so, and shows the new world once it is back."""
    first, second = World(clock, seed=1), World(clock, seed=2)
    Phone(first, "Before")
    Phone(second, "After")
    page = await browser.new_page()
    async with serve(first) as address:
        await page.goto(address.page_url)
        await expect(page.get_by_role("region", name="Before")).to_be_visible()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    async with serve(second, port=address.port):
        await expect(page.get_by_role("region", name="After")).to_be_visible(timeout=10_000)
        await expect(page.get_by_role("region", name="Before")).to_have_count(0)
        await expect(page.get_by_text("Reconnecting…")).to_be_hidden()
        await page.close()
