"""Glob patterns: what they match, that nothing makes them slow, and what is said of malformed ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from automation_engine.errors import InvalidArgument
from automation_engine.rules.matching import compile_pattern, folder

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/patterns.yaml").read_text(encoding="utf-8")
)
bounded = settings(max_examples=600, derandomize=True, database=None, deadline=None)
LONG = 64 * 1024


@pytest.mark.parametrize("case", CASES, ids=[case["pattern"] for case in CASES])
def test_a_pattern_matches_what_it_says_and_nothing_else(case: dict[str, Any]) -> None:
    pattern = compile_pattern(case["pattern"])
    assert [path for path in case["matches"] if not pattern.matches(path)] == []
    assert [path for path in case["refuses"] if pattern.matches(path)] == []


# The slow, obviously right matcher: a pattern is a list of tokens, tried one by one, every way there is.

Token = tuple[str, str]
ANY, ONE, DEEP, SET, NOT, CHAR = "*", "?", "**", "set", "not", "char"


def _slow(tokens: list[Token], text: str) -> bool:
    """Whether tokens match the whole text. ``DEEP`` stands for any number of segments, each with its slash."""
    if not tokens:
        return not text
    (kind, value), rest = tokens[0], tokens[1:]
    if kind == ANY:
        return _slow(rest, text) or (text[:1] not in {"", "/"} and _slow(tokens, text[1:]))
    if kind == DEEP:
        after = [at + 1 for at, char in enumerate(text) if char == "/"]
        return any(_slow(rest, text[at:]) for at in [0, *after])
    if not text:
        return False
    head = text[0]
    fits = {
        ONE: head != "/",
        SET: head in value and head != "/",
        NOT: head not in value and head != "/",
        CHAR: head == value,
    }
    return fits[kind] and _slow(rest, text[1:])


def _glob(tokens: list[Token]) -> str:
    written = {ANY: "*", ONE: "?", DEEP: "**/"}
    quoted = {SET: "[{}]", NOT: "[!{}]"}
    return "".join(
        written.get(kind) or (quoted[kind].format(value) if kind in quoted else "\\" + value if value != "/" else "/")
        for kind, value in tokens
    )


segment_tokens = st.lists(
    st.one_of(
        st.just((ANY, "")),
        st.just((ONE, "")),
        st.sampled_from([(SET, "ab"), (NOT, "ab"), (SET, "a^-"), (NOT, "]"), (SET, "*?")]),
        st.sampled_from("aabbc*?[{,}]\\^.-").map(lambda char: (CHAR, char)),
    ),
    min_size=1,
    max_size=6,
).filter(lambda tokens: tokens != [(ANY, ""), (ANY, "")])  # which would be written as ``**``
texts = st.text(alphabet="aabbc/*?[{,}]\\^.-", max_size=14)


@bounded
@given(segment_tokens, texts)
def test_a_pattern_without_a_slash_is_matched_against_the_name(tokens: list[Token], text: str) -> None:
    assert compile_pattern(_glob(tokens)).matches(text) is _slow(tokens, text.rpartition("/")[2])


@bounded
@given(st.lists(st.tuples(st.booleans(), segment_tokens), min_size=1, max_size=4), texts)
def test_a_pattern_with_a_slash_is_matched_against_the_whole_path(
    segments: list[tuple[bool, list[Token]]], text: str
) -> None:
    tokens: list[Token] = []
    for at, (deep, segment) in enumerate(segments):
        tokens += [(CHAR, "/")] * (at > 0) + [(DEEP, "")] * deep + segment
    pattern = _glob(tokens)
    if "/" in pattern and not pattern.startswith("/"):
        assert compile_pattern(pattern).matches(text) is _slow(tokens, text)


@bounded
@given(st.lists(st.tuples(st.booleans(), segment_tokens), min_size=2, max_size=4), st.data())
def test_a_path_that_was_made_to_match_matches(segments: list[tuple[bool, list[Token]]], data: st.DataObject) -> None:
    """Paths drawn at random seldom match: these always do."""
    tokens: list[Token] = []
    for at, (deep, segment) in enumerate(segments):
        tokens += [(CHAR, "/")] * (at > 0) + [(DEEP, "")] * deep + segment
    made = {
        ANY: st.text(alphabet="abc", max_size=4),
        ONE: st.sampled_from("abc"),
        DEEP: st.lists(st.sampled_from(["a/", "b/", "ab/", "/"]), max_size=3).map("".join),
    }
    text = ""
    for kind, value in tokens:
        if kind == CHAR:
            text += value
        elif kind == SET:
            text += data.draw(st.sampled_from(value))
        elif kind == NOT:
            text += "c"
        else:
            text += data.draw(made[kind])
    assert _slow(tokens, text)
    assert compile_pattern(_glob(tokens)).matches(text)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 20 + "b", "a" * LONG),
        ("*?" * 20 + "b", "a" * LONG),
        ("a*" * 20 + "b", "a" * LONG),
        ("*" * 20 + "b", "a" * LONG),
        ("*[ab]" * 20 + "c", "ab" * (LONG // 2)),
        ("**/a/" * 20 + "b", "a/" * (LONG // 2)),
        ("**/*a*/" * 20 + "b", "aa/" * (LONG // 3)),
        ("**/" * 20 + "*b", "a/" * (LONG // 2)),
        ("{*a,*aa,*aaa}" * 4 + "b", "a" * LONG),
        ("*" + "a" * 200 + "b*" + "c", "a" * LONG),
    ],
    ids=lambda text: text[:24],
)
def test_hostile_patterns_on_hostile_names_come_to_an_end(pattern: str, path: str) -> None:
    """Backtracking would need more steps here than there are atoms: to come to an end at all is the assertion."""
    assert not compile_pattern(pattern).matches(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a" * 20 + "b", "a" * LONG + "b"), ("**/a/" * 20 + "b", "a/" * (LONG // 2) + "b")],
    ids=["stars", "folders"],
)
def test_hostile_patterns_still_match_what_they_should(pattern: str, path: str) -> None:
    assert compile_pattern(pattern).matches(path)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "must have 1 to 256 characters, has 0"),
        ("a" * 257, "must have 1 to 256 characters, has 257"),
        ("*.{mp4,mov", "a '{' is never closed"),
        ("{a,{b,c}", "a '{' is never closed"),
        ("[abc", "a '[' is never closed"),
        ("[]", "a '[' is never closed"),
        ("[!]", "a '[' is never closed"),
        ("a\\", "ends in a backslash that quotes nothing"),
        ("[z-a]", "the range z-a is empty"),
        ("{" + "x," * 42 + "x}{a,b,c}", "braces may stand for at most 128 alternatives"),  # 43 times 3 is one too many
        ("{a,b}" * 50, "braces may stand for at most 128 alternatives"),
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_a_malformed_pattern_is_refused_with_the_field_and_the_problem(pattern: str, problem: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        compile_pattern(pattern)
    (violation,) = refused.value.violations
    assert violation.field == "file_pattern"
    assert violation.message == f"{problem}; got {pattern!r}"


def test_a_closing_brace_and_a_comma_alone_mean_themselves() -> None:
    assert compile_pattern("a},b").matches("a},b")


def test_the_longest_pattern_is_accepted() -> None:
    assert compile_pattern("a" * 256).matches("a" * 256)


def test_a_pattern_shows_what_was_asked_for_and_not_what_became_of_it() -> None:
    assert repr(compile_pattern("*.mp4")) == "Pattern(source='*.mp4', whole_path=False)"


def test_as_many_alternatives_as_allowed_are_allowed() -> None:
    pattern = compile_pattern("{a,b}" * 7)
    assert pattern.matches("abababa")
    assert not pattern.matches("abababc")


@pytest.mark.parametrize(("prefix", "expected"), [("", ""), ("in", "in/"), ("in/", "in/"), ("a/b", "a/b/")])
def test_a_prefix_names_a_folder(prefix: str, expected: str) -> None:
    assert folder(prefix) == expected
