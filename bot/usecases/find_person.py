"""Finding somebody by alias, for the command line."""

from __future__ import annotations

from bot.ports.records import Case, Person, Programme
from bot.ports.stores import Unit
from bot.usecases.case_beside import of_session


class NoSuchPerson(Exception):
    """Nobody, or more than one, has that alias; the message says what to do."""


async def find_person(unit: Unit, programme: Programme, alias: str) -> Person:
    """Participant or staff, also one who left. Raises NoSuchPerson."""
    found = await unit.everything.by_alias(programme.id, alias.strip()) if alias.strip() else []
    if len(found) > 1:
        found = [person for person in found if person.state != "left"]
    if len(found) != 1:
        some = "nobody" if not found else "more than one person"
        raise NoSuchPerson(f"there is {some} with the alias {alias} in {programme.key}")
    return found[0]


async def open_cases(unit: Unit, person: Person) -> list[Case]:
    """The open cases about the person, those of a session that name them among others included."""
    found = [
        case
        for case in await unit.cases.open_in(person.programme_id)
        if case.person_id == person.id
        or (of_session(case) and any(person.id in raised.choices for raised in case.raised))
    ]
    return sorted(found, key=lambda case: case.number)


async def taken_cases(unit: Unit, person: Person) -> list[str]:
    """References of the open cases that this member of staff has taken on."""
    found = []
    for case in await unit.cases.open_in(person.programme_id):
        for part in await unit.cases.roles(case.id):
            if part.state == "taken" and part.taken_by == person.id:
                found.append(case.ref)
    return sorted(set(found))
