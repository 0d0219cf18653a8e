"""A file of faults, read strictly: every mistake is named with its entry and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pydantic
import yaml

from listener import errors
from listener.sandbox import faults

EXAMPLE = Path(__file__).with_name("faults.example.yaml")

_READER: pydantic.TypeAdapter[faults.Entry] = pydantic.TypeAdapter(
    Annotated[faults.Kind, pydantic.Field(discriminator="what")]
)


def load(path: Path) -> tuple[faults.Entry, ...]:
    """The faults of the file, in its order; `example` is the one that is shipped.

    Raises `Refusal` `CONFIGURATION` that names every mistake with its entry and line.
    """
    source = EXAMPLE if str(path) == "example" and not path.exists() else path
    try:
        text = source.read_text("utf-8")
        tree, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise _wrong(path, [f"it cannot be read: {error.strerror}"]) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _wrong(path, [f"it is no YAML: {' '.join(str(error).split())}"]) from None
    if not (isinstance(tree, yaml.SequenceNode) and isinstance(content, list) and content):
        raise _wrong(path, ["it is not a list of faults"])
    entries, mistakes = [], []
    for number, (node, raw) in enumerate(zip(tree.value, content, strict=True), 1):
        place = f"entry {number} (line {node.start_mark.line + 1})"
        mistakes += [f"{place}: `{key}` is given twice" for key in _repeated(node)]
        try:
            entries.append(_READER.validate_python(raw))
        except pydantic.ValidationError as error:
            mistakes += [f"{place}: {mistake}" for mistake in _mistakes(error)]
    if mistakes:
        raise _wrong(path, mistakes)
    return tuple(entries)


def _repeated(node: yaml.Node) -> Iterator[str]:
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    return (key for index, key in enumerate(keys) if key in keys[:index])


def _mistakes(error: pydantic.ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in item["loc"][1:])
        text = item["msg"].removeprefix("Value error, ")
        yield f"{field}: {text}" if field else text


def _wrong(path: Path, mistakes: list[str]) -> errors.Refusal:
    return errors.Refusal(
        "CONFIGURATION",
        f"The file of faults {path} cannot be used:\n  " + "\n  ".join(mistakes),
        why=f"{len(mistakes)} mistake(s)",
        fix="correct it; `cloudfreedom sandbox --help` names the faults, `--faults example` plays some",
    )
