"""`advance`: a visit and an input give the next visit and what the shell is to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows import inputs, lines
from flows.effects import Effect, FinishVisit, Line, PauseVisit, Retract, Slot
from flows.library import Playable
from flows.moves import Moves
from flows.script import Step
from flows.steps import Accept, Draft, Repeat, Taken, kinds
from flows.values import Closing, Level
from flows.visit import Visit

__all__ = ["Turn", "advance", "begin"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of an input."""

    visit: Visit
    effects: tuple[Effect, ...]


def begin(playable: Playable) -> Visit:
    """A visit that has not been opened yet: the door may come first."""
    return Visit(script=playable.script.name, version=playable.script.version, step=playable.course.first)


def advance(playable: Playable, visit: Visit, happened: inputs.Input, now: datetime) -> Turn:
    """Move the visit on. Every input has an outcome in every status; a done visit never speaks again.

    `now` is part of the contract for rules over time; no step kind reads a clock.
    """
    moves = Moves(playable, visit)
    match happened:
        case inputs.Opened(facts=facts):
            _open(moves, facts)
        case inputs.Resumed(facts=facts):
            _resume(moves, facts)
        case inputs.LanguageChanged(facts=facts):
            _say_again(moves, facts)
        case inputs.Answered():
            _answered(moves, happened)
        case inputs.Wrote(text=text):
            _wrote(moves, text)
        case inputs.Unclear(kind=kind, text=text):
            _unclear(moves, kind, text)
        case inputs.Paused(silent=silent):
            _pause(moves, None if silent else lines.PAUSED)
        case inputs.Stopped():
            _pause(moves, lines.CLOSINGS[Closing.STOPPED, playable.script.before_session])
        case inputs.WentQuiet():
            moves.note_draft()
        case inputs.TimedOut(silent=silent):
            _lapse(moves, silent=silent)
        case inputs.Interrupted(why=why):
            _interrupt(moves, why)
    return Turn(moves.visit, tuple(moves.effects))


def _open(m: Moves, facts: dict[str, str]) -> None:
    if m.visit.status != "new":
        return _resume(m, facts)
    m.update(status="open", facts={**m.visit.facts, **facts})
    if facts.get("held") == "yes":
        m.update(level=Level.HOLD)
    m.go(m.playable.course.settle(m.visit.step, m.visit.known))


def _resume(m: Moves, facts: dict[str, str]) -> None:
    if m.visit.status == "done":
        return
    if m.visit.status == "new":
        return _open(m, facts)
    waiting = m.visit.status == "paused"
    m.update(status="open", facts={**m.visit.facts, **facts}, warned=False, asking=m.visit.asking + 1)
    if facts.get("held") == "yes":
        m.update(level=Level.HOLD)
    if waiting and _new_sitting(m, facts):
        m.update(sitting=0)
    m.go(m.playable.course.settle(m.visit.step, m.visit.known), again=True)


def _say_again(m: Moves, facts: dict[str, str]) -> None:
    """The same asking in other words: ticks stay, buttons in the former language count, S-07 is said once more."""
    m.update(facts={**m.visit.facts, **facts})
    if m.visit.status == "open":
        m.update(warned=False)
        m.ask(m.playable.step(m.visit.step), fresh=True)


def _new_sitting(m: Moves, facts: dict[str, str]) -> bool:
    """A pause is no new sitting (S-12): the shell says when one begins, else only a full one ends."""
    return facts["sitting"] == "new" if "sitting" in facts else m.visit.full


def _answered(m: Moves, press: inputs.Answered) -> None:
    step = m.playable.find(press.step)
    current = m.visit.status == "open" and press.step == m.visit.step and press.asking == m.visit.asking
    if step is None or not current:
        return _stale(m, step, press)
    if press.choice == "back":
        return m.go_back()
    if press.choice == "pause":
        return _pause(m, lines.PAUSED)
    if press.choice == "defer" and m.can_defer(step):
        m.leave_draft()
        m.answer(step, ("defer",), kind="deferred")
        return m.go(m.playable.course.after(step.id, "defer", m.visit.known))
    taken = kinds()[step.kind].press(step, m.visit, press.choice)
    if taken is None:
        return m.ask(step, lead=(lines.NO_BUTTON,))
    _take(m, step, taken)


def _take(m: Moves, step: Step, taken: Taken) -> None:
    match taken:
        case Draft(choices=choices):
            m.update(draft=choices)
            m.ask(step)
        case Repeat(lines=lead, choices=choices, counts=counts):
            _repeat(m, step, choices, lead, counts=counts)
        case Accept():
            m.answer(step, taken.choices, kind=taken.kind, text=taken.text)
            closing = _closing(step, taken.choices)
            if closing is not None:
                return m.close(closing)
            if step.risk and taken.lead:
                m.say(Slot.HELP, taken.lead)
                return m.go(m.playable.course.after(step.id, taken.trigger, m.visit.known))
            m.go(m.playable.course.after(step.id, taken.trigger, m.visit.known), lead=taken.lead)
        case None:
            raise AssertionError("None is handled by the callers")
    return None


