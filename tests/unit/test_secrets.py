"""Credentials at rest."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from automation_engine.errors import InvalidArgument, SecretsUnreadable
from automation_engine.secrets import KEY_FILE, SecretBox

VALUES = {"aws_access_key_id": "AKEXAMPLE", "aws_secret_access_key": "tiny secret ü"}


def test_what_was_sealed_is_opened_again_by_the_next_process(tmp_path: Path) -> None:
    sealed = SecretBox.open(tmp_path).encrypt(VALUES)
    assert SecretBox.open(tmp_path).decrypt(sealed) == VALUES


def test_the_sealed_form_and_the_representation_show_nothing(tmp_path: Path) -> None:
    box = SecretBox.open(tmp_path)
    sealed = box.encrypt(VALUES)
    key = (tmp_path / KEY_FILE).read_text().strip()
    assert b"tiny" not in sealed
    assert key not in f"{box!r} {vars(box)!r}"


def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    SecretBox.open(tmp_path / "new" / "data")
    path = tmp_path / "new" / "data" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [KEY_FILE]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    SecretBox.open(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(InvalidArgument, match="chmod 600"):
        SecretBox.open(tmp_path)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        boxes = list(threads.map(lambda _: SecretBox.open(tmp_path), range(8)))
    sealed = boxes[0].encrypt(VALUES)
    assert all(box.decrypt(sealed) == VALUES for box in boxes)


def test_a_given_key_leaves_no_file(tmp_path: Path) -> None:
    SecretBox.open(tmp_path, Fernet.generate_key().decode())
    assert list(tmp_path.iterdir()) == []


def test_a_new_key_in_front_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = SecretBox.open(tmp_path, old).encrypt(VALUES)
    both = SecretBox.open(tmp_path, f"{new}, {old}")
    assert both.decrypt(before) == VALUES
    assert SecretBox.open(tmp_path, new).decrypt(both.encrypt(VALUES)) == VALUES


def test_a_key_that_does_not_fit_is_told_and_what_to_do(tmp_path: Path) -> None:
    sealed = SecretBox.open(tmp_path, Fernet.generate_key().decode()).encrypt(VALUES)
    with pytest.raises(SecretsUnreadable, match="put the key that sealed them back"):
        SecretBox.open(tmp_path).decrypt(sealed)


def test_a_damaged_seal_is_unreadable(tmp_path: Path) -> None:
    box = SecretBox.open(tmp_path)
    with pytest.raises(SecretsUnreadable):
        box.decrypt(box.encrypt(VALUES)[:-1])


@pytest.mark.parametrize("key", ["short-and-secret", "ü" * 44, "A" * 200])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        SecretBox.open(tmp_path, key)
    assert key not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_signature_is_known_again_under_every_key_and_for_its_data_alone() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    signature = SecretBox([old]).sign(b"a")
    assert len(signature) == 32
    assert SecretBox([new, old]).signed(b"a", signature)
    assert not SecretBox([new]).signed(b"a", signature)
    assert not SecretBox([old]).signed(b"b", signature)
    assert not SecretBox([old]).signed(b"a", signature[:-1])
