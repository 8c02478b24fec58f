"""Forms as queries: what the published client sends, and what is no form."""

from __future__ import annotations

import pytest

from gateway.errors import HttpProblem, InvalidFields
from gateway.forms import MAX_PARTS, form_parameters

TYPE = "multipart/form-data; boundary=b0"


def form(*parts: tuple[str, bytes], end: bytes = b"--b0--\r\n") -> bytes:
    """Write a form; a name with a file's name after ``@`` is a file."""
    written = b""
    for name, data in parts:
        field, _, file = name.partition("@")
        told = f'form-data; name="{field}"' + (f'; filename="{file}"' if file else "")
        written += f"--b0\r\nContent-Disposition: {told}\r\n\r\n".encode() + data + b"\r\n"
    return written + end


async def test_fields_and_files_are_parameters_in_their_order() -> None:
    body = form(
        ("name", "Süd & Ost".encode()), ("scopes", b"import"), ("scopes", b"export"), ("key@k.json", b'{"a": 1}')
    )
    query = await form_parameters(TYPE, body)
    assert query == b"name=S%C3%BCd+%26+Ost&scopes=import&scopes=export&key=%7B%22a%22%3A+1%7D"


async def test_an_empty_form_has_no_parameters() -> None:
    assert await form_parameters(TYPE, form()) == b""


async def test_a_file_larger_than_memory_keeps_is_read_whole() -> None:
    data = b"x" * 1_100_000
    assert await form_parameters(TYPE, form(("file@f", data))) == b"file=" + data


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", form(("a", b"1"))),
        (TYPE, form(("a", b"1"), end=b"")),
        (TYPE, form(("a", b"1"), end=b"--b0\r\nContent-Disposition: form-data; na")),
        (TYPE, b"--b0\r\nno header\r\n\r\n1\r\n--b0--"),
        (TYPE, b"--b1\r\n\r\n1\r\n--b0--"),
        (TYPE, form(*[("a", b"1")] * (MAX_PARTS + 1))),
    ],
    ids=["no boundary", "cut off", "cut off in a header", "no header", "another boundary", "too many parts"],
)
async def test_what_is_no_form_is_refused_with_the_reason(content_type: str, body: bytes) -> None:
    with pytest.raises(HttpProblem) as refused:
        await form_parameters(content_type, body)
    assert (refused.value.status, refused.value.code) == (422, "invalid_form")


async def test_a_part_that_is_no_text_is_named() -> None:
    with pytest.raises(InvalidFields) as refused:
        await form_parameters(TYPE, form(("credentials_file@key.p12", b"\xff\x00")))
    assert [violation.field for violation in refused.value.violations] == ["credentials_file"]
