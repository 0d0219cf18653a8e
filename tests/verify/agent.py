"""OpenClaw as `openclaw-agent` starts it: webhooks, Telegram, and a state that outlives a start."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import httpx

from listener.compose import catalog
from tests.telegram import fakes
from tests.verify import programs, stack
from tests.verify.book import Book, until
from tests.verify.cell import Cell
from tests.verify.router import ANSWER, MODEL, Router

TIER, PORT = "starter", 18789
BASE = f"http://127.0.0.1:{PORT}"
STRANGER = 99
DIALOG = {"OPENAI_API_KEY": fakes.KEY, "ANTHROPIC_API_KEY": "", "MODEL_PROVIDER": "openai"}
QUIET = 15
"""Seconds in which a turn that nobody asked for would have begun."""


def verify(book: Book, folder: Path) -> None:
    """Three starts on one volume: without Telegram as the portal sends it, then twice with it."""
    router, telegram = Router(), fakes.FakeTelegram()
    platform = {"ROUTER_BASE_URL": f"{router.url}/v1", "TELEGRAM_API_BASE": telegram.url}
    chats = {**DIALOG, "TELEGRAM_BOT_TOKEN": fakes.TOKEN, "ALLOWED_USER_IDS": str(fakes.OWNER)}
    bare, chatty = (
        stack.containers(stack.Order("openclaw-agent", TIER, given), platform)["openclaw"]
        for given in (DIALOG | {"TELEGRAM_BOT_TOKEN": ""}, chats)
    )
    program = programs.openclaw()
    with (
        book.part("openclaw-agent, first start"),
        book.running(cell := Cell(bare, program, folder), TIER, PORT),
    ):
        _config(book, cell)
        _hooks(book, bare, router)
    with (
        book.part("openclaw-agent, with Telegram"),
        book.running(cell := Cell(chatty, program, folder), TIER, PORT),
    ):
        telegram.say("a stranger's", user=STRANGER)
        _chat(book, cell, telegram, router, "the first message")
        _schedule(book, cell, telegram, router)
        told = {body["chat_id"] for body in telegram.of("sendMessage")}
        book.claim(
            "openclaw: a person who is not on the list gets no answer", told == {str(fakes.OWNER)}, told
        )
    with (
        book.part("openclaw-agent, same state again"),
        book.running(cell := Cell(chatty, program, folder), TIER, PORT),
    ):
        _chat(book, cell, telegram, router, "the second message")
        book.claim("openclaw: the second start knows the first one's talk", "first message" in _last(router))


def _config(book: Book, cell: Cell) -> None:
    book.claim("openclaw: the configuration lies in the tmpfs", cell.holds("/run/cf/openclaw.json"))
    page = httpx.get(BASE)
    book.claim("openclaw: there is no control page", page.status_code == 404, page.text)


def _hooks(book: Book, container: stack.Container, router: Router) -> None:
    task = {"message": "How is it?", "waitForCompletion": True, "wakeMode": "next-heartbeat"}
    refused = httpx.post(f"{BASE}/hooks/agent", json=task).status_code
    book.claim("openclaw: a webhook without the token is refused", refused == 401, refused)
    headers = {"Authorization": f"Bearer {container.env['OPENCLAW_HOOKS_TOKEN']}"}
    answer = httpx.post(f"{BASE}/hooks/agent", json=task, headers=headers, timeout=180)
    done = answer.status_code == 200 and answer.json()["completion"]["status"] == "ok"
    book.claim("openclaw: a webhook's turn comes to its end", done, answer.text)
    time.sleep(QUIET)
    asked = [body["model"] for body in router.asked]
    book.claim("openclaw: it cost one request, of the Router's first model", asked == [MODEL], asked)
    keys = router.keys - {""}
    book.claim("openclaw: the Router saw the tenant's key", keys == {f"Bearer {fakes.KEY}"}, keys)


def _chat(book: Book, cell: Cell, telegram: fakes.FakeTelegram, router: Router, text: str) -> None:
    before = len(telegram.of("sendMessage"))
    telegram.say(text)
    came = until(lambda: len(telegram.of("sendMessage")) > before, 120)
    texts = [body["text"] for body in telegram.of("sendMessage")[before:]]
    book.claim(
        f"openclaw: {text} in Telegram is answered",
        came and texts == ["".join(ANSWER)],
        f"{texts} {cell.tail()}",
    )
    book.claim(f"openclaw: {text} reached the Router", text in _last(router))


def _schedule(book: Book, cell: Cell, telegram: fakes.FakeTelegram, router: Router) -> None:
    template = catalog.Catalog.load().get("openclaw-agent")
    assert template is not None
    assert template.manifest.schedule is not None
    asked, told, text = len(router.asked), len(telegram.of("sendMessage")), 'it\'s time: "wake" $HOME'
    carried = base64.b64encode(text.encode()).decode("ascii")
    code = cell.call(template.manifest.schedule.command.replace("{message}", carried))
    book.claim("openclaw: a scheduled message is taken", code == 0, cell.tail())
    came = until(lambda: len(telegram.of("sendMessage")) > told, 120)
    book.claim("openclaw: its answer comes to the first person's chat", came, telegram.calls[-3:])
    time.sleep(QUIET)
    messages = [json.dumps(body["messages"]) for body in router.asked[asked:]]
    exact = len(messages) == 1 and json.dumps(text)[1:-1] in messages[0].replace("\\\\", "\\")
    book.claim("openclaw: the text reached the Router as it is, once", exact, messages)


def _last(router: Router) -> str:
    return json.dumps(router.asked[-1]["messages"])
