"""Open WebUI as `base-llm` starts it, with LiteLLM before the Router or without."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.telegram import fakes
from tests.verify import programs, stack
from tests.verify.book import Book
from tests.verify.cell import Cell
from tests.verify.router import ANSWER, MODEL, Router

PORT, PROXY_PORT = 8080, 4000
BASE, PROXY = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{PROXY_PORT}"
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "How is it?"}]}
KEPT = {"chat": {"title": "kept", "models": [MODEL], "messages": [], "history": {"messages": {}}}}

EVIL = 'open("/tmp/evil", "w").close()\nclass Pipe: ...\n'


def verify(book: Book, folder: Path, *, litellm: bool) -> None:
    """The volume handed over, then two starts on it."""
    router, tier = Router(), "team" if litellm else "starter"
    order = stack.Order(
        "base-llm",
        tier,
        {"OPENAI_API_KEY": fakes.KEY, "USE_LITELLM": "true" if litellm else "false"},
        "chat.example.org",
    )
    services = stack.containers(order, {"ROUTER_BASE_URL": f"{router.url}/v1"})
    title = f"base-llm {'with' if litellm else 'without'} LiteLLM"
    with book.part(f"{title}, the volume"):
        _hand_over(book, services["init-perms"], folder)
    headers: dict[str, str] = {}
    for start in ("first start", "same state again"):
        with book.part(f"{title}, {start}"), ExitStack() as running:
            if litellm:
                cell = Cell(services["litellm"], programs.litellm(), folder)
                running.enter_context(book.running(cell, tier, PROXY_PORT))
                _proxy(book, services["litellm"])
            cell = Cell(services["openwebui"], programs.openwebui(), folder)
            running.enter_context(book.running(cell, tier, PORT))
            if headers:
                _kept(book, headers)
            else:
                headers = _people(book, cell)
            _completions(book, headers, router)


def _hand_over(book: Book, container: stack.Container, folder: Path) -> None:
    for turn in ("a fresh", "its own old"):
        with Cell(container, programs.openwebui(), folder) as cell:
            data = folder / "volumes" / "data"
            (data / "left by root").touch()
            code, owner = cell.run(), data.stat()
            mine = (owner.st_uid, owner.st_gid, owner.st_mode & 0o777) == (1000, 1000, 0o700)
            book.claim(f"init-perms: {turn} volume is Open WebUI's alone", code == 0 and mine, cell.tail())
            (data / "left by root").unlink()


def _people(book: Book, cell: Cell) -> dict[str, str]:
    """The headers of the first person, who signed in with the generated password."""
    person = {"name": "x", "email": "x@example.org", "password": "fake-Password-1"}
    answer = httpx.post(f"{BASE}/api/v1/auths/signup", json=person)
    book.claim("openwebui: nobody can sign up", answer.status_code == 403, answer.text)
    env = cell.container.env
    login = {"email": env["WEBUI_ADMIN_EMAIL"], "password": "fake-Password-1"}
    answer = httpx.post(f"{BASE}/api/v1/auths/signin", json=login)
    book.claim("openwebui: another password is refused", answer.status_code == 400, answer.text)
    login["password"] = env["WEBUI_ADMIN_PASSWORD"]
    answer = httpx.post(f"{BASE}/api/v1/auths/signin", json=login)
    is_admin = answer.status_code == 200 and answer.json()["role"] == "admin"
    book.claim("openwebui: the generated password signs the admin in", is_admin, answer.text)
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    function = {"id": "evil", "name": "evil", "content": EVIL, "meta": {"description": "x"}}
    answer = httpx.post(f"{BASE}/api/v1/functions/create", json=function, headers=headers)
    harmless = answer.status_code == 400 and not cell.holds("/tmp/evil")
    book.claim("openwebui: not even the admin's code runs", harmless, answer.text)
    answer = httpx.post(f"{BASE}/api/v1/chats/new", json=KEPT, headers=headers)
    book.claim("openwebui: a chat is stored", answer.status_code == 200, answer.text)
    return headers


def _kept(book: Book, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{BASE}/api/v1/auths/", headers=headers)
    book.claim("openwebui: the session of before is still good", answer.status_code == 200, answer.text)
    answer = httpx.get(f"{BASE}/api/v1/chats/", headers=headers)
    book.claim("openwebui: the chat of before is there", "kept" in answer.text, answer.text)


def _completions(book: Book, headers: dict[str, str], router: Router) -> None:
    models = [one["id"] for one in httpx.get(f"{BASE}/api/models", headers=headers).json()["data"]]
    book.claim("openwebui: it offers the Router's models", models == [MODEL], models)
    url, before = f"{BASE}/api/chat/completions", len(router.asked)
    answer = httpx.post(url, json=QUESTION, headers=headers, timeout=60)
    holds = "".join(ANSWER) in answer.text
    book.claim("openwebui: a question is answered", holds, answer.text)
    answer = httpx.post(url, json=QUESTION | {"stream": True}, headers=headers, timeout=60)
    book.claim(
        "openwebui: a question is answered in pieces", _pieces(answer.text) == "".join(ANSWER), answer.text
    )
    book.claim("openwebui: each cost one request", len(router.asked) - before == 2, len(router.asked))
    book.claim(
        "openwebui: the Router saw the tenant's key", router.keys == {f"Bearer {fakes.KEY}"}, router.keys
    )


def _proxy(book: Book, container: stack.Container) -> None:
    answer = httpx.post(f"{PROXY}/v1/chat/completions", json=QUESTION)
    book.claim("litellm: without its key it serves nobody", answer.status_code == 401, answer.text)
    headers = {"Authorization": f"Bearer sk-{container.env['LITELLM_KEY']}"}
    models = httpx.get(f"{PROXY}/v1/models", headers=headers).json()["data"]
    book.claim("litellm: it offers the Router's models", [one["id"] for one in models] == [MODEL], models)
    answer = httpx.post(f"{PROXY}/v1/chat/completions", json=QUESTION, headers=headers, timeout=60)
    book.claim("litellm: a question is answered", "".join(ANSWER) in answer.text, answer.text)


def _pieces(text: str) -> str:
    frames = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    choices = [choice for frame in frames for choice in json.loads(frame).get("choices", [])]
    return "".join(choice.get("delta", {}).get("content") or "" for choice in choices)
