"""Reads the parameters of a Bot API call from an address and a body."""

from __future__ import annotations

import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from bot.simulator.refusals import bad_request
from bot.simulator.shapes import Upload


async def read_parameters(request: Request) -> dict[str, Any]:
    """The parameters of the address and of a JSON, form or multipart body; the body's win."""
    given: dict[str, Any] = dict(parse_qsl(request.url.query, keep_blank_values=True))
    body = await request.body()
    if not body:
        return given
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return given | _json_object(body)
    if kind == "application/x-www-form-urlencoded":
        return given | dict(parse_qsl(_text(body), keep_blank_values=True, encoding="utf-8", errors="strict"))
    if kind == "multipart/form-data":
        return given | _multipart(content_type, body)
    raise bad_request(f"can't parse a body of type {kind or 'none'}")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(read, dict):
        raise bad_request("can't parse JSON object")
    return read


def _multipart(content_type: str, body: bytes) -> dict[str, Any]:
    """The standard library's MIME parser does for the simulator: bodies are small and our own."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    given: dict[str, Any] = {}
    for part in message.iter_parts():
        disposition: dict[str, str] = dict(part["content-disposition"].params)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes), "a part of a form holds no further parts"
        if "filename" in disposition:
            upload = Upload(disposition["filename"], part.get_content_type(), len(content))
            given[disposition["name"]] = upload
        else:
            given[disposition["name"]] = _text(content)
    return given
