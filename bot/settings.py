"""What a service sets from outside: VESTIBULE_ variables of the environment, or of a file `.env` beside it.

Every field's description is what `vestibule doctor` says about it. Secrets show in no repr.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.mail.server import Server
from bot.review import offered
from bot.storage.key_file import credential, read_keys
from bot.usecases.desk import Numbers
from bot.web.address import check_webhook, fits_telegram, webhook_path
from flows.values import Urgency

PREFIX = "VESTIBULE_"
TELEGRAM = "https://api.telegram.org/bot"
_WEEK = 7 * 24 * 60

Minutes = Annotated[int, Field(ge=1, le=_WEEK)]


class BadSettings(Exception):
    """Settings that cannot be used; `faults` has one line each, and none repeats a value."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """All there is to set. Numbers default to what 2-safety.md asks for."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    bot_token: SecretStr | None = Field(
        None,
        description="The bot's token, as BotFather gives it. Needed by run; keep it out of files others read.",
    )
    bot_name: str | None = Field(
        None,
        pattern=r"^@?[A-Za-z0-9_]{3,32}$",
        description="The bot's user name, for invitation links. Not set: Telegram is asked, and the answer kept.",
    )
    bot_api_url: str = Field(
        TELEGRAM,
        description="Where the Bot API is: Telegram's own, or a Bot API server such as http://127.0.0.1:8081/bot.",
    )
    database_url: str = Field(
        "sqlite:///vestibule.db",
        repr=False,
        description="Where the data are: sqlite:/// and the path of a file, or postgresql://role@host/database "
        "(docs/postgresql.md).",
    )
    keys: SecretStr | None = Field(
        None,
        description="The keys that seal what is stored: id:key, the first one seals, all open. Needed outside the "
        "demo; make one with vestibule keys new. Without them the data cannot be read: keep a copy elsewhere.",
    )
    keys_file: Path | None = Field(
        None,
        description="A file that holds the keys instead, one a line, the one that seals first. Readable for its owner "
        "only. Neither set: the file vestibule-keys that systemd hands over is looked for (LoadCredential=).",
    )
    backup_keys: SecretStr | None = Field(
        None,
        description="Keys for backups, in the form of VESTIBULE_KEYS: whoever holds a backup then needs both. "
        "Not set: backups are sealed with VESTIBULE_KEYS.",
    )
    dpia_signed: date | None = Field(
        None,
        description="The day on which the data protection impact assessment was signed, as 2026-01-31. Without it "
        "run refuses on Telegram's own address (docs/privacy/dpia.md).",
    )
    signposts: Path | None = Field(
        None,
        description="The service's file of help contacts by country and language (docs/signposting.md). Not set: "
        "help texts give the programme's own numbers alone.",
    )
    send_limits: Literal["on", "off"] = Field(
        "on",
        description="on keeps Telegram's pace of sending. off is for benches, and refused for Telegram itself.",
    )
    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="The languages that can be chosen besides English, as en,de. Not set: every one that is wholly "
        "reviewed, with VESTIBULE_DRAFTS=yes every one there is. Whoever has chosen another before keeps it.",
    )
    drafts: Literal["yes", "no"] = Field(
        "no",
        description="yes offers languages too whose texts are not wholly reviewed (vestibule languages). Whoever has "
        "such a language is served in it either way.",
    )
    door_minutes: Annotated[int, Field(ge=1, le=60)] = Field(
        10,
        description="Minutes after an answer until the question whether nobody is near is asked again (S-01).",
    )
    details_minutes: Annotated[int, Field(ge=1, le=60)] = Field(
        10,
        description="Minutes until a case's details are taken away again from a staff member's chat (S-21).",
    )
    questions_per_sitting: Annotated[int, Field(ge=1, le=10)] = Field(
        3, description="Reflection questions asked in one sitting at most (S-12)."
    )
    sitting_gap_minutes: Minutes = Field(60, description="Minutes between two sittings at least (S-12).")
    quiet_before_minutes: Minutes = Field(
        120, description="Minutes before a session in which no reflection questions are asked (S-12)."
    )
    quiet_after_minutes: Minutes = Field(
        60, description="Minutes after a session in which no reflection questions are asked (S-12)."
    )
    visit_lapses_days: Annotated[int, Field(ge=1, le=90)] = Field(
        30, description="Days until an unfinished conversation lapses (S-34)."
    )
    ladder_now_minutes: Minutes = Field(
        5, description="Minutes until the next person is asked when a person is needed now."
    )
    ladder_session_minutes: Minutes = Field(
        15, description="Minutes until the next person is asked when a person is needed before the session."
    )
    ladder_roster_minutes: Minutes = Field(
        60,
        description="Minutes until the next person is asked about what is to be solved before the session.",
    )
    long_poll_seconds: Annotated[int, Field(ge=0, le=50)] = Field(
        25, description="Seconds that one question to Telegram for news may wait for an answer."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="From which level on something is logged. No level logs names, answers or texts (S-20).",
    )
    heartbeat_file: Path = Field(
        Path("vestibule.heartbeat"),
        description="The file the running bot touches every ten seconds; doctor --health looks at its time.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="The mail server for alerts to staff, smtp://user:password@host:587?starttls=1 or smtps://... "
        "Not set: no mail goes out.",
    )
    mail_from: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        description="The address mail comes from; it should say nothing about the service (S-02). Needed with "
        "VESTIBULE_SMTP_URL.",
    )
    web_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0,
        description="The port of /healthz, /readyz and /metrics; 0 is off. They tell nothing about anybody.",
    )
    web_host: str = Field(
        "127.0.0.1",
        description="Where that port is opened; this machine only, unless whoever else can reach it is known.",
    )
    webhook_url: str | None = Field(
        None,
        description="The https address to which Telegram brings updates, as https://bot.example.org/telegram; "
        "VESTIBULE_WEB_PORT answers its path. Not set: Telegram is asked for them (docs/replicas.md).",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="What Telegram says each time to show that it is Telegram: 16 to 256 of A-Z a-z 0-9 _ -. Needed "
        "with VESTIBULE_WEBHOOK_URL; make one with: openssl rand -hex 32",
    )
    ping_url: SecretStr | None = Field(
        None,
        description="An address of an outside monitor, called each minute after a look at all open cases found "
        "nothing wrong (R-17). Not set: nobody outside notices when the bot stops.",
    )

    @field_validator("languages", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("dpia_signed", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("it should be a day, as 2026-01-31") from None

    @field_validator("log_level", "drafts", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("bot_api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it should be an address such as http://127.0.0.1:8081/bot")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Server.of(value.get_secret_value())
        return value

    @field_validator("ping_url")
    @classmethod
    def _monitor(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value() if value else "https://example.org")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it should be an address such as https://monitor.example.org/ping/...")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _fit_for_telegram(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            fits_telegram(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _webhook_is_whole(self) -> Self:
        if self.webhook_url is not None:
            check_webhook(self.webhook_url, bool(self.webhook_secret), of_telegram=self.on_telegram())
        return self

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("VESTIBULE_MAIL_FROM: it is needed with VESTIBULE_SMTP_URL; write an address")
        return self

    @field_validator("bot_name")
    @classmethod
    def _bare(cls, value: str | None) -> str | None:
        return value.removeprefix("@") if value else None

    @model_validator(mode="after")
    def _keep_telegrams_pace(self) -> Self:
        if self.send_limits == "off" and self.on_telegram():
            raise ValueError(
                "VESTIBULE_SEND_LIMITS: off is refused for Telegram's own address; leave it on, or set "
                "VESTIBULE_BOT_API_URL to a bench's server"
            )
        return self

    def numbers(self) -> Numbers:
        """The numbers the use cases go by."""
        return Numbers(
            door=self.door_minutes,
            details=self.details_minutes,
            per_sitting=self.questions_per_sitting,
            sitting_gap=self.sitting_gap_minutes,
            quiet_before_session=self.quiet_before_minutes,
            quiet_after_session=self.quiet_after_minutes,
            visit_lapses_days=self.visit_lapses_days,
            ladder={
                Urgency.NOW: self.ladder_now_minutes,
                Urgency.SESSION: self.ladder_session_minutes,
                Urgency.ROSTER: self.ladder_roster_minutes,
            },
        )

    def offered(self) -> tuple[str, ...]:
        """The languages that can be newly chosen or invited into. Raises BadReview."""
        return offered(self.languages, drafts=self.drafts == "yes")

    def mail_server(self) -> Server | None:
        """The mail server, if one is set."""
        return Server.of(self.smtp_url.get_secret_value()) if self.smtp_url else None

    def webhook(self) -> tuple[str, str, str] | None:
        """Address, its path and the secret, where Telegram brings the updates; None where it is asked for them.

        Raises BadSettings where no port answers: only what runs the bot needs one, and replicas have each their own.
        """
        if self.webhook_url is None or self.webhook_secret is None:
            return None
        if not self.web_port:
            raise BadSettings(
                f"{PREFIX}WEB_PORT: it is needed with {PREFIX}WEBHOOK_URL, whose path it answers; write a port"
            )
        path = webhook_path(self.webhook_url, of_telegram=self.on_telegram())
        return self.webhook_url, path, self.webhook_secret.get_secret_value()

    def send_limits_off(self) -> bool:
        """Whether Telegram's pace is not kept (benches)."""
        return self.send_limits == "off"

    def on_telegram(self) -> bool:
        """Whether the Bot API is Telegram's own, where real people are."""
        host = (urlsplit(self.bot_api_url).hostname or "").rstrip(".")
        return host == "telegram.org" or host.endswith(".telegram.org")

    def assessment_due(self, today: date) -> str | None:
        """What is wrong with the impact assessment's date; None when nothing is. An old one is no fault here."""
        if self.dpia_signed is None:
            return f"{PREFIX}DPIA_SIGNED is not set: the day on which the impact assessment was signed"
        if self.dpia_signed > today:
            return f"{PREFIX}DPIA_SIGNED lies in the future; it is the day on which it was signed"
        return None

    def refuse_unassessed(self, today: date) -> None:
        """Nothing starts on Telegram's own address without a signed assessment. Raises BadSettings."""
        if self.on_telegram() and (due := self.assessment_due(today)):
            raise BadSettings(
                f"{due}. Without it the bot does not start on Telegram's own address: docs/privacy/dpia.md"
            )

    def api_root(self) -> str:
        """The Bot API's address without `/bot`, as bot.telegram.transport takes it."""
        return self.bot_api_url.removesuffix("/bot").rstrip("/")

    def keys_text(self) -> str:
        """The keys, from wherever they are set. Raises BadSettings when they are not, BadKeys for a file of no use."""
        if self.keys is not None and self.keys_file is not None:
            raise BadSettings(f"{PREFIX}KEYS and {PREFIX}KEYS_FILE are both set; take one of them away")
        if self.keys_file is not None:
            return read_keys(self.keys_file)
        if self.keys is None and (handed := credential()):
            return read_keys(handed, from_systemd=True)
        return _needed("KEYS", self.keys, "make a key with: vestibule keys new")

    def keys_from(self) -> str:
        """Where the keys come from, for a person to read."""
        if self.keys is not None:
            return f"{PREFIX}KEYS"
        return str(self.keys_file or credential() or f"{PREFIX}KEYS")

    def backup_keys_text(self) -> str:
        """The keys backups are sealed with. Raises BadSettings when there are none at all."""
        own = self.backup_keys.get_secret_value().strip() if self.backup_keys else ""
        return own or self.keys_text()

    def token_text(self) -> str:
        """The bot's token. Raises BadSettings when it is not set."""
        return _needed("BOT_TOKEN", self.bot_token, "BotFather on Telegram gives one (docs/going-live.md)")


def _needed(name: str, secret: SecretStr | None, what_to_do: str) -> str:
    text = secret.get_secret_value().strip() if secret else ""
    if not text:
        raise BadSettings(f"{PREFIX}{name} is not set; {what_to_do}")
    return text


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load_settings() -> Settings:
    """The settings of this process. Raises BadSettings with a line for each fault."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings(*(_line(e["loc"], e["msg"]) for e in error.errors(include_input=False))) from None
    except UnicodeDecodeError:
        raise BadSettings(".env is not readable as UTF-8") from None


def _line(loc: tuple[int | str, ...], message: str) -> str:
    says = message.removeprefix("Value error, ")
    return f"{variable(str(loc[0]))}: {says}" if loc else says
