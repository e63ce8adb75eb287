"""`vestibule export`: whose it is, what is in it, and what never is."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bot.ids import SystemIds
from bot.ports.records import (
    AuditEntry,
    Request,
)
from bot.ports.stores import Unit
from bot.texts import GettextTexts
from bot.usecases.export_page import page
from bot.usecases.export_texts import NOTICE
from flows.values import Role, Urgency
from tests.bot.commands.conftest import EXAMPLE, Vestibule
from tests.bot.commands.lives import NASTY, NOW, Opened, settle, within


@pytest.fixture
def lived(vestibule: Vestibule, service: str, opened: Opened) -> dict[str, str]:
    """The example programme with people in it; gives their ids."""
    assert vestibule("import", EXAMPLE).code == 0
    found: dict[str, str] = within(opened, settle)
    return found


def read(folder: Path) -> tuple[dict[str, Any], str]:
    """Both files of an export."""
    data = json.loads((folder / "export.json").read_text("utf-8"))
    return data, (folder / "export.html").read_text("utf-8")


def test_an_export_is_their_own_and_nothing_else(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-45: by default own answers, agreement and sessions, with the line that it is no risk assessment."""
    outcome = vestibule("export", "--person", "P-1", "--out", "copy")
    assert outcome.code == 0, outcome.err
    assert "outside the chat" in outcome.out
    data, shown = read(Path("copy"))
    assert data["notice"] == NOTICE.msgid
    assert shown.count(NOTICE.msgid) == 2
    assert {"cases", "tests", "allowances", "record"}.isdisjoint(data)
    first, later, unclear = data["answers"]
    assert first["step"] == "ST-02"
    assert first["conversation"] not in ("", "self_test"), "what the menu calls it"
    assert first["answer"] not in ([], ["shared"]), "the button's words, not its id"
    assert "device" in first["question"]
    assert first["kept_until"] > f"{NOW:%Y-%m-%d}"
    assert later["answer"] == ["rather in a session"]
    assert unclear["text"] == NASTY
    assert [point["answer"] for point in data["agreements"][0]["points"]]
    assert data["agreements"][0]["version"] == 1
    assert data["sessions"][0]["starts_at"][:10] == f"{NOW - timedelta(days=3):%Y-%m-%d}"
    for secret in ("K-101", "shared_device", lived["manager"], lived["person"], "M-1", "m.example"):
        assert secret not in json.dumps(data) + shown


