"""The moves a turn is made of: ask, answer, go on, close. Each changes the visit and adds effects."""

from __future__ import annotations

from typing import Any, Literal

from flows import lines
from flows.concerns import Meaning, level_of, meanings, verdicts
from flows.effects import (
    Button,
    Effect,
    FinishVisit,
    KeepAnswer,
    Line,
    NoteUnasked,
    PauseVisit,
    RaiseConcern,
    Retract,
    Say,
    SetReadiness,
    Slot,
)
from flows.library import Playable
from flows.machine import Asked
from flows.script import END, Choice, Step, Verdict
from flows.steps import kinds
from flows.steps.many import answer_of
from flows.steps.result import fixes
from flows.values import Closing, Level, Urgency
from flows.visit import Visit

AnswerKind = Literal["chosen", "written", "deferred", "draft", "unclear"]
Outcome = Literal["done", "nearby", "later", "not_person", "declined", "wait", "stopped", "lapsed", "fault"]


class Moves:
    """One turn under way: the visit so far and the effects so far."""

    def __init__(self, playable: Playable, visit: Visit) -> None:
        self.playable = playable
        self.visit = visit
        self.effects: list[Effect] = []

    def update(self, **changes: Any) -> None:
        """The visit with these fields changed."""
        self.visit = self.visit.model_copy(update=changes)

    # --- saying -----------------------------------------------------------------------------------

    def say(self, slot: Slot, said: tuple[Line, ...], *, sensitive: bool = True) -> None:
        """A message without buttons."""
        self.effects.append(Say(slot, said, sensitive=sensitive))

    def ask(self, step: Step, *, lead: tuple[Line, ...] = (), fresh: bool = False) -> None:
        """Show the step: what leads up to it, the line of S-07 before the first risk question, its text."""
        kind = kinds()[step.kind]
        said = [*lead]
        if step.risk and not self.visit.warned:
            said.append(
                lines.NOBODY_ON_DUTY if self.visit.facts.get("duty") == "off" else lines.NOT_EMERGENCY
            )
            self.update(warned=True)
        said += kind.lines(step, self.visit)
        if self.visit.level is Level.TO_FIX and step.kind == "result":
            said += fixes(self.playable.script, self.visit)
        rows = (*kind.rows(step, self.visit), *self._standing_rows(step))
        self.effects.append(Say(Slot.QUESTION, tuple(said), rows, asking=self.visit.asking, fresh=fresh))

    def can_defer(self, step: Step) -> bool:
        """Whether the script's defer button stands at this step."""
        asks = kinds()[step.kind].answered and step.kind not in ("agree", "teach")
        return self.playable.script.defer is not None and asks

    def _standing_rows(self, step: Step) -> tuple[tuple[Button, ...], ...]:
        rows: list[tuple[Button, ...]] = []
        script = self.playable.script
        if script.defer and self.can_defer(step):
            rows.append((Button(step.id, "defer", Line(f"{script.name}/defer", script.defer.label)),))
        last: tuple[Button, ...] = (Button(step.id, "pause", lines.PAUSE),)
        if self.visit.trail and step.kind != "result":
            last = (Button(step.id, "back", lines.BACK), *last)
        return (*rows, last) if step.kind != "result" else tuple(rows)

    # --- answering --------------------------------------------------------------------------------

    def keep(self, step: Step, choices: tuple[str, ...], kind: AnswerKind, text: str = "") -> None:
        """Keep an answer as the next version of this step's."""
        version = self.visit.counts.get(step.id, 0) + 1
        self.update(counts={**self.visit.counts, step.id: version})
        self.effects.append(KeepAnswer(step.id, version, kind, choices, text))

    def answer(
        self, step: Step, choices: tuple[str, ...], *, kind: AnswerKind = "chosen", text: str = ""
    ) -> None:
        """Keep an answer and bring up what all answers now mean together."""
        self.keep(step, choices, kind, text)
        late = {at: said for at, said in self.visit.late.items() if at != step.id}
        self.update(answers={**self.visit.answers, step.id: choices or (kind,)}, late=late, draft=())
        self._raise_meanings()
        self._weigh()

    def answer_late(self, step: Step, choice: str) -> None:
        """An old button: kept as a changed answer when it means something, without moving the conversation."""
        earlier = self.visit.late.get(step.id, ())
        self.update(late={**self.visit.late, step.id: (*earlier, choice)})
        if not self._unraised() and self._level().rank <= self.visit.level.rank:
            return
        self.keep(step, _merged(step, self.visit.answers.get(step.id, ()), choice), "chosen")
        self._raise_meanings()
        self._weigh()

    def leave_draft(self) -> None:
        """Ticks left behind without Done still mean something (S-06)."""
        step = self.playable.find(self.visit.step)
        if step is not None and step.kind == "many" and self.visit.draft:
            ticked = tuple(c for c in answer_of(step, self.visit) if c != "missing")
            self.answer(step, ticked, kind="draft")

    def note_draft(self) -> None:
        """Ticks that stand without Done for long: people hear of them, the question stands as it is (S-03, S-06)."""
        step = self.playable.find(self.visit.step)
        if step is None or step.kind != "many" or not self.visit.draft:
            return
        ticked = tuple(c for c in answer_of(step, self.visit) if c != "missing")
        if set(ticked) <= set(self.visit.late.get(step.id, ())):
            return
        self.keep(step, ticked, "draft")
        self.update(late={**self.visit.late, step.id: ticked})
        self._raise_meanings()
        self._weigh()

    def _unraised(self) -> list[Meaning]:
        """What the answers mean and people do not know yet, or not as urgently (S-33)."""
        told = [key.split(":") for key in self.visit.raised]
        return [
            m
            for m in meanings(self.playable.script, self.playable.catalogue, self.visit.said)
            if not any(
                (c, s) == (m.concern, m.step) and Urgency(u).rank >= m.urgency.rank for c, u, s in told
            )
        ]

    def _raise_meanings(self) -> None:
        while unraised := self._unraised():
            meaning = unraised[0]
            key = f"{meaning.concern}:{meaning.urgency.value}:{meaning.step}"
            self.update(raised=(*self.visit.raised, key))
            self.effects.append(
                RaiseConcern(meaning.concern, meaning.urgency, meaning.route, meaning.step, meaning.choices)
            )

    def raise_concern(self, concern: str, step: Step) -> None:
        """A concern that the engine itself raises (S-05, S-23), once for each step."""
        entry = self.playable.catalogue[concern]
        key = f"{concern}:{entry.urgency.value}:{step.id}"
        if key not in self.visit.raised:
            self.update(raised=(*self.visit.raised, key))
            self.effects.append(RaiseConcern(concern, entry.urgency, entry.route, step.id))

    def _level(self) -> Level:
        script = self.playable.script
        return level_of(verdicts(script, self.visit.said)) if script.before_session else Level.READY

    def _weigh(self) -> None:
        """The result so far; a hold is never taken back by a later answer (S-08)."""
        if not self.playable.script.before_session:
            return
        before, held = self.visit.level, self.visit.holds
        found = verdicts(self.playable.script, self.visit.said)
        level = level_of(found)
        self.update(level=Level.HOLD if before is Level.HOLD else level, holds=self._holds(found))
        step = self.playable.find(self.visit.step)
        # Once the outcome was given out, a worse one follows it; another reason to hold is told at once.
        told = step is None or step.kind == "result"
        if self.visit.holds != held or (told and level.rank > before.rank):
            self._set_readiness(final=told)

    def _holds(self, found: tuple[tuple[Step, Verdict], ...]) -> tuple[str, ...]:
        """What holds by these verdicts, as step:choice; nothing that held is taken back."""
        holding = {step.id for step, verdict in found if verdict.level is Level.HOLD}
        now = [f"{step}:{c}" for step in holding for c in self.visit.said.answers[step]]
        return tuple(dict.fromkeys((*self.visit.holds, *sorted(now))))

    def _set_readiness(self, *, final: bool, holds: tuple[str, ...] = ()) -> None:
        found = fixes(self.playable.script, self.visit)
        told = SetReadiness(self.visit.level, found, final=final, holds=(*self.visit.holds, *holds))
        self.effects.append(told)

    # --- going on ---------------------------------------------------------------------------------

    def go(self, target: str, *, lead: tuple[Line, ...] = (), again: bool = False) -> None:
        """Stand at the target and ask it; END finishes; a full sitting pauses first (S-12)."""
        if target == END:
            target = self._released_since()
        if target == END:
            return self._finish(lead)
        step = self.playable.step(target)
        if not again:
            trail = (*self.visit.trail, self.visit.step) if self.visit.asking else ()
            self.update(trail=trail, asking=self.visit.asking + 1)
        same = again and target == self.visit.step
        shown = same and self.visit.sitting > 0 and not self.visit.full
        self.update(step=target, draft=self.visit.draft if same else (), unclear=0, full=False)
        if step.question and self.playable.script.paced and not shown and not self._room():
            return self._enough(lead)
        if step.question and not shown:
            self.update(sitting=self.visit.sitting + 1)
        if step.kind == "result":
            self._conclude(step)
        self.ask(step, lead=lead)

    def _released_since(self) -> str:
        """A question that was released after the visit had passed it (S-12), or END."""
        script, answered = self.playable.script, self.visit.answers
        behind = [s for s in script.steps if s.release and s.question and s.id not in answered]
        if not any(Asked(s)(self.visit.known) for s in behind):
            return END
        done = [s.id for s in script.steps if s.question and s.id in answered]
        skip = " ".join(dict.fromkeys((*self.visit.facts.get("skip", "").split(), *done)))
        self.update(facts={**self.visit.facts, "skip": skip})
        return next(s.id for s in behind if Asked(s)(self.visit.known))

    def go_back(self) -> None:
        """One step back; its answer stands until it is answered anew."""
        if not self.visit.trail:
            return self.ask(self.playable.step(self.visit.step))
        self.leave_draft()
        target = self.visit.trail[-1]
        self.update(
            step=target, trail=self.visit.trail[:-1], asking=self.visit.asking + 1, draft=(), unclear=0
        )
        self.ask(self.playable.step(target))

    def _room(self) -> bool:
        return self.visit.sitting < int(self.visit.facts.get("per_sitting", "3"))

    def _enough(self, lead: tuple[Line, ...]) -> None:
        self.update(status="paused", full=True)
        self.effects.append(Retract())
        if lead:
            self.say(Slot.HELP, lead)
        self.effects.append(PauseVisit(sitting=True))
        self.say(Slot.NOTICE, (lines.ENOUGH,), sensitive=False)

    def _finish(self, lead: tuple[Line, ...]) -> None:
        self.update(status="done", outcome="done", step=END)
        self.effects.append(Retract())
        if lead:
            self.say(Slot.HELP, lead)
        self.effects.append(FinishVisit("done"))
        self.say(Slot.NOTICE, (lines.FINISHED,), sensitive=False)

    def _conclude(self, step: Step) -> None:
        if self.visit.facts.get("held") == "yes" and self._level() is not Level.HOLD:
            self.raise_concern("contradiction", step)
        self._set_readiness(final=True)

    def close(self, closing: Closing, *, outcome: Outcome | None = None) -> None:
        """End neutrally, with the list of what was not asked (S-04, S-05)."""
        self.leave_draft()
        before = self.playable.script.before_session
        self.effects.append(Retract())
        self.effects.append(NoteUnasked(self.unasked()))
        if before:
            self.update(level=Level.HOLD, holds=(*self.visit.holds, f"{self.visit.step}:closing"))
            self._set_readiness(final=True)
        ending = outcome or _OUTCOMES[closing]
        self.update(status="done", outcome=ending, draft=())
        self.effects.append(FinishVisit(ending))
        self.say(Slot.NOTICE, (lines.CLOSINGS[closing, before],), sensitive=False)

    def unasked(self) -> tuple[str, ...]:
        """The questions not answered, in order; what would not have been asked anyway is left out."""
        return tuple(
            s.id
            for s in self.playable.script.steps
            if kinds()[s.kind].answered and s.id not in self.visit.answers and Asked(s)(self.visit.known)
        )


_OUTCOMES: dict[Closing, Outcome] = {
    Closing.NEARBY: "nearby",
    Closing.NOT_PERSON: "not_person",
    Closing.DECLINED: "declined",
    Closing.WAIT: "wait",
    Closing.STOPPED: "stopped",
}


def _merged(step: Step, before: tuple[str, ...], choice: str) -> tuple[str, ...]:
    """A late tick of a `many` adds to what was answered; any other late press replaces it."""

    def stays(other: Choice) -> bool:
        return other.id in before and not other.alone and other.id != "missing"

    made = step.choice(choice)
    if step.kind != "many" or made is None or made.alone:
        return (choice,)
    return tuple(c.id for c in step.choices if c.id == choice or stays(c))
