"""Sixteen bytes for an identity."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from automation_engine.store.fingerprints import SIZE, Fingerprints, fingerprint, total

bounded = settings(max_examples=200, derandomize=True, database=None, deadline=None)


def _print(high: int, low: int) -> bytes:
    return high.to_bytes(8, "big") + low.to_bytes(8, "big")


def test_a_fingerprint_has_16_bytes() -> None:
    assert len(fingerprint("conn_1", "in/a.mp4", "v1")) == SIZE == 16


def test_a_fingerprint_depends_on_connector_key_and_version() -> None:
    prints = {
        fingerprint("conn_1", "a", "v"),
        fingerprint("conn_2", "a", "v"),
        fingerprint("conn_1", "b", "v"),
        fingerprint("conn_1", "a", "w"),
        fingerprint("conn_1", "av", ""),
        fingerprint("conn_1", "", "av"),
    }
    assert len(prints) == 6


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint("conn_1", "in/a.mp4", "v1").hex() == "ad8db8ff5eb8a84e96b22824ed9b0b11"


def test_a_name_that_is_no_text_has_a_fingerprint() -> None:
    assert fingerprint("conn_1", "\udcff.mp4", "v1") != fingerprint("conn_1", "\udcfe.mp4", "v1")


def test_positions_tell_the_known_from_the_unknown() -> None:
    prints = [fingerprint("conn_1", f"{at}", "v") for at in range(1000)]
    known = Fingerprints(prints[::2])
    positions = known.positions(prints)
    assert (positions[::2] >= 0).all()
    assert (positions[1::2] == -1).all()
    assert sorted(positions[::2].tolist()) == list(range(500))


def test_the_empty_set_knows_nothing() -> None:
    empty = Fingerprints()
    assert (len(empty), empty.nbytes) == (0, 0)
    assert empty.positions([_print(0, 0), _print(2**64 - 1, 2**64 - 1)]).tolist() == [-1, -1]


def test_an_empty_page_has_no_positions() -> None:
    assert Fingerprints([_print(1, 1)]).positions([]).tolist() == []


def test_identities_that_share_the_upper_half_are_told_apart() -> None:
    known = Fingerprints([_print(7, low) for low in (5, 1, 3)])
    page = [_print(7, low) for low in (0, 1, 2, 3, 4, 5, 6)]
    assert known.positions(page).tolist() == [-1, 0, -1, 1, -1, 2, -1]


def test_identities_that_share_the_upper_half_at_the_very_end_are_told_apart() -> None:
    top = 2**64 - 1
    known = Fingerprints([_print(top, top), _print(top, 0), _print(0, top)])
    page = [_print(top, top), _print(top, 1), _print(top, 0), _print(0, top), _print(0, 0)]
    assert known.positions(page).tolist() == [2, -1, 1, 0, -1]


halves = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: _print(*pair))


@bounded
@given(st.sets(halves), st.lists(halves, max_size=40))
def test_positions_agree_with_a_plain_set(known: set[bytes], page: list[bytes]) -> None:
    prints = Fingerprints(known)
    ordered = sorted(known)
    expected = [ordered.index(item) if item in known else -1 for item in page]
    assert prints.positions(page).tolist() == expected


@bounded
@given(st.lists(halves, max_size=40))
def test_the_same_identity_twice_has_one_position(page: list[bytes]) -> None:
    positions = Fingerprints(set(page)).positions(page + page).tolist()
    assert positions[: len(page)] == positions[len(page) :]


def test_a_fingerprint_that_is_given_twice_is_one_of_the_set() -> None:
    known = Fingerprints([_print(7, 1), _print(7, 2), _print(7, 1), _print(8, 1)], b"\1\2\1\3")
    assert len(known) == 3
    assert known.codes.tolist() == [1, 2, 3]


def test_a_code_stays_with_its_fingerprint() -> None:
    prints = [_print(9 - at, at) for at in range(10)]
    known = Fingerprints(prints, bytes(range(10)))
    assert known.codes[known.positions(prints)].tolist() == list(range(10))


@bounded
@given(st.lists(st.binary(min_size=SIZE, max_size=SIZE), max_size=40))
def test_the_total_is_the_sum_modulo_two_to_the_128(prints: list[bytes]) -> None:
    assert total(b"".join(prints)) == sum(int.from_bytes(item, "big") for item in prints) % 2**128


@bounded
@given(st.sets(halves), st.integers(0, 3))
def test_the_chosen_of_a_set_are_joined_in_their_order(prints: set[bytes], which: int) -> None:
    known, ordered = Fingerprints(prints), sorted(prints)
    chosen = np.arange(len(ordered)) % 4 == which
    assert known.joined(chosen) == b"".join(item for item, wanted in zip(ordered, chosen, strict=True) if wanted)


def test_pieces_of_many_fingerprints_can_be_joined() -> None:
    prints = [_print(at, at) for at in range(10)]
    joined = Fingerprints([b"".join(prints[:4]), b"".join(prints[4:])])
    assert len(joined) == 10
    assert (joined.positions(prints) >= 0).all()


def test_a_million_identities_occupy_16_bytes_each() -> None:
    million = 1_000_000
    data = np.random.default_rng(7).bytes(million * SIZE)
    known = Fingerprints([data])
    assert (len(known), known.nbytes) == (million, 16 * million)
    page = [data[at : at + SIZE] for at in range(0, 1000 * SIZE, SIZE)]
    assert (known.positions(page) >= 0).all()
    assert (known.positions([bytes(reversed(item)) for item in page]) == -1).all()
