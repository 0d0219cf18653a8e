"""What `init` asks for, one question a setting; what the environment gives is taken and not asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from listener import errors
from listener.cli import configured, envfile, show
from listener.cli.doctor import scene

NONE = "-"
"""Typed for an empty value where the file has one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One setting that a person is asked for."""

    name: str
    text: str
    is_secret: bool = False
    is_needed: bool = True
    is_address: bool = False
    default: str = ""
    made: Callable[[], str] | None = None
    """Makes the value when nothing is typed and the file has none."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom to ask: the environment first, then a person, for whom the file's values are the defaults."""

    kept: Mapping[str, str]
    prompt: Callable[[str, str, bool], str] | None
    """Text, default, hidden -> what was typed; None when there is no terminal."""

    def known(self, name: str) -> str:
        """The value that stands without anybody typing it, or empty."""
        return os.environ.get(name, "") or self.kept.get(name, "")

    def answer(self, question: Question) -> str:
        """The setting's value; raises `SETTING_UNFIT` for one that nobody is there to correct."""
        given = os.environ.get(question.name, "")
        if given or self.prompt is None:
            value = given or self.kept.get(question.name, "") or question.default
            if found := wrong(question, value):
                raise _unfit(question.name, found)
            if given:
                show.line(f"{question.name}: as the environment says")
            return value
        while True:
            value = self._typed(question, self.prompt)
            found = wrong(question, value)
            if not found:
                return value
            show.line(f"  {found}")

    def _typed(self, question: Question, prompt: Callable[[str, str, bool], str]) -> str:
        kept = self.kept.get(question.name, "") or question.default
        if question.is_secret:
            hint = (
                "hidden; Enter keeps it" if kept else "hidden; Enter makes one" if question.made else "hidden"
            )
            typed = prompt(f"{question.text} ({hint})", "", True) or kept
        else:
            hint = "" if question.is_needed else f" ({NONE} for none)" if kept else " (Enter for none)"
            typed = prompt(f"{question.text}{hint}", kept, False).strip()
            typed = "" if typed == NONE else typed
        return typed or (question.made() if question.made else "")

    def choice(self, what: str, names: Sequence[str], default: int | None) -> int:
        """Index of the one that a person named by its number or name; the only one is taken at once."""
        if len(names) == 1:
            show.line(f"{what}: {names[0]}, the only one")
            return 0
        assert self.prompt is not None
        for number, name in enumerate(names, 1):
            show.line(f"  {number}  {name}")
        while True:
            typed = self.prompt(
                f"{what}, by number or name", "" if default is None else names[default], False
            )
            found = [index for index, name in enumerate(names) if typed.strip() in (name, str(index + 1))]
            if len(found) == 1:
                return found[0]
            show.line("  type one of the numbers" if found else "  there is none of that name or number")


def wrong(question: Question, value: str) -> str:
    """What is wrong with the value, without the value; empty if nothing."""
    if not value:
        return f"{question.name} is needed" if question.is_needed else ""
    if not envfile.is_fit(value):
        return f"{question.name}: quotes, backslashes, ${{ and what is no ASCII cannot stand in such a file"
    addresses = [part.strip() for part in value.split(",")]
    if question.is_address and not all(scene.is_address(one) for one in addresses):
        return f"{question.name}: it must begin with http:// or https:// and name a host"
    return configured.mistake(question.name, value)


def _unfit(name: str, why: str) -> errors.Refusal:
    return errors.Refusal(
        "SETTING_UNFIT", f"{name} cannot be used.", why=why, fix="correct it in the environment or the file"
    )
