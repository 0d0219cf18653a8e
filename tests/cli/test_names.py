"""Domains on the command line: the doctor asks the resolver, the plan says which record is missing."""

from __future__ import annotations

import re

import dns.rcode
import pytest

from listener.cli.doctor.names import ANY
from tests.cli.test_doctor import examined, marks
from tests.dns.nameserver import serving


@pytest.mark.long
async def test_the_doctor_asks_the_resolver(monkeypatch: pytest.MonkeyPatch, alone: dict[str, str]) -> None:
    async with serving() as names:
        env = {**alone, "LISTENER_DNS": names.setting, "PLATFORM_ADDRESSES": "203.0.113.7"}
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✓"
        env["PLATFORM_DOMAIN"] = "apps.example.org"
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✓!"
        names.rcode = dns.rcode.SERVFAIL
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✗"
    assert marks((await examined(monkeypatch, alone))["name servers"]) == "-"


@pytest.mark.parametrize("before", [(), ("198.51.100.9",)], ids=["none", "elsewhere"])
async def test_the_record_that_the_doctor_asks_for_ends_its_warning(
    monkeypatch: pytest.MonkeyPatch, alone: dict[str, str], before: tuple[str, ...]
) -> None:
    async with serving() as names:
        own = {"PLATFORM_DOMAIN": "apps.example.org", "PLATFORM_ADDRESSES": "203.0.113.7"}
        env = {**alone, **own, "LISTENER_DNS": names.setting}
        asked = f"{ANY}.apps.example.org"
        names.hold(asked, "A", *before)
        lines = (await examined(monkeypatch, env))["name servers"]
        assert marks(lines) == "✓!"
        wanted = re.fullmatch(r"create the DNS record \*\.(\S+) that leads to (\S+)", lines[1].fix)
        assert wanted is not None, lines[1].fix
        names.hold(f"{ANY}.{wanted[1]}", "A", wanted[2])
        lines = (await examined(monkeypatch, env))["name servers"]
        assert (marks(lines), lines[1].text) == ("✓✓", "*.apps.example.org leads to 203.0.113.7")
