"""Checks every call against the shapes of the Bot API: `check(method, given)`.

Stricter than Telegram in one thing: a parameter Telegram would ignore because it does not know it is
refused here, since it is a slip of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bot.simulator.refusals import Refusal, bad_request

_DATA: dict[str, Any] = json.loads(
    resources.files("bot.simulator").joinpath("shapes.json").read_text(encoding="utf-8")
)
LIMITS: dict[str, Any] = _DATA["limits"]
METHODS: dict[str, dict[str, Any]] = _DATA["methods"]
TYPES: dict[str, dict[str, Any]] = _DATA["types"]

_MISSING = {
    "chat_id": "chat_id is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "text": "message text is empty",
    "callback_query_id": "query is too old and response timeout expired or query ID is invalid",
    "document": "there is no document in the request",
}


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body: its name, media type and size in bytes. The bytes are not kept."""

    name: str
    media_type: str
    size: int


class _Mismatch(Exception):
    """A value does not fit a type; the text says which field and what was expected."""


def check(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one call as Python values, after checking each of them, recursively.

    Values may be native JSON or, as in form bodies, strings with JSON in them.
    Raises Refusal: 404 for an unknown method, 400 for unknown, missing or mistyped parameters.
    """
    shape = METHODS.get(method)
    if shape is None:
        raise Refusal(404, "Not Found")
    unknown = sorted(set(given) - set(shape))
    if unknown:
        raise bad_request(f'unknown parameter "{unknown[0]}" of {method}')
    taken: dict[str, Any] = {}
    for name, field in shape.items():
        if given.get(name) is None:
            if field["required"]:
                raise bad_request(_MISSING.get(name, f'parameter "{name}" is required'))
            continue
        try:
            taken[name] = _read(field["types"], given[name], name)
        except _Mismatch as mismatch:
            raise bad_request(str(mismatch)) from mismatch
    return taken


def fits(type_name: str, value: object) -> str | None:
    """What is wrong with `value` as the named type, or None: for what the simulator itself sends out."""
    try:
        _read([type_name], value, type_name)
    except _Mismatch as mismatch:
        return str(mismatch)
    return None


def _read(types: list[str], value: Any, where: str) -> Any:
    """`value` as the first of `types` that fits; the complaint is about the last one tried."""
    complaint = _Mismatch(f"can't parse {where}")
    for name in types:
        try:
            return _read_one(name, value, where)
        except _Mismatch as mismatch:
            complaint = mismatch
    raise complaint


def _read_one(name: str, value: Any, where: str) -> Any:
    if name == "MaybeInaccessibleMessage":
        return _read(["Message", "InaccessibleMessage"], value, where)
    scalar = _SCALARS.get(name)
    if scalar is not None:
        return scalar(value, where)
    value = _decoded(value, where)
    if name.startswith("Array of "):
        if not isinstance(value, list):
            raise _Mismatch(f'field "{where}" must be an Array')
        inner = name.removeprefix("Array of ")
        return [_read_one(inner, item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _read_object(name, value, where)


def _read_object(name: str, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Mismatch(f'field "{where}" must be of type {name}')
    fields = TYPES[name]
    for key in value:
        if key not in fields:
            raise _Mismatch(f'unknown field "{key}" of {name} in {where}')
    taken: dict[str, Any] = {}
    for key, field in fields.items():
        if value.get(key) is not None:
            taken[key] = _read(field["types"], value[key], f"{where}.{key}")
        elif field["required"]:
            raise _Mismatch(f'can\'t find field "{key}" of {name} in {where}')
    return taken


def _decoded(value: Any, where: str) -> Any:
    """Form bodies carry arrays and objects as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise _Mismatch(f"can't parse {where} JSON object") from error


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _Mismatch(f'field "{where}" must be of type String')
    return value


def _integer(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
        return int(value)
    raise _Mismatch(f'field "{where}" must be of type Integer')


def _boolean(value: Any, where: str) -> bool:
    known = {True: True, False: False, "true": True, "false": False}
    if isinstance(value, (bool, str)) and value in known:
        return known[value]
    raise _Mismatch(f'field "{where}" must be of type Boolean')


def _file(value: Any, where: str) -> Upload:
    if not isinstance(value, Upload):
        raise _Mismatch(f'field "{where}" must be a file')
    return value


_SCALARS = {"String": _string, "Integer": _integer, "Boolean": _boolean, "InputFile": _file}
