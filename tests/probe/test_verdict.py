"""Answers, silences and what they are shown as, in tables."""

from __future__ import annotations

import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.probe import verdict
from listener.probe.verdict import Verdict, Word

GOOD = Verdict(Word.GOOD, "", 1.0, 200)
UNCERTIFIED = Verdict(Word.GOOD, "", 1.0, 200, is_certified=False)
ABSENT = Verdict(Word.ABSENT, "", 1.0, 503)
REFUSED = Verdict(Word.ABSENT, "", 1.0)
ILL = Verdict(Word.OTHER, "", 1.0, 500)
ODD = Verdict(Word.OTHER, "", 1.0, 302)
UNKNOWN = Verdict(Word.UNKNOWN, "", 1.0)


@pytest.mark.parametrize(
    ("wanted", "seen", "shown"),
    [
        ("running", GOOD, "healthy"),
        ("running", UNCERTIFIED, "unknown"),
        ("running", ABSENT, "unknown"),
        ("running", REFUSED, "unknown"),
        ("running", ILL, "unhealthy"),
        ("running", ODD, "unknown"),
        ("running", UNKNOWN, "unknown"),
        *[
            (rest, seen, shown)
            for rest in ("suspended", "deleted")
            for seen, shown in (
                (GOOD, "unknown"),
                (UNCERTIFIED, "unknown"),
                (ABSENT, None),
                (REFUSED, None),
                (ILL, "unknown"),
                (ODD, "unknown"),
                (UNKNOWN, "unknown"),
            )
        ],
        *[
            (other, seen, None)
            for other in ("pending", "deploying", "deleting", "error", "stopped", "")
            for seen in (GOOD, UNCERTIFIED, ABSENT, REFUSED, ILL, ODD, UNKNOWN)
        ],
    ],
)
def test_only_agreement_is_shown_as_such(wanted: str, seen: Verdict, shown: str | None) -> None:
    assert verdict.health(wanted, seen) == shown


@pytest.mark.parametrize(
    ("error", "word", "reason"),
    [
        (TimeoutError(), Word.UNKNOWN, "no answer in time"),
        (socket.gaierror(-2, "x"), Word.UNKNOWN, "the name of the server cannot be resolved"),
        (ssl.SSLError(1, "x"), Word.UNKNOWN, "TLS failed: SSLError"),
        (ConnectionResetError(), Word.UNKNOWN, "the connection was closed without an answer"),
        (OSError(101, "x"), Word.UNKNOWN, "no connection to the server: Network is unreachable"),
        (OSError("x"), Word.UNKNOWN, "no connection to the server: OSError"),
        (ConnectionRefusedError(), Word.ABSENT, "the server refuses the connection: nobody listens"),
    ],
    ids=["time-out", "name", "tls", "reset", "network", "bare", "refused"],
)
def test_a_silence_is_told_in_plain_words(error: OSError, word: Word, reason: str) -> None:
    assert verdict.silence(error, requested_at=7.0) == Verdict(word, reason, 7.0)


@pytest.mark.parametrize(
    ("causes", "word"),
    [
        ([ConnectionRefusedError(), ConnectionRefusedError()], Word.ABSENT),
        ([ConnectionRefusedError(), OSError(101, "x")], Word.UNKNOWN),
    ],
    ids=["all", "one of two"],
)
def test_only_if_every_address_of_a_name_refuses_nobody_listens(causes: list[OSError], word: Word) -> None:
    error = OSError("All connection attempts failed")
    error.__cause__ = ExceptionGroup("", causes)
    assert verdict.silence(error, requested_at=1.0).word is word


@given(st.binary() | st.binary().map(lambda tail: b"HTTP/1.1 404 x\r\n" + tail))
def test_no_answer_is_a_surprise(data: bytes) -> None:
    seen = verdict.judge(data, is_certified=True, requested_at=1.0)
    assert (seen.word is Word.UNKNOWN) == (seen.status is None)


def test_nothing_that_an_answer_holds_but_its_status_is_repeated() -> None:
    answer = b"HTTP/1.1 401 key-1\r\nX: key-2\r\n\r\nkey-3"
    assert "key" not in verdict.judge(answer, is_certified=True, requested_at=1.0).reason
