"""Mail to staff over a real SMTP server: what arrives, and what each refusal means."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import SMTP

from bot.clock import MovableClock
from bot.mail.mailer import Mailer, NoMail
from bot.mail.server import Server
from bot.ports.services import (
    Ambiguous,
    CannotDelete,
    DeliveryFault,
    MissingMessage,
    Refused,
    TryLater,
    Unreachable,
)
from tests.bot.mail.post import PASSWORD, RESET, USER, NoTls, Post, certificates, served

FROM, TO = "notes@assistant.example", "duty@service.example"
TEXT = "K-101 · A person is needed now.\n\nCase K-101 · safety\nSession: Mon, 18:00 — Zürich"
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}@"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's side."""
    return certificates(tmp_path_factory.mktemp("tls"))


def mailer(
    post: Post, context: ssl.SSLContext | None = None, scheme: str = "smtp", login: str = "", more: str = ""
) -> Mailer:
    server = Server.of(f"{scheme}://{login}127.0.0.1:{post.port}{more}")
    return Mailer(server, FROM, MovableClock(datetime(2027, 3, 1, 17, 0, tzinfo=UTC)), context)


async def fault_of(sender: Mailer) -> DeliveryFault:
    with pytest.raises(DeliveryFault) as raised:
        await sender.send(TO, TEXT, (), protect=False)
    return raised.value


async def test_a_mail_arrives() -> None:
    """S-20: a mail has the first line as subject and the rest as body, no button, and nothing of this machine."""
    async with served() as post:
        rows = ((("I take this on", "CASE:take:K-101"),),)
        assert await mailer(post).send(TO, TEXT, rows, protect=True) == 0
    [mail] = post.mails
    assert mail["Subject"] == "K-101 · A person is needed now."
    assert mail.get_content().replace("\r\n", "\n").strip() == TEXT.partition("\n\n")[2]
    assert (mail["From"], mail["To"], post.recipients) == (FROM, TO, [TO])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Mon, 01 Mar 2027 17:00:00 +0000"
    assert mail["Message-ID"].endswith("@assistant.example>")
    assert "take" not in mail.as_string()


async def test_tls_before_the_password(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """S-41: after STARTTLS, or from the first byte, the mail goes encrypted, and the password too."""
    async with served(tls[0], login=True) as post:
        await mailer(post, tls[1], login=LOGIN, more="?starttls=1").send(TO, TEXT, (), protect=False)
        assert (post.secured, post.logins) == ([True], ["right"])
    async with served(tls[0], implicit=True) as post:
        await mailer(post, tls[1], scheme="smtps").send(TO, TEXT, (), protect=False)
        assert len(post.mails) == 1


@pytest.mark.parametrize("kind", ["not offered", "refused", "not trusted"])
async def test_never_without_the_tls_that_is_set(
    kind: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """S-41: where STARTTLS is not offered, refused or not trusted nothing goes out, and it is tried again later."""
    offered = None if kind == "not offered" else tls[0]
    trusted = ssl.create_default_context() if kind == "not trusted" else tls[1]
    async with served(offered, kind=NoTls if kind == "refused" else SMTP) as post:
        fault = await fault_of(mailer(post, trusted, login=LOGIN, more="?starttls=1"))
    assert isinstance(fault, TryLater)
    assert not fault.chat_only
    assert (post.mails, post.logins, post.calls) == ([], [], [])


async def test_a_wrong_password_waits_for_people(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """R-10: a password that is refused is mended by people: no mail is given up for it."""
    async with served(tls[0], login=True) as post:
        fault = await fault_of(mailer(post, tls[1], login="assistant:wrong@", more="?starttls=1"))
    assert isinstance(fault, TryLater)
    assert not fault.chat_only
    assert set(post.logins) == {"wrong"}


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_greylisting(step: str) -> None:
    """R-10: a 4xx holds up this mailbox alone for a while, and the second try goes through."""
    async with served() as post:
        post.say[step] = ["450 4.2.0 greylisted, try again"]
        fault = await fault_of(mailer(post))
        assert isinstance(fault, TryLater)
        assert fault.chat_only
        assert post.mails == []
        await mailer(post).send(TO, TEXT, (), protect=False)
    assert len(post.mails) == 1


@pytest.mark.parametrize(
    ("step", "answer", "kind"),
    [
        ("rcpt", "550 5.1.1 no such user duty@service.example", Unreachable),
        ("mail", "553 5.7.1 not your address", Refused),
        ("data", "554 5.7.1 looks like spam", Refused),
    ],
)
async def test_refused_for_good(step: str, answer: str, kind: type[DeliveryFault]) -> None:
    """R-07: a 5xx is final: the mailbox is unreachable, or the mail refused; the server's words go no further (S-20)."""
    async with served() as post:
        post.say[step] = [answer]
        fault = await fault_of(mailer(post))
    assert type(fault) is kind
    assert TO not in str(fault)
    assert post.mails == []


async def test_the_server_closes_for_now() -> None:
    """R-10: 421 and a server that is not there hold up all mail, not one mailbox."""
    async with served() as post:
        post.say["rcpt"] = ["421 4.3.2 shutting down"]
        closing = await fault_of(mailer(post))
    gone = await fault_of(mailer(post))
    for fault in (closing, gone):
        assert isinstance(fault, TryLater)
        assert not fault.chat_only


async def test_a_broken_connection() -> None:
    """R-10: broken before the mail was handed over, nothing went out; broken after it, it may have."""
    async with served() as post:
        post.say["rcpt"] = [RESET]
        assert isinstance(await fault_of(mailer(post)), TryLater)
        assert post.mails == []
        post.say["data"] = [RESET]
        assert isinstance(await fault_of(mailer(post)), Ambiguous)
        assert len(post.mails) == 1


@pytest.mark.parametrize("to", ["a@b.example\r\nBcc: c@d.example", "größe@b.example"])
async def test_what_is_no_address(to: str) -> None:
    """S-20: an address that could bring in further headers, or that cannot be sent to, is refused."""
    async with served() as post:
        with pytest.raises(DeliveryFault):
            await mailer(post).send(to, TEXT, (), protect=False)
    assert post.mails == []


async def test_a_mail_stays() -> None:
    """A mail can be neither edited nor deleted, and without a server nobody is reached by it."""
    async with served() as post:
        with pytest.raises(MissingMessage):
            await mailer(post).edit(TO, 1, TEXT, ())
        with pytest.raises(CannotDelete):
            await mailer(post).delete(TO, 1)
        await mailer(post).answer_press("x")
    with pytest.raises(Unreachable):
        await NoMail().send(TO, TEXT, (), protect=False)


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("smtp://127.0.0.1", Server("127.0.0.1", 25, "none")),
        ("smtp://u:p%40@mail.example?starttls=1", Server("mail.example", 587, "starttls", "u", "p@")),
        ("smtps://mail.example:4650", Server("mail.example", 4650, "implicit")),
    ],
)
def test_a_servers_address(address: str, server: Server) -> None:
    """An address says host, port, TLS and who logs in."""
    assert Server.of(address) == server


@pytest.mark.parametrize(
    "address",
    [
        "http://mail.example",
        "smtp://",
        "smtp://u:s3cret@mail.example",
        "smtps://m:x",
        "smtp://127.0.0.1?tls=1",
    ],
)
def test_an_address_that_will_not_do(address: str) -> None:
    """S-41: without TLS no other machine is used; what is wrong is said without the password."""
    with pytest.raises(ValueError, match="smtp") as bad:
        Server.of(address)
    assert "s3cret" not in str(bad.value)
    assert "s3cret" not in repr(Server.of("smtps://u:s3cret@mail.example"))
