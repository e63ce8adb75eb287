"""The table of bad calls and of the answer that Telegram gives to each."""

from __future__ import annotations

from typing import Any

LONG = "x" * 4097


def button(**fields: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Yes"} | fields]]}


# method, parameters ("CHAT" stands for a chat that is open, "SENT" for a message of the bot, "SAID" for one of
# the person), status, description behind the prefix
BAD = [
    ("sendMesage", {}, 404, "Not Found"),
    ("logOut", {}, 404, "Not Found"),
    (
        "setWebhook",
        {"url": "http://example.org"},
        400,
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
    ),
    ("setWebhook", {"url": "https://[bad"}, 400, "Bad Request: invalid webhook URL specified"),
    (
        "setWebhook",
        {"url": "https://example.org", "secret_token": "a b"},
        400,
        "Bad Request: secret token contains unallowed characters",
    ),
    (
        "setWebhook",
        {"url": "https://example.org", "secret_token": LONG},
        400,
        "Bad Request: secret token is too long",
    ),
    ("sendMessage", {"text": "a"}, 400, "Bad Request: chat_id is empty"),
    ("sendMessage", {"chat_id": "CHAT"}, 400, "Bad Request: message text is empty"),
    ("sendMessage", {"chat_id": "CHAT", "text": " \n "}, 400, "Bad Request: message text is empty"),
    ("sendMessage", {"chat_id": "CHAT", "text": LONG}, 400, "Bad Request: message is too long"),
    ("sendMessage", {"chat_id": 1, "text": "a"}, 400, "Bad Request: chat not found"),
    ("sendMessage", {"chat_id": "@nobody", "text": "a"}, 400, "Bad Request: chat not found"),
    ("sendMessage", {"chat_id": "CHAT", "text": 5}, 400, 'Bad Request: field "text" must be of type String'),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "protect_content": "perhaps"},
        400,
        'Bad Request: field "protect_content" must be of type Boolean',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "colour": "red"},
        400,
        'Bad Request: unknown parameter "colour" of sendMessage',
    ),
    (
        "editMessageText",
        {"chat_id": "CHAT", "message_id": "SENT", "text": "a", "protect_content": True},
        400,
        'Bad Request: unknown parameter "protect_content" of editMessageText',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_markup": button(callback_data="ä" * 33)},
        400,
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_markup": button(callback_data="")},
        400,
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_markup": button(url="no address")},
        400,
        "Bad Request: BUTTON_URL_INVALID",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_markup": button()},
        400,
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_markup": "{"},
        400,
        "Bad Request: can't parse reply_markup JSON object",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "link_preview_options": {"off": True}},
        400,
        'Bad Request: unknown field "off" of LinkPreviewOptions in link_preview_options',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "reply_parameters": {"message_id": 99}},
        400,
        "Bad Request: message to be replied not found",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a", "entities": [{"type": "bold", "offset": 0}]},
        400,
        'Bad Request: can\'t find field "length" of MessageEntity in entities[0]',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "<h1>a</h1>", "parse_mode": "HTML"},
        400,
        'Bad Request: can\'t parse entities: Unsupported start tag "h1" at byte offset 0',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "ä<b>a</i>", "parse_mode": "HTML"},
        400,
        "Bad Request: can't parse entities: Unmatched end tag at byte offset 6, "
        'expected "</b>", found "</i>"',
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "<b>a", "parse_mode": "HTML"},
        400,
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a < b", "parse_mode": "HTML"},
        400,
        "Bad Request: can't parse entities: Unclosed start tag at byte offset 2",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "a</b>", "parse_mode": "HTML"},
        400,
        "Bad Request: can't parse entities: Unexpected end tag at byte offset 1",
    ),
    (
        "sendMessage",
        {"chat_id": "CHAT", "text": "*a*", "parse_mode": "Markdown"},
        400,
        "Bad Request: unsupported parse_mode",
    ),
    (
        "editMessageText",
        {"chat_id": "CHAT", "message_id": "SENT", "text": "Hello"},
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly "
        "the same as a current content and reply markup of the message",
    ),
    (
        "editMessageText",
        {"chat_id": "CHAT", "text": "a"},
        400,
        "Bad Request: message identifier is not specified",
    ),
    (
        "editMessageText",
        {"chat_id": "CHAT", "message_id": 99, "text": "a"},
        400,
        "Bad Request: message to edit not found",
    ),
    (
        "editMessageText",
        {"chat_id": "CHAT", "message_id": "SAID", "text": "a"},
        400,
        "Bad Request: message can't be edited",
    ),
    ("editMessageText", {"chat_id": "CHAT", "message_id": "SENT"}, 400, "Bad Request: message text is empty"),
    (
        "editMessageReplyMarkup",
        {"chat_id": "CHAT", "message_id": "SENT"},
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly "
        "the same as a current content and reply markup of the message",
    ),
    ("deleteMessage", {"chat_id": "CHAT"}, 400, "Bad Request: message identifier is not specified"),
    ("deleteMessage", {"chat_id": "CHAT", "message_id": 99}, 400, "Bad Request: message to delete not found"),
    (
        "deleteMessages",
        {"chat_id": "CHAT", "message_ids": []},
        400,
        "Bad Request: message identifiers are not specified",
    ),
    (
        "deleteMessages",
        {"chat_id": "CHAT", "message_ids": list(range(1, 102))},
        400,
        "Bad Request: too many message identifiers specified",
    ),
    (
        "deleteMessages",
        {"chat_id": "CHAT", "message_ids": "1,2"},
        400,
        "Bad Request: can't parse message_ids JSON object",
    ),
    (
        "answerCallbackQuery",
        {"callback_query_id": "1"},
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    ),
    (
        "answerCallbackQuery",
        {"callback_query_id": "1", "text": "x" * 201},
        400,
        "Bad Request: MESSAGE_TOO_LONG",
    ),
    (
        "sendChatAction",
        {"chat_id": "CHAT", "action": "dance"},
        400,
        "Bad Request: wrong parameter action in request",
    ),
    ("getChat", {"chat_id": 1}, 400, "Bad Request: chat not found"),
    (
        "setMyCommands",
        {"commands": [{"command": "Menu!", "description": "a"}]},
        400,
        "Bad Request: BOT_COMMAND_INVALID",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "menu", "description": ""}]},
        400,
        "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "menu", "description": "a"}] * 101},
        400,
        "Bad Request: BOT_COMMANDS_TOO_MUCH",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "menu", "description": "a"}], "scope": {"type": "chat", "chat_id": 1}},
        400,
        "Bad Request: chat not found",
    ),
    (
        "deleteMyCommands",
        {"scope": {"type": "chat"}},
        400,
        "Bad Request: can't parse BotCommandScope",
    ),
    (
        "getMyCommands",
        {"scope": {"type": "somebody"}},
        400,
        "Bad Request: can't parse BotCommandScope",
    ),
    ("setMyName", {"name": "x" * 65}, 400, "Bad Request: bot name is too long"),
    ("sendDocument", {"chat_id": "CHAT"}, 400, "Bad Request: there is no document in the request"),
]
