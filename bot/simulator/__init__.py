"""A simulated Telegram: a strict local Bot API over HTTP and a page with phones side by side.

`World` is the state, `serve(world)` puts it on the network, `Phone` acts for one person.
"""

from bot.simulator.faults import ErrorAnswer, Hang, Malformed, ResetAfter, ResetBefore
from bot.simulator.phone import Phone
from bot.simulator.records import Button, Entry, Message
from bot.simulator.server import Address, create_app, serve
from bot.simulator.world import Inviting, World

__all__ = [
    "Address",
    "Button",
    "Entry",
    "ErrorAnswer",
    "Hang",
    "Inviting",
    "Malformed",
    "Message",
    "Phone",
    "ResetAfter",
    "ResetBefore",
    "World",
    "create_app",
    "serve",
]
