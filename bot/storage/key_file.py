"""Keys kept in a file: refused while others on the machine could read it; new ones put in without losing the old."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bot.storage.sealing import BadKeys

CREDENTIAL = "vestibule-keys"
"""The name under which systemd hands the keys over (LoadCredential=)."""
_MOST = 65_536


def credential() -> Path | None:
    """The keys that systemd hands over, if it does."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder, CREDENTIAL) if folder else None
    return file if file is not None and file.exists() else None


def read_keys(file: Path, *, from_systemd: bool = False) -> str:
    """What stands in the file. Raises BadKeys, which names the file and shows nothing of it.

    Refused when the file's group or others have any right to it; systemd's own may give its group some, as
    that is how it shows an access list.
    """
    loose = 0o007 if from_systemd else 0o077
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if mode & loose:
                raise BadKeys(
                    f"{file} holds keys and others on this machine have rights to it ({mode & 0o777:04o}); "
                    f"nothing was read. Close it with: chmod 600 {file}"
                )
            text = opened.read(_MOST + 1)
    except OSError as error:
        raise BadKeys(f"the keys in {file} cannot be read: {error.strerror}") from None
    if len(text) > _MOST or not text.isascii():
        raise BadKeys(f"{file} is no file of keys, as from: vestibule keys new --file {file}")
    if not text.strip():
        raise BadKeys(f"{file} holds no key; make one with: vestibule keys new --file {file}")
    return text.decode("ascii")


def put_in_front(file: Path, entry: str) -> int:
    """Put a new entry before those in the file, or make it; mode 0600; how many entries there are now.

    The file is replaced as a whole, so that a crash leaves the old one or the new one. Raises BadKeys.
    """
    before = read_keys(file).split() if file.exists() else []
    made = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            opened.write("\n".join([entry, *before]) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        made.replace(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # without it the new name may be lost with the power, and the key with it
        finally:
            os.close(folder)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise BadKeys(f"the key could not be written to {file}: {error.strerror}") from None
    return len(before) + 1
