"""Forms (``multipart/form-data``, RFC 7578) as the parameters that a query would be: names, repeats, conversions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import quote_plus

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.errors import HttpProblem, InvalidFields

MAX_PARTS = 100


async def form_parameters(content_type: str, body: bytes) -> bytes:
    """The parts of a form, files among them, as a raw query: percent-encoded ``name=value`` pairs in order.

    Raises:
        HttpProblem: it is no form, or has more than 100 parts (422 ``invalid_form``).
        InvalidFields: a part is no text in UTF-8.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if boundary and not body.rstrip().endswith(b"--%b--" % boundary):
        raise _invalid("its last boundary is missing")
    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, _once(body), max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=len(body))
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as fault:
        raise _invalid(str(getattr(fault, "message", fault))) from None
    pairs = []
    for name, value in form.multi_items():
        text = _text(name, await value.read()) if isinstance(value, UploadFile) else value
        pairs.append(f"{quote_plus(name)}={quote_plus(text)}")
    await form.close()
    return "&".join(pairs).encode()


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidFields.of("must be text in UTF-8", name) from None


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body


def _invalid(reason: str) -> HttpProblem:
    return HttpProblem(status=422, code="invalid_form", message=f"The body is not a valid form: {reason}")
