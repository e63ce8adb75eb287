"""The methods of the Bot API, each over a World: `answer(world, method, given)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.simulator.content import Text, read_keyboard, read_text
from bot.simulator.profile import PROFILE_METHODS
from bot.simulator.records import Button, Chat, Kind, Message, chat_json
from bot.simulator.refusals import (
    BLOCKED,
    DEACTIVATED,
    NOT_MODIFIED,
    NOT_STARTED,
    QUERY_TOO_OLD,
    WEBHOOK_ACTIVE,
    Refusal,
    bad_request,
    migrated,
    too_many_requests,
)
from bot.simulator.shapes import LIMITS, Upload, check
from bot.simulator.updates import PRESS_KEPT
from bot.simulator.webhook_methods import WEBHOOK_METHODS
from bot.simulator.world import World

Params = dict[str, Any]
_DELETABLE = timedelta(hours=LIMITS["delete_window_hours"])
_CHAT_ACTIONS = {
    "typing",
    "upload_photo",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
}


async def answer(world: World, method: str, given: Mapping[str, Any]) -> Any:
    """The `result` of one call. Raises Refusal where Telegram refuses."""
    params = check(method, given)
    world.calls.append((world.clock.now(), method, params))
    if method == "getUpdates":
        if world.webhook is not None:
            raise Refusal(409, WEBHOOK_ACTIVE)
        return await world.updates.poll(
            params.get("offset", 0),
            params.get("limit", LIMITS["updates_per_call"]),
            params.get("timeout", 0),
            params.get("allowed_updates"),
        )
    return _METHODS[method](world, params)


def _writable(world: World, params: Params) -> Chat:
    """The chat a call writes into, if Telegram would let the bot."""
    chat = _chat(world, params)
    if chat.migrated_to is not None:
        raise migrated(chat.migrated_to)
    if chat.type == "private":
        if world.people[chat.id].deactivated:
            raise Refusal(403, DEACTIVATED)
        if not chat.open:
            raise Refusal(403, NOT_STARTED)
        if chat.blocked:
            raise Refusal(403, BLOCKED)
    return chat


def _chat(world: World, params: Params) -> Chat:
    chat_id = params["chat_id"]
    chat = world.chats.get(int(chat_id)) if str(chat_id).removeprefix("-").isdigit() else None
    if chat is None:
        raise bad_request("chat not found")
    return chat


def _within_limits(world: World, chat: Chat) -> None:
    if world.limits and (wait := world.limits.take(chat.id, world.clock.now())):
        raise too_many_requests(wait)


def _get_me(world: World, params: Params) -> Any:
    del params
    return world.bot | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
    }


def _get_chat(world: World, params: Params) -> Any:
    chat = _chat(world, params)
    if chat.type == "private" and not chat.open:
        raise bad_request("chat not found")
    return chat_json(chat) | {"accent_color_id": 0, "max_reaction_count": 11}


def _send_message(world: World, params: Params) -> Any:
    text = read_text(params["text"], params.get("parse_mode"), params.get("entities"))
    return _send(world, params, text, "text", None)


def _send_document(world: World, params: Params) -> Any:
    caption, upload = params.get("caption"), params["document"]
    text = Text("")
    if caption:
        text = read_text(
            caption, params.get("parse_mode"), params.get("caption_entities"), limit="caption_chars"
        )
    if not isinstance(upload, Upload):
        raise bad_request("wrong remote file identifier specified: the simulator takes uploads only")
    return _send(world, params, text, "document", upload.name)


def _send(world: World, params: Params, text: Text, kind: Kind, file_name: str | None) -> Any:
    keyboard = read_keyboard(params.get("reply_markup"))
    chat = _writable(world, params)
    _check_reply(chat, params.get("reply_parameters"))
    _within_limits(world, chat)
    message = Message(
        chat_id=chat.id,
        message_id=0,
        sender=world.bot["id"],
        from_bot=True,
        sent=world.clock.now(),
        text=text.plain,
        kind=kind,
        entities=text.entities,
        keyboard=keyboard,
        protected=params.get("protect_content", False),
        silent=params.get("disable_notification", False),
        file_name=file_name,
    )
    return world.api_message(world.put(chat.id, message))


def _check_reply(chat: Chat, reply: Params | None) -> None:
    if reply and reply["message_id"] not in chat.messages and not reply.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")


def _edit_text(world: World, params: Params) -> Any:
    if "text" not in params:
        raise bad_request("message text is empty")
    text = read_text(params["text"], params.get("parse_mode"), params.get("entities"))
    return _edit(world, params, text, read_keyboard(params.get("reply_markup")))


def _edit_markup(world: World, params: Params) -> Any:
    return _edit(world, params, None, read_keyboard(params.get("reply_markup")))


def _edit(world: World, params: Params, text: Text | None, keyboard: tuple[tuple[Button, ...], ...]) -> Any:
    """Without a reply_markup an edit takes the buttons away, as Telegram does."""
    if "chat_id" not in params or "message_id" not in params:
        raise bad_request("message identifier is not specified")
    chat = _writable(world, params)
    message = chat.messages.get(params["message_id"])
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot:
        raise bad_request("message can't be edited")
    if text is not None and message.kind != "text":
        raise bad_request("there is no text in the message to edit")
    _within_limits(world, chat)
    new = replace(message, keyboard=keyboard)
    if text is not None:
        new = replace(new, text=text.plain, entities=text.entities)
    if new == message:
        raise bad_request(NOT_MODIFIED)
    return world.api_message(world.replace(replace(new, edited=world.clock.now())))


def _delete(world: World, params: Params) -> Any:
    chat = _deletable_chat(world, params)
    message = chat.messages.get(params["message_id"])
    if message is None:
        raise bad_request("message to delete not found")
    _may_delete(world, chat, message)
    world.remove(message)
    return True


def _delete_many(world: World, params: Params) -> Any:
    """All or none: those that are gone are skipped, one that may not be deleted fails the call."""
    ids = params["message_ids"]
    if not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    chat = _deletable_chat(world, params)
    found = [chat.messages[message_id] for message_id in dict.fromkeys(ids) if message_id in chat.messages]
    for message in found:
        _may_delete(world, chat, message)
    for message in found:
        world.remove(message)
    return True


def _deletable_chat(world: World, params: Params) -> Chat:
    """Deleting is possible while the person has blocked the bot."""
    chat = _chat(world, params)
    if chat.type == "private" and world.people[chat.id].deactivated:
        raise Refusal(403, DEACTIVATED)
    if chat.migrated_to is not None:
        raise migrated(chat.migrated_to)
    return chat


def _may_delete(world: World, chat: Chat, message: Message) -> None:
    if chat.type != "private" and not message.from_bot:
        raise bad_request("message can't be deleted")
    if world.clock.now() - message.sent > _DELETABLE:
        raise bad_request("message can't be deleted for everyone")


def _answer_press(world: World, params: Params) -> Any:
    text = params.get("text", "")
    if len(text) > LIMITS["callback_answer_chars"]:
        raise bad_request("MESSAGE_TOO_LONG")
    if "url" in params:
        raise bad_request("URL_INVALID")
    press = world.presses.get(params["callback_query_id"])
    if press is None or world.clock.now() - press.at > PRESS_KEPT:
        raise bad_request(QUERY_TOO_OLD)
    world.record(press.message, "answered", text)
    return True


def _chat_action(world: World, params: Params) -> Any:
    if params["action"] not in _CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    _writable(world, params)
    return True


_METHODS: dict[str, Callable[[World, Params], Any]] = {
    **PROFILE_METHODS,
    **WEBHOOK_METHODS,
    "answerCallbackQuery": _answer_press,
    "deleteMessage": _delete,
    "deleteMessages": _delete_many,
    "editMessageReplyMarkup": _edit_markup,
    "editMessageText": _edit_text,
    "getChat": _get_chat,
    "getMe": _get_me,
    "sendChatAction": _chat_action,
    "sendDocument": _send_document,
    "sendMessage": _send_message,
}
