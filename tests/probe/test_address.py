"""What may be connected to, and what may not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener import errors
from listener.probe import address
from listener.probe.address import Address


@pytest.mark.parametrize(
    ("ip", "found"),
    [
        ("203.0.113.7", Address("203.0.113.7")),
        (" 2001:DB8::7 ", Address("2001:db8::7")),
        ("Host-1.example.org", Address("host-1.example.org")),
        ("host.docker.internal", Address("127.0.0.1")),
        ("203.0.113.7:22", None),
        ("root@203.0.113.7", None),
        ("http://203.0.113.7", None),
        ("a..b", None),
        ("", None),
        ("a b", None),
    ],
)
def test_a_server_has_the_address_that_coolify_shows(ip: str, found: Address | None) -> None:
    assert address.of_server(ip) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.5", Address("10.0.0.5")),
        ("10.0.0.5:8443", Address("10.0.0.5", 8443)),
        ("Proxy.example.org:443", Address("proxy.example.org", 443)),
        ("proxy", Address("proxy")),
        ("2001:db8::7", Address("2001:db8::7")),
        ("[2001:db8::7]:8443", Address("2001:db8::7", 8443)),
    ],
)
def test_an_operator_may_name_another(text: str, found: Address) -> None:
    assert address.chosen(text) == found


@pytest.mark.parametrize(
    "text", ["", ":443", "a:0", "a:65536", "a:x", "a:١", "a:", "a b", "https://a", "a/b", "[::1", "a:1:2"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(errors.Refusal) as caught:
        address.chosen(text)
    assert caught.value.code == "PROBE_ADDRESS_INVALID"
    assert all((caught.value.what, caught.value.why, caught.value.fix))


@given(st.text())
def test_no_text_is_a_surprise(text: str) -> None:
    address.of_server(text)
    with suppress(errors.Refusal):
        address.chosen(text)
