"""`inhouse acl check`: plants documents with made-up words, and tries every road as people who may not.

All of it goes over the API, as people do. What is planted is for groups that exist only for the check, in a
source of its own, so nobody else ever finds it; all of it is removed at the end, and what a killed check left
at the start of the next one.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from inhouse.cli.client import HouseClient
from inhouse.kernel.errors import InhouseError
from inhouse.serve.access_shapes import NewGroup, NewUser
from inhouse.serve.shapes import Shape

__all__ = ["AclReport", "Finding", "check_access"]

PREFIX = "acl-check-"
LOOK_EVERY_S = 0.05
LETTERS = "bdfgklmnprstvz", "aeiou"
OPEN_ROADS = ("state", "documents?limit=1000", "chats", "usage?limit=1000", "glossary", "search/legs")
"""What lists or counts things for whoever asks."""
ADMIN_ROADS = ("admin/trash", "admin/sources", "admin/users", "admin/groups", "config")


class Finding(Shape):
    """What went wrong on a road: `leaked`, `not found` by who may, or `changed` by forbidden documents."""

    road: str
    user: str
    document: str
    what: str


class AclReport(Shape):
    """What `acl check --json` prints."""

    tried: int
    found: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted document: its readers, the word that it is asked for by, and what must not come out."""

    document: str
    groups: tuple[str, ...]
    key: str
    secret: str


@dataclass(slots=True)
class _Check:
    """The state of one check. `mark` names everything that belongs to it."""

    house: HouseClient
    mark: str
    ids: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    # ---- requests

    async def reply(self, user: str, target: str, *, method: str = "GET", body: object = None) -> str:
        """What a user gets: the body, or the words of the error."""
        self.tried += 1
        try:
            given = await self.house.speaking_for(user).raw(method, target, body)
        except InhouseError as error:
            return f"{error.code}: {error.message} {error.hint}"
        # Page images say nothing that could be looked for; that there is one is told by its first bytes.
        return given.decode("utf-8", "replace")

    def judge(self, road: str, user: str, canary: Canary, text: str, *, may: bool, sign: str = "") -> None:
        """Note a leak, or that who may did not find it; `sign` is what shows that it was found."""
        seen = canary.secret in text or (sign != "" and sign in text)
        if not may and (seen or canary.document in text):
            self.findings.append(Finding(road=road, user=user, document=canary.document, what="leaked"))
        elif may and not seen:
            self.findings.append(Finding(road=road, user=user, document=canary.document, what="not found"))
        self.found += may and seen

    # ---- roads

    async def try_all(self, user: str, canary: Canary, *, may: bool) -> None:
        """Every road to one document as one user; `may` is the positive control."""
        place = quote(f"{self.mark}/{canary.document}", safe="")
        document_id = self.ids[canary.document]
        base = f"/app/documents/{document_id}"
        for road, target, sign in (
            ("search", f"/app/search?k=50&q={canary.key}", ""),
            ("search --why", f"/app/search/why?q={canary.key}&document={place}", '"document"'),
            ("documents ls", f"/app/documents?q={canary.document}", document_id),
            ("documents ls by name", f"/app/documents?name={place}", document_id),
            ("documents show", base, ""),
            ("layout", f"{base}/layout", "{"),
            ("original", f"{base}/original", "%PDF"),
            ("page image", f"{base}/pages/1/image", "PNG"),
            ("boxes", f"{base}/pages/1/boxes?start=0&end=5", "boxes"),
        ):
            text = await self.reply(user, target)
            refused = text.startswith(("not_found", "forbidden"))
            # A name or id that the asker gave may come back in the words of the error.
            given = text.replace(canary.document, "").replace(document_id, "") if refused else text
            if not (may and road == "layout"):  # only sheets, slides and mails have one
                self.judge(road, user, canary, given, may=may, sign=sign)
            if not may:
                await self.compare_refusals(road, user, canary, target, text)
        # Only people who go with the check keep a chat; nobody else's history is to hold its questions.
        body = {"question": f"What is the tally of {canary.key}?", "keep": may}
        asked = await self.reply(user, "/app/ask", method="POST", body=body)
        self.judge("ask", user, canary, asked, may=may)

    async def compare_refusals(self, road: str, user: str, canary: Canary, target: str, text: str) -> None:
        """A forbidden document must be refused in the words for one that does not exist."""
        stranger = secrets.token_hex(16)
        other = target.replace(self.ids[canary.document], stranger)
        other = other.replace(canary.document, f"{stranger}.pdf")
        if other == target:
            return
        there = text.replace(self.ids[canary.document], "").replace(canary.document, "")
        not_there = (await self.reply(user, other)).replace(f"{stranger}.pdf", "").replace(stranger, "")
        if _plain(there) != _plain(not_there):
            self.findings.append(
                Finding(road=f"{road}: error message", user=user, document=canary.document, what="leaked")
            )

    async def history(self, user: str, canaries: Sequence[Canary], *, may: bool) -> None:
        """Reopen every chat of the user, export it, and search in the chats."""
        listed = json.loads(await self.reply(user, "/app/chats"))["chats"]
        texts = [
            await self.reply(user, f"/app/chats/{chat['chat_id']}{tail}")
            for chat in listed
            for tail in ("", "/export?format=md", "/export?format=json")
        ]
        for canary in canaries:
            self.judge("history", user, canary, "\n".join(texts), may=may)
            found = json.loads(await self.reply(user, f"/app/chats?q={canary.secret}"))["chats"]
            hit = canary.secret if found else ""
            self.judge("chat search", user, canary, hit, may=may)

    async def lists(self, user: str, hidden: Sequence[Canary]) -> None:
        """Lists, counts and what is for administrators: nothing of what is hidden."""
        for target in (*OPEN_ROADS, *ADMIN_ROADS):
            text = await self.reply(user, f"/app/{target}")
            for canary in hidden:
                self.judge(target.partition("?")[0], user, canary, text, may=False)

    async def measure(self, user: str, words: Sequence[str]) -> str:
        """Counts, order and scores as a user gets them, without what grows with every change anywhere."""
        state = json.loads(await self.reply(user, "/app/state"))["documents"]
        state.pop("revision")
        results = [await self.reply(user, f"/app/search?k=50&q={word}") for word in words]
        listed = json.loads(await self.reply(user, "/app/documents?limit=1000"))
        listed.pop("revision")
        return json.dumps([state, results, listed])