def test_files_are_private_and_never_overwritten(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-45: the files are their owner's alone, and an earlier export is never written over."""
    assert vestibule("export", "--person", "P-1", "--out", "copy").code == 0
    before = read(Path("copy"))
    for name in ("export.json", "export.html"):
        assert stat.S_IMODE((Path("copy") / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path("copy").stat().st_mode) == 0o700
    outcome = vestibule("export", "--person", "P-1", "--out", "copy")
    assert (outcome.code, "is there already" in outcome.err) == (1, True)
    assert read(Path("copy")) == before
    Path("half").mkdir()
    (Path("half") / "export.html").write_text("older")
    assert vestibule("export", "--person", "P-1", "--out", "half").code == 1
    assert [file.name for file in Path("half").iterdir()] == ["export.html"]


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.declared = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and its attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_decl(self, decl: str) -> None:
        """Note the doctype."""
        self.declared = decl


def test_the_page_holds_nothing_that_runs_or_leads_away(vestibule: Vestibule, lived: dict[str, str]) -> None:
    """S-45: whatever was typed, the page has no script, no address, no event, and prints by itself."""
    vestibule("export", "--person", "P-1", "--out", "copy", "--reviewed-by", "M-1", "--reason", "court_order")
    _, shown = read(Path("copy"))
    looked = Page()
    looked.feed(shown)
    assert looked.tags <= {
        "html", "bdi", "head", "meta", "title", "style", "body", "main", "section", "article", "h1", "h2", "h3", "p", "dl", "dt",
        "dd", "ul", "li",
    }  # fmt: skip
    assert looked.attributes <= {"lang", "dir", "charset", "http-equiv", "content", "name", "class"}
    assert looked.declared == "doctype html"
    assert "&lt;script&gt;" in shown
    assert not re.search(r"(?i)url\(|@import|href|src=[^x]", shown)
    assert "@media print" in shown


def test_the_rest_only_after_a_look_at_harm(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-45, S-22: with a reviewer the rest is in it, recorded, and never anything of partner support."""
    outcome = vestibule(
        "export", "--person", "P-1", "--out", "copy", "--reviewed-by", "M-1", "--reason", "access_request"
    )
    assert outcome.code == 0, outcome.err
    data, shown = read(Path("copy"))
    assert data["cases"][0]["ref"] == "K-101"
    assert [part["role"] for part in data["cases"][0]["routing"]] == ["managers"]
    assert data["tests"][0]["level"] == "hold"
    assert data["allowances"][0]["what"].startswith("a phone")
    actions = [entry["action"] for entry in data["record"]]
    assert {"case.take", "case.opened"} <= set(actions)
    assert "case.see" not in actions
    assert "partner support" not in shown.lower()
    for secret in (lived["manager"], lived["support"], "M-1", "S-1"):
        assert secret not in json.dumps(data) + shown

    async def entries(unit: Unit) -> list[AuditEntry]:
        return await unit.audit.of_subject(lived["person"])

    [entry] = [one for one in within(opened, entries) if one.action == "person.exported"]
    assert entry.detail == {"kind": "reviewed", "by": lived["manager"], "why": "access_request"}


def reviewed(vestibule: Vestibule) -> tuple[dict[str, Any], str]:
    """A reviewed export, both files."""
    outcome = vestibule(
        "export", "--person", "P-1", "--out", "copy", "--reviewed-by", "M-1", "--reason", "access_request"
    )
    assert outcome.code == 0, outcome.err
    return read(Path("copy"))


@pytest.mark.parametrize("gone", ["their roles", "their row"])
def test_partner_support_stays_out_whoever_they_are_today(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened, gone: str
) -> None:
    """S-22, S-45: what partner support did is not in the record after they have left, or were erased."""

    async def leave(unit: Unit) -> None:
        if gone == "their roles":
            await unit.people.end_roles(lived["support"])
        someone = lived["support"] if gone == "their roles" else SystemIds().new()
        for action, detail in (
            ("case.details", {"roles": "P"}),
            ("case.details", {"roles": "F,P"}),
            ("case.climbed", {"role": "P"}),
            ("case.strike.refused", {}),
            ("text.struck", {"step": "ST-16"}),
            ("case.extended", {}),
        ):
            await unit.audit.add(AuditEntry(SystemIds().new(), NOW, someone, action, lived["case"], detail))

    within(opened, leave)
    data, _ = reviewed(vestibule)
    cases = [one["action"] for one in data["record"] if one["action"].startswith(("case.", "text."))]
    assert sorted(cases) == ["case.opened", "case.resolve", "case.take"]


def test_the_record_says_what_is_on_a_list_only(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-26, S-45: an action nobody put on the list is not shown, so not that somebody else was at the door."""

    async def note(unit: Unit) -> None:
        for actor, action in (
            (lived["person"], "door.not_person"),
            (lived["manager"], "some.new_thing"),
            (lived["manager"], "zone.set"),
        ):
            await unit.audit.add(AuditEntry(SystemIds().new(), NOW, actor, action, lived["person"]))

    within(opened, note)
    data, _ = reviewed(vestibule)
    about = {one["action"]: one["who"] for one in data["record"] if not one["action"].startswith("case.")}
    assert about == {"zone.set": "staff"}


def test_a_case_ends_with_the_parts_that_are_shown(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-22, S-45: when partner support was done cannot be read off a case's end, urgency or kind."""
    later = NOW + timedelta(hours=5)

    async def seen_last(unit: Unit) -> None:
        case = await unit.cases.get(lived["case"])
        assert case is not None
        theirs = replace(
            case.raised[0], concern="self_harm", urgency=Urgency.NOW, route=(Role.PARTNER_SUPPORT,)
        )
        await unit.cases.save(
            replace(case, closed_at=later, urgency=Urgency.NOW, raised=(*case.raised, theirs))
        )
        see = AuditEntry(SystemIds().new(), later, lived["support"], "case.resolve", case.id, {"role": "P"})
        await unit.audit.add(see)

    within(opened, seen_last)
    data, shown = reviewed(vestibule)
    [case] = data["cases"]
    assert case["closed_at"] == NOW.isoformat(timespec="seconds")
    assert case["urgency"] == "session"
    assert [one["concern"] for one in case["raised"]] == ["shared_device"]
    assert later.isoformat(timespec="seconds") not in json.dumps(data)
    assert "self_harm" not in json.dumps(data) + shown


def test_a_case_whose_hidden_part_is_open_reads_as_done(
    vestibule: Vestibule, lived: dict[str, str], opened: Opened
) -> None:
    """S-22: a case that only partner support keeps open reads like one that is closed; one of a shown part does not."""

    async def reopen(unit: Unit) -> None:
        case = await unit.cases.get(lived["case"])
        assert case is not None
        await unit.cases.save(replace(case, state="open", closed_at=None))
        for part in await unit.cases.roles(case.id):
            if part.role is Role.PARTNER_SUPPORT:
                await unit.cases.save_role(
                    replace(part, state="asking", next_target="all", next_due_at=NOW, outcome=None)
                )

    within(opened, reopen)
    data, _ = reviewed(vestibule)
    assert data["cases"][0]["closed_at"] == NOW.isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--reviewed-by", "M-1"), "go together"),
        (("--reason", "court_order"), "go together"),
        (
            ("--reviewed-by", "M-1", "--reason", "because"),
            "there is no reason because; there are: access_request",
        ),
        (("--reviewed-by", "nobody", "--reason", "complaint"), "there is nobody with the alias nobody"),
        (("--reviewed-by", "P-1", "--reason", "complaint"), "cannot judge harm to others"),
    ],
)
def test_a_wrong_review_exports_nothing(
    vestibule: Vestibule, lived: dict[str, str], more: tuple[str, ...], says: str
) -> None:
    """S-45: without somebody of staff who can judge it, and a reason from the list, nothing is written."""
    outcome = vestibule("export", "--person", "P-1", "--out", "copy", *more)
    assert (outcome.code, says in outcome.err) == (2, True), outcome.err
    assert not list(Path().glob("copy/*"))


def test_an_export_answers_the_request(vestibule: Vestibule, lived: dict[str, str], opened: Opened) -> None:
    """S-45: the open request for a copy is done with the export; staff need not do it again."""
    vestibule("export", "--person", "P-1", "--out", "copy")

    async def asked(unit: Unit) -> list[Request]:
        return await unit.requests.of_person(lived["person"])

    [request] = within(opened, asked)
    assert (request.outcome, request.by) == ("exported", "operator")
    assert request.done_at is not None


def test_an_export_speaks_the_persons_language(vestibule: Vestibule, service: str, opened: Opened) -> None:
    """S-45: questions and labels come in the person's language where its catalogue has them."""
    vestibule("import", EXAMPLE)
    within(opened, lambda unit: settle(unit, "de"))
    assert vestibule("export", "--person", "P-1", "--out", "copy").code == 0
    data, shown = read(Path("copy"))
    assert '<html lang="de" dir="ltr">' in shown
    assert "Gerät" in data["answers"][0]["question"]


def test_a_page_reads_from_right_to_left() -> None:
    """S-45: in a language written from right to left the page is, and mixed words keep their own direction."""
    export: dict[str, Any] = {
        "title": "عنوان", "notice": "n", "made": "m", "scope": "s", "language": "ar", "about": [{"what": "w", "is": "i"}],
        "answers": [], "agreements": [], "sessions": [],
    }  # fmt: skip
    shown = page(export, lambda line: GettextTexts().line("ar", line))
    assert '<html lang="ar" dir="rtl">' in shown
    assert 'dir="auto"' in shown
    assert not re.search(r"(margin|padding|border)-(left|right)|text-align: *(left|right)", shown)
