"""One bit of a sealed value turned over, as a bad disk or a wrong hand would."""

from tests.bot.behind import ask, change


def damage(url: str, table: str, column: str, where: str, *values: object) -> bytes:
    """Turn over a bit of the first such row's value; gives what stands there then."""
    sealed = stored(url, table, column, where, *values)
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    change(url, f"UPDATE {table} SET {column} = ? WHERE {column} = ?", values=(changed, sealed))
    return changed


def stored(url: str, table: str, column: str, where: str, *values: object) -> bytes:
    """What stands there now."""
    return bytes(ask(url, f"SELECT {column} FROM {table} WHERE {where}", *values)[0][0])
