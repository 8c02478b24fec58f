"""Entity tags (RFC 9110): which version of a resource, and which representation of it, a client has.

A message's own ``etag`` names a version of what is saved; its representation may show more, such as a state that
changes by itself. So the tag of a GET is ``"version~digest"``, or ``"digest"`` alone, and ``If-Match`` is held to the
version.
"""

from __future__ import annotations

import hashlib
import re

_DIGEST_SIZE = 12
_SHOWN = re.compile(rf"~[0-9a-f]{{{2 * _DIGEST_SIZE}}}\Z")
_TAG = re.compile(rb'"[^"]*"')


def tag(content: bytes, version: bytes | None = None) -> bytes:
    """The strong tag of a representation; ``version`` is its message's own, in quotes."""
    digest = hashlib.blake2b(content, digest_size=_DIGEST_SIZE).hexdigest().encode()
    return b'"%b"' % digest if version is None else b'%b~%b"' % (version[:-1], digest)


def version_of(text: str) -> str:
    """The version that a tag names, both without quotes."""
    return _SHOWN.sub("", text)


def is_known(if_none_match: bytes, current: bytes) -> bool:
    """Whether ``If-None-Match`` names the current tag: ``*``, or a list, compared weakly."""
    return if_none_match.strip() == b"*" or current in _TAG.findall(if_none_match)