async def check_access(house: HouseClient) -> AclReport:
    """Plant, try, remove; what leaked and what was not found."""
    await clean(house)
    check = _Check(house, f"{PREFIX}{secrets.token_hex(4)}")
    async with _scene(check) as (canaries, others):
        await _try(check, canaries, others)
    return AclReport(tried=check.tried, found=check.found, findings=tuple(check.findings))


async def _try(check: _Check, canaries: Sequence[Canary], others: Sequence[Canary]) -> None:
    mark = check.mark
    anna, boris, vera, zoe = (f"{mark}-{name}" for name in ("anna", "boris", "vera", "zoe"))
    mine = [one for one in canaries if f"{mark}-a:2" not in one.groups]
    hidden = [one for one in canaries if one not in mine]
    await _plant(check, canaries)
    words = ["tally", "canary", mine[0].key]
    before = await check.measure(anna, words)
    await _plant(check, others)
    if await check.measure(anna, words) != before:
        what = "changed by documents that are for others"
        check.findings.append(Finding(road="counts, order and scores", user=anna, document="", what=what))
    for canary in (*canaries, *others):
        await check.try_all(anna, canary, may=canary in mine)
        await check.try_all(boris, canary, may=canary in others)
        for stranger in (vera, zoe, "local"):
            await check.try_all(stranger, canary, may=False)
    await check.history(anna, mine, may=True)
    await check.history(anna, [*hidden, *others], may=False)
    await check.lists(anna, [*hidden, *others])
    await check.lists(boris, canaries)
    await check.lists(zoe, [*canaries, *others])
    # What Anna was shown while she might must not be found in her history afterwards.
    await check.house.raw("PATCH", f"/app/admin/groups/{mark}-a/members", {"quit": [anna]})
    await check.history(anna, mine, may=False)
    for canary in mine:
        await check.try_all(anna, canary, may=False)


