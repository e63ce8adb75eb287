"""The methods with which the bot describes itself: name, descriptions, commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.refusals import bad_request
from bot.simulator.shapes import LIMITS
from bot.simulator.world import Profile, World, scope_key

Params = dict[str, Any]
_PROFILE_LIMITS = {"name": 64, "description": 512, "short_description": 120}


_SCOPES = {
    "default": set[str](),
    "all_private_chats": set[str](),
    "all_group_chats": set[str](),
    "all_chat_administrators": set[str](),
    "chat": {"chat_id"},
    "chat_administrators": {"chat_id"},
    "chat_member": {"chat_id", "user_id"},
}
"""The kinds of BotCommandScope, and what each needs."""


def _scope(world: World, params: Params) -> tuple[str, str]:
    scope = params.get("scope", {"type": "default"})
    needed = _SCOPES.get(scope["type"])
    if needed is None or needed - scope.keys():
        raise bad_request("can't parse BotCommandScope")
    if "chat_id" in needed and scope["chat_id"] not in world.chats:
        raise bad_request("chat not found")
    return scope_key(scope), params.get("language_code", "")


def _touch_phones(world: World) -> None:
    """Each phone shows the profile in its own language."""
    world.touch()
    for person_id in world.people:
        world.touch(person_id)


def _set_commands(world: World, params: Params) -> Any:
    commands = params["commands"]
    if len(commands) > LIMITS["commands"]:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        name = command["command"].removeprefix("/")
        if not (
            1 <= len(name) <= 32 and name.isascii() and name.replace("_", "a").isalnum() and name.islower()
        ):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.profile.commands[_scope(world, params)] = commands
    _touch_phones(world)
    return True


def _get_commands(world: World, params: Params) -> Any:
    return world.profile.commands.get(_scope(world, params), [])


def _delete_commands(world: World, params: Params) -> Any:
    world.profile.commands.pop(_scope(world, params), None)
    _touch_phones(world)
    return True


def _named(profile: Profile, field_name: str) -> dict[str, str]:
    values: dict[str, str] = getattr(profile, field_name)
    return values


def _profile_setter(field_name: str) -> Callable[[World, Params], Any]:
    def set_it(world: World, params: Params) -> Any:
        text = params.get(field_name, "")
        if len(text) > _PROFILE_LIMITS[field_name]:
            raise bad_request(f"bot {field_name.replace('_', ' ')} is too long")
        _named(world.profile, field_name)[params.get("language_code", "")] = text
        _touch_phones(world)
        return True

    return set_it


def _profile_getter(field_name: str) -> Callable[[World, Params], Any]:
    def get_it(world: World, params: Params) -> Any:
        values = _named(world.profile, field_name)
        default = values.get("") or (world.bot["first_name"] if field_name == "name" else "")
        return {field_name: values.get(params.get("language_code", "")) or default}

    return get_it


PROFILE_METHODS: dict[str, Callable[[World, Params], Any]] = {
    "deleteMyCommands": _delete_commands,
    "getMyCommands": _get_commands,
    "getMyDescription": _profile_getter("description"),
    "getMyName": _profile_getter("name"),
    "getMyShortDescription": _profile_getter("short_description"),
    "setMyCommands": _set_commands,
    "setMyDescription": _profile_setter("description"),
    "setMyName": _profile_setter("name"),
    "setMyShortDescription": _profile_setter("short_description"),
}
