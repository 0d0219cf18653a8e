"""Who may do what, as data: after `schema apply --rules`, and where it differs, after `schema apply` alone.

A cell has five letters: list, view, create, update, delete. `-` no row, `o` rows of his own tenant (of
`users`: his own account), `a` every row. Who writes says `as_holder` and `if_fence` as the lease has them.
"""

from __future__ import annotations

PEOPLE = ("guest", "owner", "other", "staff", "service", "cli", "root")
"""No token; the owners of the tenants `acme` and `bolt`; a user with `cf_role` staff; the two accounts of
`listeners`; the superuser."""
VERBS = ("list", "view", "create", "update", "delete")

Matrix = dict[str, dict[str, str]]
"""Collection -> person -> cell."""

NARROWED = """
                     guest  owner  other  staff  service cli    root
users                --a--  ooaoo  ooaoo  ooaoo  --a--   --a--  aaaaa
tenants              -----  oo---  oo---  aaaaa  aaaaa   aaaaa  aaaaa
agent_stacks         -----  ooooo  ooooo  aaaaa  aaaaa   aaaaa  aaaaa
listeners            -----  -----  -----  -----  -----   -----  aaaaa
listener_lease       -----  -----  -----  -----  aa-a-   aa---  aaaaa
listener_meta        -----  -----  -----  -----  aa-a-   aa-a-  aaaaa
listener_ledger      -----  -----  -----  -----  aaaaa   aa---  aaaaa
stack_secrets        -----  -----  -----  -----  aaaaa   aa---  aaaaa
stack_operations     -----  -----  -----  aa---  aaaaa   aaaaa  aaaaa
stack_alerts         -----  -----  -----  aa---  aaaaa   aaaaa  aaaaa
stack_schedules      -----  -----  -----  aaaaa  aaaaa   aaaaa  aaaaa
listener_requests    -----  -----  -----  aaa--  aaaaa   aaaaa  aaaaa
listener_tombstones  -----  -----  -----  -----  aa--a   aa--a  aaaaa
plan_tiers           -----  -----  -----  aaaaa  aa---   aa---  aaaaa
servers              -----  -----  -----  aaaaa  aaaa-   aaaa-  aaaaa
agent_templates      -----  aa---  aa---  aa---  aaaaa   aaaaa  aaaaa
agent_stack_ids      -----  -----  -----  -----  aa---   aa---  aa---
tenant_ids           -----  -----  -----  -----  aa---   aa---  aa---
stack_timeline       -----  oo---  oo---  aa---  aa---   aa---  aa---
stack_availability   -----  oo---  oo---  aa---  aa---   aa---  aa---
stack_overview       -----  -----  -----  aa---  aa---   aa---  aa---
"""

WIDENED = {
    True: """
                     guest  owner  other  staff  service cli    root
tenants              -----  aa---  aa---  aa---  aaaaa   aaaaa  aaaaa
agent_stacks         -----  ooooo  ooooo  -----  aaaaa   aaaaa  aaaaa
""",
    False: """
                     guest  owner  other  staff  service cli    root
tenants              -----  aa---  aa---  aa---  aaaaa   aaaaa  aaaaa
agent_stacks         -----  aaaaa  aaaaa  aaaaa  aaaaa   aaaaa  aaaaa
""",
}
"""With `user_id` on tenants or without it: the portal's own rules, closed to guests, open to the service."""


def read(text: str) -> Matrix:
    """The table as a matrix; asserts that no cell is missing or misspelt."""
    head, *lines = [line.split() for line in text.strip().splitlines()]
    assert tuple(head) == PEOPLE
    cells = {name: dict(zip(PEOPLE, row, strict=True)) for name, *row in lines}
    for row in cells.values():
        assert all(len(cell) == len(VERBS) and set(cell) <= set("-oa") for cell in row.values())
    return cells


def of(*, user_id: bool, narrow: bool) -> Matrix:
    """The matrix of that shape of database."""
    return read(NARROWED) | ({} if narrow else read(WIDENED[user_id]))