@asynccontextmanager
async def _scene(check: _Check) -> AsyncIterator[tuple[list[Canary], list[Canary]]]:
    """Groups and people of the check, and two sets of documents; gone when the block is left."""
    house, mark = check.house, check.mark
    taken: set[str] = set()

    def canary(*groups: str) -> Canary:
        return Canary(f"{_word(taken, 4)}.pdf", groups, _word(taken, 4), _word(taken, 7))

    try:
        for group in ("a", "b"):
            await house.add_group(NewGroup(group=f"{mark}-{group}", title="made by `acl check`"))
        for user, group, level in (("anna", "a", 1), ("boris", "b", 0), ("vera", "a", 3)):
            wanted = NewUser(user=f"{mark}-{user}", level=level, groups=(f"{mark}-{group}",))
            await house.add_user(wanted)
        await house.leave(f"{mark}-vera", "remove")
        first = [canary(f"{mark}-a"), canary(f"{mark}-a:1", f"{mark}-b:2"), canary(f"{mark}-a:2")]
        yield first, [canary(f"{mark}-b"), canary(f"{mark}-b")]
    finally:
        await clean(house)


async def _plant(check: _Check, canaries: Sequence[Canary]) -> None:
    for one in canaries:
        groups = "".join(f"&group={quote(group)}" for group in one.groups)
        target = f"/app/uploads?name={one.document}&source={check.mark}{groups}"
        sent = await check.house.raw_bytes("POST", target, _pdf(one))
        job_id = json.loads(sent)["job_id"]
        while (await check.house.job(job_id)).report is None:  # noqa: ASYNC110  it is another process
            await asyncio.sleep(LOOK_EVERY_S)
        outcomes = (await check.house.job(job_id)).report.outcomes  # type: ignore[union-attr]  # it has ended
        check.ids[one.document] = str(outcomes[0].document_id)


async def clean(house: HouseClient) -> None:
    """Remove everything of this check, and of one that was killed."""
    for source in json.loads(await house.raw("GET", "/app/admin/sources"))["sources"]:
        if source["name"].startswith(PREFIX):
            await house.raw("DELETE", f"/app/admin/sources/{source['name']}?now=1")
    for user in (await house.users()).users:
        if user.user.startswith(PREFIX):
            await house.remove_user(user.user, forget=True)
    for group in (await house.groups()).groups:
        if group.group.startswith(PREFIX):
            await house.remove_group(group.group)


def _word(taken: set[str], syllables: int) -> str:
    """A made-up word that no document has."""
    while True:
        pairs = (secrets.choice(LETTERS[0]) + secrets.choice(LETTERS[1]) for _ in range(syllables))
        word = "".join(pairs)
        if word not in taken:
            taken.add(word)
            return word


def _plain(text: str) -> str:
    """A reply without what differs each time."""
    return re.sub(r'"ms": ?[0-9.]+', "", text)


def _pdf(canary: Canary) -> bytes:
    """One page with one sentence, so that the roads to page images and boxes can be tried, too.

    Source: ISO 32000-1, 7.5 (file structure) and annex H.2 (minimal file)
    """
    line = f"The canary tally of {canary.key} is {canary.secret}."
    font = "/Resources << /Font << /F1 5 0 R >> >>"
    stream = f"BT /F1 14 Tf 72 720 Td ({line}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R {font} >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    text, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\n"
    return f"{text}{end}startxref\n{len(text)}\n%%EOF\n".encode("ascii")
