"""The form of a backup: a readable header, then the database in pieces that open only whole, in order and to their end.

    VESTIBULE-BACKUP\n   4 bytes: length of the header   the header (JSON)   pieces

The header says version, time, revision of the tables and which key it takes; it is no secret and is bound to every
piece. A key made for this one file seals the pieces (AES-GCM); the file key is sealed with a key from outside
(bot.storage.sealing). A piece's nonce is its number and whether it is the last one, so that none can be left
out, put elsewhere, doubled or cut off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.ports.stores import StorageFault
from bot.storage.sealing import CannotOpen, Keyring

MAGIC = b"VESTIBULE-BACKUP\n"
FORM = 1
PIECE = 1 << 20
_TAG = 16
_KEY = 32
_LONGEST_HEADER = 4096


class BadBackup(StorageFault):
    """The file is no backup, was cut off or altered, or takes another key. Nothing of it is to be used."""


@dataclass(frozen=True, slots=True)
class Header:
    """What can be read of a backup without a key. `made_at`: all that was kept before it is in the backup."""

    form: int
    software: str
    made_at: str
    revision: str
    backup_id: str
    sealed_key: str

    @property
    def at(self) -> datetime:
        """`made_at` as an aware time in UTC."""
        return datetime.fromisoformat(self.made_at)


def write(
    source: BinaryIO, target: BinaryIO, keys: Keyring, *, software: str, made_at: datetime, revision: str
) -> Header:
    """Seal all of `source` into `target`."""
    file_key, backup_id = secrets.token_bytes(_KEY), secrets.token_hex(16)
    sealed = base64.b64encode(keys.seal("backup", "key", backup_id, file_key)).decode()
    header = Header(FORM, software, made_at.isoformat(), revision, backup_id, sealed)
    said = json.dumps(asdict(header)).encode()
    head = MAGIC + len(said).to_bytes(4, "big") + said
    target.write(head)
    cipher, bound = AESGCM(file_key), hashlib.sha256(head).digest()
    number, piece = 0, source.read(PIECE)
    while True:
        following = source.read(PIECE)
        target.write(cipher.encrypt(_nonce(number, last=not following), piece, bound))
        if not following:
            return header
        number, piece = number + 1, following


def read_header(source: BinaryIO) -> Header:
    """What the header says; nothing of it is proven before all pieces were opened. Raises BadBackup."""
    return _head(source)[0]


def pieces(source: BinaryIO, rings: Sequence[Keyring]) -> Iterator[bytes]:
    """The database, piece by piece, after `read_header` was asked on a file of its own. Raises BadBackup.

    What was given before it raises is to be thrown away: only the end proves the whole.
    """
    header, bound = _head(source)
    cipher = AESGCM(_file_key(header, rings))
    number, piece = 0, source.read(PIECE + _TAG)
    while True:
        following = source.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, bound)
        except (InvalidTag, ValueError):
            raise BadBackup(
                "the backup was cut off or altered, and cannot be used; take another one"
            ) from None
        if not following:
            return
        number, piece = number + 1, following


def _head(source: BinaryIO) -> tuple[Header, bytes]:
    start = source.read(len(MAGIC) + 4)
    if len(start) < len(MAGIC) + 4 or not start.startswith(MAGIC):
        raise BadBackup("the file is not one of our backups")
    length = int.from_bytes(start[len(MAGIC) :], "big")
    said = source.read(min(length, _LONGEST_HEADER))
    try:
        given = json.loads(said)
        form = given["form"]
        header = Header(**given) if form == FORM else None
        if header is not None and (header.at.utcoffset() != timedelta(0) or len(said) != length):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadBackup("the head of the backup cannot be read: it was cut off or altered") from None
    if header is None:
        raise BadBackup("the backup was made by a later version of the software; install that one")
    return header, hashlib.sha256(start + said).digest()


def _file_key(header: Header, rings: Sequence[Keyring]) -> bytes:
    for ring in rings:
        try:
            return ring.open("backup", "key", header.backup_id, base64.b64decode(header.sealed_key))
        except (CannotOpen, ValueError):
            continue
    raise BadBackup(
        "no key opens the backup: it was made with another key, or its head was altered; look at "
        "VESTIBULE_BACKUP_KEYS, or without them VESTIBULE_KEYS"
    )


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
