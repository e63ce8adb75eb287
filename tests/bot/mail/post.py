"""A real SMTP server (aiosmtpd) in the test's loop, which refuses when it is told to."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "assistant", "a/secret?"
RESET = "reset"


@dataclass
class Post:
    """What arrived, and what is answered next: `say["rcpt"] = ["450 later"]`, or RESET to break the connection."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    say: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def _next(self, server: SMTP, what: str) -> str | None:
        self.calls.append(what)
        answer = self.say[what].pop(0) if self.say[what] else None
        if answer == RESET:
            server.transport.abort()
            return "421 gone"
        return answer

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._next(server, "mail"):
            return answer
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._next(server, "rcpt"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as aiosmtpd names it
        answer = self._next(server, "data")
        if answer is None or answer == "421 gone":
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
            self.secured.append(session.ssl is not None)
        return answer or "250 ok"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append("right" if right else "wrong")
        return AuthResult(success=right, handled=False)


class NoTls(SMTP):
    """Offers STARTTLS and then refuses it."""

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - as aiosmtpd names it
        await self.push("454 4.7.0 TLS not available")


@asynccontextmanager
async def served(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False, kind: type[SMTP] = SMTP
) -> AsyncIterator[Post]:
    """The server on a free port of this machine."""
    post = Post()

    def made() -> SMTP:
        return kind(
            post,
            hostname="post.example",
            tls_context=None if implicit else tls,
            authenticator=post.authenticate if login else None,
            auth_required=login,
            auth_require_tls=not implicit,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        made, "127.0.0.1", 0, ssl=tls if implicit else None
    )
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


def certificates(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and a client's that trusts it, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "post.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))
