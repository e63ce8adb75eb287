"""One bit of a sealed value turned over, as a bad disk or a wrong hand would."""

import sqlite3


def damage(url: str, table: str, column: str, where: str, *values: object) -> bytes:
    """Turn over a bit of the first such row's value; gives what stands there then."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        with database:
            row_id, sealed = database.execute(
                f"SELECT rowid, {column} FROM {table} WHERE {where}", values
            ).fetchone()
            changed = bytes(sealed[:-1]) + bytes([sealed[-1] ^ 1])
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, row_id))
    finally:
        database.close()
    return changed


def stored(url: str, table: str, column: str, where: str, *values: object) -> bytes:
    """What stands there now."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return bytes(database.execute(f"SELECT {column} FROM {table} WHERE {where}", values).fetchone()[0])
    finally:
        database.close()
