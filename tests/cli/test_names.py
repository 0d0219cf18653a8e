"""Domains on the command line: the doctor asks the resolver, the plan says which record is missing."""

from __future__ import annotations

import dns.rcode
import pytest

from tests.cli.test_doctor import examined, marks
from tests.dns.nameserver import serving


async def test_the_doctor_asks_the_resolver(monkeypatch: pytest.MonkeyPatch, alone: dict[str, str]) -> None:
    async with serving() as names:
        env = {**alone, "LISTENER_DNS": names.setting, "PLATFORM_ADDRESSES": "203.0.113.7"}
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✓"
        env["PLATFORM_DOMAIN"] = "apps.example.org"
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✓!"
        names.rcode = dns.rcode.SERVFAIL
        assert marks((await examined(monkeypatch, env))["name servers"]) == "✗"
    assert marks((await examined(monkeypatch, alone))["name servers"]) == "-"
