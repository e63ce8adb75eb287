"""The methods with which the bot says where it wants its updates: setWebhook, deleteWebhook, getWebhookInfo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.refusals import bad_request
from bot.simulator.webhook import Hook
from bot.simulator.world import World

Params = dict[str, Any]
_MOST_CONNECTIONS = 100


def _set_webhook(world: World, params: Params) -> Any:
    """Without an address it deletes."""
    if "certificate" in params:
        raise bad_request("bad webhook: the simulator takes no certificate")
    if not params["url"]:
        return _delete_webhook(world, params)
    most = params.get("max_connections", Hook.most)
    hook = Hook(params["url"], params.get("secret_token", ""), max(1, min(most, _MOST_CONNECTIONS)))
    world.updates.allow(params.get("allowed_updates"))
    _drop(world, params)
    world.hook(hook)
    return True


def _delete_webhook(world: World, params: Params) -> Any:
    _drop(world, params)
    world.hook(None)
    return True


def _drop(world: World, params: Params) -> None:
    if params.get("drop_pending_updates"):
        world.updates.clear()


def _webhook_info(world: World, params: Params) -> Any:
    del params
    info = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates),
        "allowed_updates": world.updates.allowed,
    }
    if world.webhook is None:
        return info
    info |= {"url": world.webhook.hook.url, "max_connections": world.webhook.hook.most}
    if world.webhook.last_error is not None:
        when, said = world.webhook.last_error
        info |= {"last_error_date": int(when.timestamp()), "last_error_message": said}
    return info


WEBHOOK_METHODS: dict[str, Callable[[World, Params], Any]] = {
    "deleteWebhook": _delete_webhook,
    "getWebhookInfo": _webhook_info,
    "setWebhook": _set_webhook,
}
