"""Records that cannot be carried out, among records that can."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from listener.sandbox import people
from tests.faults import stage as stages
from tests.faults.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="package")

TOO_LONG = "x" * 300_000
ENV = {"TELEGRAM_BOT_TOKEN": people.BOT_TOKEN, "OPENAI_API_KEY": "sk-not-a-key"}
BAD: dict[str, dict[str, Any]] = {
    "config is a list": {"config": ["not", "an", "object"]},
    "config is missing": {"config": None},
    "token has no form": {"config": {"env_vars": {**ENV, "TELEGRAM_BOT_TOKEN": "no"}}},
    "variable is unknown": {"config": {"env_vars": {**ENV, "PATH": "/tmp"}}},
    "variable is too long": {"config": {"env_vars": {**ENV, "SYSTEM_PROMPT": TOO_LONG}}},
    "config is heavy": {"config": {"env_vars": {**ENV, "MODEL_PROVIDER": TOO_LONG * 3}}},
    "name is no name": {"stack_name": "Not A Name; rm -rf /"},
    "domain is no host": {"domain": "https://*.example.org:99/x"},
    "template is another's": {"template": "base-llm"},
}


async def test_bad_records_hurt_only_themselves_and_heal_by_the_next_good_edit(stage: Stage) -> None:
    before = await stage.deeds()
    good = await stage.create(2)
    bad = {name: (await stage.create(**fields))[0] for name, fields in BAD.items()}
    good += await stage.create(2)
    await stage.until_shown(good, "running")
    await stage.until_shown(bad.values(), "error")
    assert await stage.deeds() - before == stages.of_new_stacks(4)
    for name, record_id in bad.items():
        record = await stage.record(record_id)
        assert record["message"], name
        assert " · " in record["error_message"], name
    since = stage.mark()
    await anyio.sleep(1.5)
    assert stage.events("run.refused", since=since) == []
    for number, record_id in enumerate(bad.values()):
        fields = {"config": {"env_vars": stage.variables()}, "domain": "", "template": "telegram-bot"}
        await stage.change(record_id, **fields, stack_name=f"healed-{number}")
    await stage.until_shown(bad.values(), "running")
    assert await stage.deeds() - before == stages.of_new_stacks(4 + len(bad))
    await stage.expect_one_each(stage.made)
