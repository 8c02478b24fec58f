"""File names as keys: a bijection that survives every byte a file name may hold.

A file name is bytes, a key is text that must be storable as UTF-8. Names that are UTF-8 are their own key. In all other
names each undecodable byte ``0xNN`` (never ASCII, so 0x80 to 0xFF) becomes the private-use character ``U+EFNN``, as in
MirBSD's OPTU encoding; a character of that very range in a real name is written the same way, byte by byte, which keeps
the mapping unambiguous. So no file is hidden for its name, and none stops a scan.
"""

from __future__ import annotations

import os
import re

_ESCAPED = re.compile("[\uef80-\uefff]+")
_UNSAFE = re.compile("[\udc80-\udcff\uef80-\uefff]")


def key_of(name: str) -> str:
    """Return the key segment for a file name as ``os`` decodes it (``surrogateescape``)."""
    if name.isascii():
        return name
    return _UNSAFE.sub(lambda found: "".join(chr(0xEF00 + byte) for byte in os.fsencode(found[0])), name)


def name_of(segment: str) -> bytes | None:
    """Return the file name of a key segment; None where no file can have that key."""
    if segment in {"", ".", ".."} or "\0" in segment:
        return None
    try:
        name = _ESCAPED.sub(_unescape, segment).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return name if key_of(os.fsdecode(name)) == segment else None


def _unescape(found: re.Match[str]) -> str:
    return "".join(chr(0xDC00 + (ord(character) & 0xFF)) for character in found[0])