def _repeat(m: Moves, step: Step, choices: tuple[str, ...], lead: tuple[Line, ...], *, counts: bool) -> None:
    if choices and counts:
        m.answer(step, choices)
    elif choices:
        m.keep(step, choices, "chosen")
        m.update(retried=(*m.visit.retried, step.id))
    m.update(asking=m.visit.asking + (1 if choices else 0))
    m.ask(step, lead=lead)


def _closing(step: Step, choices: tuple[str, ...]) -> Closing | None:
    return next((c.closing for c in step.choices if c.id in choices and c.closing), None)


def _stale(m: Moves, step: Step | None, press: inputs.Answered) -> None:
    """An old button: people hear what it means, and the chat looks the same whether it means anything (S-03)."""
    repeated = step is not None and _repeats(m, step, press.choice)
    if step is not None and m.visit.status != "new" and not repeated and _answers(m, step, press.choice):
        m.answer_late(step, press.choice)
        closing = _closing(step, (press.choice,))
        if closing is not None and m.visit.status == "open":
            return m.close(closing)
    if m.visit.status != "open" or (repeated and press.step in (m.visit.step, *m.visit.trail[-1:])):
        return None
    m.say(Slot.NOTICE, (lines.OLD_BUTTON,), sensitive=False)
    m.ask(m.playable.step(m.visit.step), fresh=True)
    return None


def _answers(m: Moves, step: Step, choice: str) -> bool:
    """Whether such a button ever stood there: the script's choices (but `missing`), and defer."""
    return (choice == "defer" and m.can_defer(step)) or (
        choice != "missing" and step.choice(choice) is not None
    )


def _repeats(m: Moves, step: Step, choice: str) -> bool:
    """The same button tapped again: nothing new was said. Tips already shown are not taken for a second try."""
    said = (*m.visit.answers.get(step.id, ()), *m.visit.late.get(step.id, ()))
    made = step.choice(choice)
    tipped = made is not None and made.retry is not None and step.id == m.visit.step
    return choice in said or tipped or (choice == "done" and step.id in m.visit.answers)


def _wrote(m: Moves, text: str) -> None:
    if m.visit.status != "open":
        return
    step = m.playable.step(m.visit.step)
    taken = kinds()[step.kind].wrote(step, m.visit, text) if text.strip() else None
    if taken is None:
        return _unclear(m, "text", text)
    _take(m, step, taken)


def _unclear(m: Moves, kind: str, text: str) -> None:
    """S-23: at a risk question to people at once; elsewhere ask again, and the second time tell people."""
    if m.visit.status == "done":
        return
    step = m.playable.step(m.visit.step)
    m.keep(step, (kind,), "unclear", text)
    m.update(unclear=m.visit.unclear + 1)
    if step.risk or m.visit.unclear >= 2:
        m.raise_concern("unreadable_answer", step)
    if m.visit.status != "open":
        return
    expects_text = step.kind == "text" and m.visit.facts.get("free_text") != "off"
    m.ask(step, lead=(lines.USE_TEXT if expects_text else lines.USE_BUTTONS,), fresh=True)


def _pause(m: Moves, line: Line | None) -> None:
    if m.visit.status != "open":
        return
    m.leave_draft()
    m.update(status="paused")
    m.effects += [Retract(), PauseVisit()]
    if line is not None:
        m.say(Slot.NOTICE, (line,), sensitive=False)


def _lapse(m: Moves, *, silent: bool) -> None:
    if m.visit.status == "done":
        return
    if m.visit.status == "open":
        m.leave_draft()
    m.update(status="done", outcome="lapsed")
    m.effects += [Retract(), FinishVisit("lapsed")]
    if not silent:
        m.say(Slot.NOTICE, (lines.LAPSED,), sensitive=False)


def _interrupt(m: Moves, why: str) -> None:
    """At the door. Not now, before a session, is treated as somebody near (S-04); elsewhere it is only recorded."""
    if m.visit.status == "done":
        return
    step = m.playable.step(m.visit.step)
    if m.visit.status == "open":
        m.leave_draft()
    if why == "not_person":
        m.raise_concern("not_the_person", step)
        m.close(Closing.NOT_PERSON, outcome="not_person")
    elif m.playable.script.before_session:
        m.raise_concern("other_nearby", step)
        m.close(Closing.NEARBY, outcome="later")
    else:
        m.update(status="paused" if m.visit.status != "new" else "new")
        m.effects += [Retract(), PauseVisit()]
        m.say(Slot.NOTICE, (lines.CLOSINGS[Closing.NEARBY, False],), sensitive=False)
