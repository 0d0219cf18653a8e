"""No secret reaches a log line, whoever writes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from listener import contract
from listener.telemetry import logs

FAKES = {
    "bearer": "Bearer fake-fake-fake-fake",
    "coolify": "12|" + "fake" * 10,
    "telegram": "bot123456789:" + "Fake_" * 7,
    "openai": "sk-fake-fake-fake",
    "jwt": "eyJmYWtl.eyJmYWtl.ZmFrZQ",
    "address": "https://user:fake-fake@example.org/x",
}


Stderr = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _logging_is_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(capsys: Stderr) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def crash(text: str) -> None:
    raise ValueError(text)


def test_a_line_is_json_with_time_level_event_and_bound_context(capsys: Stderr) -> None:
    logs.configure("json", "info")
    with structlog.contextvars.bound_contextvars(collection="toys", record="a-1"):
        structlog.get_logger().info("plan.applied", steps=3, key=contract.Key("toys", "a-1"))
    [line] = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "plan.applied",
        "level": "info",
        "collection": "toys",
        "record": "a-1",
        "steps": 3,
        "key": "toys/a-1",
    }


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("secret", FAKES.values(), ids=FAKES.keys())
def test_text_of_a_secret_shape_is_hidden_wherever_it_stands(style: Any, secret: str, capsys: Stderr) -> None:
    logs.configure(style, "debug")
    log = structlog.get_logger()
    log.info("as a value", answer=secret)
    log.info("deep", answer={"list": [{"more": (f"before {secret} after",)}]})
    log.info("%s in the event", secret)
    log.info("in an object", error=ValueError(f"refused {secret}"))
    logging.getLogger("library").warning("from a library: %s", secret)
    try:
        crash(secret)
    except ValueError:
        log.exception("run.crashed")
        logging.getLogger("library").exception("from a library")
    text = capsys.readouterr().err
    assert "fake" not in text.lower()
    assert "ZmFrZQ" not in text
    assert text.count("***") >= 7
    assert text.count("Traceback") == 2


@pytest.mark.parametrize(
    "name",
    ["password", "POCKETBASE_PASSWORD", "coolify_token", "Authorization", "api_key", "apiKey", "secrets"],
)
def test_a_value_under_a_secret_name_is_hidden(name: str, capsys: Stderr) -> None:
    logs.configure("json", "info")
    structlog.get_logger().info("x", **{name: "fake", "inside": {name: ["fake"]}})
    assert "fake" not in capsys.readouterr().err


def test_ordinary_words_and_numbers_are_left_alone(capsys: Stderr) -> None:
    logs.configure("json", "info")
    values: dict[str, Any] = {
        "key": "agent_stacks/abc123def456ghi",
        "uuid": "k8s0k4w0o8c0gco4wcs4k0wo",
        "address": "https://example.org:8443/api/v1/services?x=1",
        "when": "2026-11-25 10:30:00.123Z",
        "seconds": 1.5,
        "open": True,
        "nothing": None,
        "names": ["asks-for-more", "task-12"],
    }
    structlog.get_logger().info("x", **values)
    [line] = lines(capsys)
    assert {name: line[name] for name in values} == values


def test_libraries_speak_through_the_same_renderer_and_httpx_not_below_warning(capsys: Stderr) -> None:
    logs.configure("json", "debug")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("httpx").warning("odd %s", "answer")
    [line] = lines(capsys)
    assert (line["event"], line["level"]) == ("odd answer", "warning")


def test_lines_below_the_level_are_not_written(capsys: Stderr) -> None:
    logs.configure("json", "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    assert capsys.readouterr().err == ""
