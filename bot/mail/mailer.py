"""The Messenger port on SMTP: one connection a mail, and what a server's refusals mean to a sender."""

from __future__ import annotations

import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from email.utils import format_datetime, make_msgid
from typing import Final, NoReturn

import structlog
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from bot.mail.server import Server
from bot.ports.services import (
    Address,
    Ambiguous,
    CannotDelete,
    Clock,
    MissingMessage,
    Refused,
    Rows,
    TryLater,
    Unreachable,
)

log = structlog.get_logger(__name__)

OUTAGE_SECONDS: Final = 1.0
"""First pause after a fault of network or server; the sender lengthens it while the fault lasts."""
SETTINGS_SECONDS: Final = 30.0
"""Pause after what only people can mend: a password or a certificate."""
GREY_SECONDS: Final = 30.0
"""Pause for one recipient after a 4xx, as greylisting gives."""
TIMEOUT: Final = 20.0


class Mailer:
    """Sends the first line of a text as the subject and the rest as the body; buttons are left out.

    A mail can be neither edited nor deleted. Nothing ever goes out without the TLS that is set.
    """

    def __init__(
        self, server: Server, sender: str, clock: Clock, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._domain = sender.rpartition("@")[2]
        self._clock = clock
        self._context = context or ssl.create_default_context()

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """Hand the mail to the server; gives 0. Raises a DeliveryFault."""
        mail = self._written(str(to), text)
        client = SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.tls == "implicit",
            start_tls=False,  # asked for below, so that its refusal is seen
            local_hostname=self._domain,  # this machine's own name is nobody's business
            tls_context=None if self._server.tls == "none" else self._context,
            timeout=TIMEOUT,
        )
        try:
            await self._open(client)
            await self._envelope(client, str(to))
            await self._hand_over(client, mail)
        finally:
            client.close()
        return 0

    async def edit(self, to: Address, message_id: int, text: str, rows: Rows) -> None:
        """A mail stays as it is."""
        raise MissingMessage("a mail cannot be edited")

    async def delete(self, to: Address, message_id: int) -> None:
        """A mail stays where it is."""
        raise CannotDelete("a mail cannot be deleted")

    async def answer_press(self, callback_id: str) -> None:
        """A mail has no buttons."""

    def _written(self, to: str, text: str) -> bytes:
        subject, _, body = text.partition("\n")
        mail = EmailMessage(policy=MAIL)
        try:
            mail["From"], mail["To"], mail["Subject"] = self._sender, to, subject
            mail["Date"] = format_datetime(self._clock.now())
            mail["Message-ID"] = make_msgid(domain=self._domain)
            mail["Auto-Submitted"] = "auto-generated"  # so that no holiday answer comes back
            mail.set_content(body.strip() or subject)
            return mail.as_bytes()
        except (ValueError, UnicodeError) as error:
            raise Refused("not a mail") from error

    async def _open(self, client: SMTP) -> None:
        """Connected, behind TLS where it is set, and logged in. Until here nothing was handed over."""
        try:
            await client.connect()
            await client.ehlo()
            if self._server.tls == "starttls":
                await client.starttls()
                await client.ehlo()
            if self._server.user:
                await client.login(self._server.user, self._server.password)
        except SMTPResponseException as error:
            _later(error, SETTINGS_SECONDS if error.code >= 500 else OUTAGE_SECONDS)
        except ssl.SSLError as error:
            _later(error, SETTINGS_SECONDS)
        except (SMTPException, OSError) as error:
            # No STARTTLS, or a certificate that is not right, may be somebody in between: never without it.
            ours = isinstance(error.__cause__, ssl.SSLError) or type(error).__name__ == "SMTPNotSupported"
            _later(error, SETTINGS_SECONDS if ours else OUTAGE_SECONDS)

    async def _envelope(self, client: SMTP, to: str) -> None:
        try:
            await client.mail(self._sender)
            await client.rcpt(to)
        except SMTPRecipientRefused as error:
            if error.code >= 500:
                raise Unreachable(str(error.code)) from error
            _later(error, GREY_SECONDS, chat_only=error.code != 421)
        except SMTPSenderRefused as error:
            if error.code >= 500:
                raise Refused(str(error.code)) from error
            _later(error, GREY_SECONDS, chat_only=error.code != 421)
        except UnicodeError as error:
            raise Refused("address") from error
        except (SMTPException, OSError) as error:
            _later(error, OUTAGE_SECONDS)

    async def _hand_over(self, client: SMTP, mail: bytes) -> None:
        """From here on a lost answer may mean that the mail is on its way."""
        try:
            await client.data(mail)
        except SMTPDataError as error:
            if error.code >= 500:
                raise Refused(str(error.code)) from error
            _later(error, GREY_SECONDS, chat_only=error.code != 421)
        except (SMTPException, OSError) as error:
            raise Ambiguous(type(error).__name__) from error
        with suppress(SMTPException, OSError):
            await client.quit(timeout=2)


class NoMail(Mailer):
    """No mail server is set: whoever chose mail is told by the chat instead, at once."""

    def __init__(self) -> None:
        """Nothing to know."""

    async def send(self, to: Address, text: str, rows: Rows, *, protect: bool) -> int:
        """Never possible."""
        raise Unreachable("no mail server is set")


def _later(error: Exception, seconds: float, *, chat_only: bool = False) -> NoReturn:
    """Wait and try again. Of the server's words only the number is logged: they may name somebody (S-20)."""
    log.warning("mail.later", fault=type(error).__name__, code=getattr(error, "code", None))
    raise TryLater(seconds, chat_only=chat_only) from error
