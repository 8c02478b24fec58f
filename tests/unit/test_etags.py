"""Entity tags: the version that is saved, and the representation that is shown."""

from __future__ import annotations

import pytest

from gateway.etags import is_known, tag, version_of


def test_a_tag_tells_the_version_and_changes_with_the_content() -> None:
    first, second = tag(b"{}", b'"a-1"'), tag(b"[]", b'"a-1"')
    assert first != second
    assert {version_of(one.decode().strip('"')) for one in (first, second)} == {"a-1"}


def test_a_version_stays_as_it_is() -> None:
    assert [version_of(text) for text in ("a-1", "a~1", "*")] == ["a-1", "a~1", "*"]


def test_content_without_a_version_has_a_tag_too() -> None:
    assert tag(b"{}") != tag(b"[]")
    assert tag(b"{}") == tag(b"{}")


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (b'"x"', True),
        (b'W/"x"', True),
        (b'"a", W/"x" ,"b"', True),
        (b"*", True),
        (b'"y"', False),
        (b"x", False),
        (b'"*"', False),
        (b"", False),
    ],
)
def test_if_none_match_is_any_or_a_list_compared_weakly(given: bytes, *, known: bool) -> None:
    assert is_known(given, b'"x"') is known
