"""Sealing of columns (S-41): AES-GCM with keys from outside the database, and keyed hashes for look-ups.

`VESTIBULE_KEYS`, or the file of keys, holds entries `id:key`, separated by commas or blanks; a key is 32 random bytes in
base64url. The first entry seals, every entry opens: a new key is put in front, old ones stay until all
their values have been sealed again.

Look-ups must find rows of long ago, so their key does not change with the sealing key: it is derived
from the entry named `lookup`, or without one from the LAST entry, the oldest. To drop the oldest entry,
keep its bytes under the name `lookup`; the derived key stays the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.ports.stores import Unreadable

_VERSION = 1
_NONCE = 12
_KEY = 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,16}\Z")
_LOOKUP = "lookup"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class BadKeys(ValueError):
    """VESTIBULE_KEYS cannot be used; the message says which entry and why, and never shows it."""


class CannotOpen(Unreadable):
    """A sealed value does not open: another key, another place, or tampered with."""


class Keyring:
    """The keys of `VESTIBULE_KEYS`. Shows none of them, not even in its repr."""

    def __init__(self, text: str) -> None:
        keys = _parse(text)
        lookup = keys.pop(_LOOKUP, None)
        if not keys:
            raise BadKeys("VESTIBULE_KEYS has no key to seal with; make one with: vestibule keys new")
        oldest = lookup or list(keys.values())[-1]
        self.ids = tuple(keys)
        """The ids of the keys that open, the one that seals first. No secrets."""
        self.lookup_id = _LOOKUP if lookup else self.ids[-1]
        """The id of the entry that look-ups are made with."""
        self._ciphers = {name.encode(): AESGCM(key) for name, key in keys.items()}
        self._prefix = self.prefix(self.ids[0])
        self._cipher = self._ciphers[self.ids[0].encode()]
        self._lookup = HKDF(SHA256(), _KEY, salt=None, info=b"vestibule look-up").derive(oldest)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._ciphers)}>"

    @staticmethod
    def generate() -> str:
        """A new entry for VESTIBULE_KEYS."""
        key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY)).decode().rstrip("=")
        return f"k{secrets.token_hex(3)}:{key}"

    def prefix(self, key_id: str) -> bytes:
        """How each value begins that is sealed with that key."""
        return bytes([_VERSION, len(key_id)]) + key_id.encode()

    def seal(self, table: str, column: str, row_id: str, value: bytes) -> bytes:
        """Seal a value for its one place: version, key id, nonce, ciphertext."""
        nonce = secrets.token_bytes(_NONCE)
        return self._prefix + nonce + self._cipher.encrypt(nonce, value, _place(table, column, row_id))

    def open(self, table: str, column: str, row_id: str, sealed: bytes) -> bytes:
        """Open a value where it was sealed. Raises CannotOpen."""
        where = f"{table}.{column} of {row_id}"
        if len(sealed) < 2 or sealed[0] != _VERSION:
            raise CannotOpen(f"{where} is not a sealed value")
        start = 2 + sealed[1]
        cipher = self._ciphers.get(sealed[2:start])
        if cipher is None:
            raise CannotOpen(f"{where} was sealed with a key that VESTIBULE_KEYS does not hold")
        nonce, body = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, _place(table, column, row_id))
        except (InvalidTag, ValueError) as error:
            raise CannotOpen(f"{where} does not open: it was moved or changed") from error

    def seal_json(self, table: str, column: str, row_id: str, value: Any) -> bytes:
        """Seal what JSON can hold."""
        text = _encode(value)
        # Telegram may hand over half a surrogate pair; it must neither be lost nor stop the turn.
        return self.seal(table, column, row_id, text.encode("utf-8", "surrogatepass"))

    def open_json(self, table: str, column: str, row_id: str, sealed: bytes) -> Any:
        """Open what `seal_json` sealed. Raises CannotOpen."""
        return json.loads(self.open(table, column, row_id, sealed).decode("utf-8", "surrogatepass"))

    def lookup(self, what: str, value: object) -> bytes:
        """The keyed hash by which a sealed value is found; `what` keeps kinds of look-up apart."""
        return hmac.digest(self._lookup, f"{what}\0{value}".encode(), hashlib.sha256)


def _place(table: str, column: str, row_id: str) -> bytes:
    return f"{table}/{column}/{row_id}".encode()


def _parse(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(re.split(r"[,\s]+", text.strip(", \t\r\n")), start=1):
        where = f"entry {number} of VESTIBULE_KEYS"
        name, colon, encoded = entry.partition(":")
        if not colon:
            raise BadKeys(f"{where} has no colon; it should be id:key, as from: vestibule keys new")
        if not _ID.match(name):
            raise BadKeys(f"{where}: the id before the colon should be 1 to 16 letters, digits, - or _")
        if name in keys:
            raise BadKeys(f"{where} has the id of an earlier entry")
        keys[name] = _decoded(encoded, where)
    return keys


def _decoded(encoded: str, where: str) -> bytes:
    bare = encoded.rstrip("=")
    try:
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY:
        # The cause is left out: it could carry the key into a log.
        raise BadKeys(
            f"{where}: the key should be 32 bytes in base64url, as from: vestibule keys new"
        ) from None
    return key
