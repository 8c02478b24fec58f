"""Which addresses webhooks may be sent to."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation_engine.config import read_settings
from automation_engine.errors import InvalidArgument
from automation_engine.webhook_sender import is_public


@pytest.mark.parametrize("host", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_an_address_of_the_internet_is_public(host: str) -> None:
    assert is_public(host)


@pytest.mark.parametrize(
    "host",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"),  # noqa: S104 - nothing listens
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::", "::1", "fe80::1%eth0", "fc00::1", "ff02::1", "ff0e::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2002:7f00:1::1"),
    ],
)
def test_any_other_address_is_not(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_without_authorities_is_refused_at_the_start(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidArgument) as raised:
        read_settings(webhook_ca=path)
    [violation] = raised.value.violations
    assert violation.field == "--webhook-ca"
    assert str(path) in violation.message
