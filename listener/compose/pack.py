"""Files of a template as text that fits into one environment variable, the same for the same files."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

MAX_TEXT = 48 * 1024
"""Characters. The kernel ends at 128 KiB for one variable; this leaves room and keeps inspection readable."""

EPOCH = (1980, 1, 1, 0, 0, 0)


def packed(path: Path) -> str:
    """A file as it is, a folder as a zip of its Python files in fixed order, dates and modes; as base64.

    Raises `ValueError` when nothing is there or the text is longer than `MAX_TEXT`.
    """
    content = path.read_bytes() if path.is_file() else _zip(path)
    text = base64.b64encode(content).decode("ascii")
    if len(text) > MAX_TEXT:
        raise ValueError(f"{path.name} has {len(text)} characters packed, more than {MAX_TEXT}")
    return text


def _zip(folder: Path) -> bytes:
    files = sorted(folder.rglob("*.py"), key=lambda file: file.relative_to(folder).as_posix())
    if not files:
        raise ValueError(f"{folder.name} is neither a file nor a folder of Python files")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            info = zipfile.ZipInfo(file.relative_to(folder).as_posix(), EPOCH)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()
