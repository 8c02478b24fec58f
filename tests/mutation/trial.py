"""One run of the rules' tests, in a process that is forked where pytest is loaded and the rules are not."""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import entry_points
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import coverage
import hypothesis
import pytest
import yaml

from tests.mutation.mutants import Mutant

PACKAGE = "automation_engine.rules"
RULES = Path("automation_engine/rules")
TESTS = "tests/unit/rules"
MEMORY = 4 << 30
"""Bytes of address space: a mutant that collects without end dies of it."""
PATIENCE = 10
"""A test of a mutant may compute for so many seconds, and so many times as long as it took when it was measured."""
BROKEN = 70
"""The exit code of a process that could not even do its work."""
EXAMPLES = 10
"""Of each property, while it is measured which lines it reaches: measuring takes several times as long."""
_LOADED = ("hypothesis.strategies", "hypothesis.internal.conjecture.engine", "automation_engine.errors")
_OPTIONS = (
    *("--confcutdir", TESTS, "--exitfirst", "--quiet", "--hypothesis-profile", "mutation"),
    *("--assert", "plain", "-p", "no:cacheprovider", "-p", "no:unraisableexception"),  # a failure need not be explained
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the rules as they are have shown."""

    seconds: dict[str, float]
    """How long each test takes while it is measured; a property with some of its examples."""
    reached: dict[str, dict[int, list[str]]]
    """The tests that reach each line of each module."""

    def relevant(self, mutant: Mutant) -> list[str]:
        """Return the tests that reach the mutant's statement, or all where it is in no function; the quickest first."""
        lines = self.reached.get(mutant.module, {})
        names = {name for line in mutant.lines for name in lines.get(line, ())} if mutant.lines else set(self.seconds)
        return sorted(names & self.seconds.keys(), key=lambda name: self.seconds[name])


def prepare(compiled: Path) -> None:
    """Load what every trial needs but the rules, which it finds compiled. A property that fails need not be shrunk."""
    sys.pycache_prefix, sys.dont_write_bytecode = str(compiled), False
    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    for name in _LOADED:
        importlib.import_module(name)
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    vars(yaml).update(SafeLoader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # the tables of cases are read often
    gc.freeze()


def fork(work: Callable[[], int]) -> int:
    """Start a process that does the work and exits with what it returns."""
    if pid := os.fork():
        return pid
    code = BROKEN
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)
        code = work()
    finally:
        os._exit(code)


def _allow(seconds: float) -> None:
    """Let this process die when it has computed for so many seconds from now on."""
    end = math.ceil(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))


def survey() -> Survey:
    """Run all tests on the rules as they are. Raises ``RuntimeError`` where they fail."""
    with tempfile.NamedTemporaryFile(mode="r+", encoding="utf-8", suffix=".json") as told:
        _, status = os.waitpid(fork(lambda: _surveyed(Path(told.name))), 0)
        if status:
            raise RuntimeError(f"{TESTS} has to pass on the rules as they are")
        seen = json.load(told)
    reached = {module: {int(line): names for line, names in lines.items()} for module, lines in seen["reached"].items()}
    return Survey(seconds=seen["seconds"], reached=reached)


def _surveyed(told: Path) -> int:
    measured = coverage.Coverage(data_file=None, config_file=False, include=[f"{RULES}/*"], messages=False)
    surveyor = _Surveyor(measured)
    measured.start()
    code = int(pytest.main([TESTS, *_OPTIONS], plugins=[surveyor]))
    measured.stop()
    data = measured.get_data()
    reached = {Path(file).stem: data.contexts_by_lineno(file) for file in data.measured_files()}
    told.write_text(json.dumps({"seconds": surveyor.seconds, "reached": reached}), encoding="utf-8")
    return code


class _Surveyor:
    """Notes how long each test takes, and which lines it reaches."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.seconds: dict[str, float] = {}
        self._measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        for name, module in list(sys.modules.items()):
            if name.startswith(PACKAGE):
                _forget(module)
        if isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.obj):
            chosen = item.obj._hypothesis_internal_use_settings  # where hypothesis keeps what @settings asked for
            item.obj._hypothesis_internal_use_settings = hypothesis.settings(chosen, max_examples=EXAMPLES)
        self._measured.switch_context(item.nodeid)
        began = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - began
        return result


def _forget(module: ModuleType) -> None:
    """Empty the caches of a module, so that a test reaches what another test has reached before."""
    for value in vars(module).values():
        clear = getattr(value, "cache_clear", None)
        if callable(clear):
            clear()


def tried(mutant: Mutant, tests: Sequence[str], known: Mapping[str, float]) -> int:
    """Run the tests on a mutant, and return pytest's exit code. ``known``: the seconds of every test."""
    _allow(PATIENCE)
    sys.meta_path.insert(0, _Substitute(mutant))
    files = sorted({name.partition("::")[0] for name in tests})
    return int(pytest.main([*files, *_OPTIONS], plugins=[_Choice(tests, known)])) if files else 0


class _Substitute(MetaPathFinder):
    """Has a mutant imported in its module's place."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        if fullname != f"{PACKAGE}.{self._mutant.module}":
            return None
        location = str(self._mutant.path)
        return spec_from_file_location(fullname, location, loader=_Mutated(fullname, location, self._mutant.source()))


class _Mutated(SourceFileLoader):
    """Loads a module from another source than its file's."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.get_filename(fullname), "exec", dont_inherit=True)


class _Choice:
    """Runs the chosen tests in their order; before them what the survey does not know: a mutant may rename cases."""

    def __init__(self, tests: Sequence[str], known: Mapping[str, float]) -> None:
        self._order = {name: at for at, name in enumerate(tests)}
        self._known = known

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._order or item.nodeid not in self._known]
        items[:] = sorted(chosen, key=lambda item: self._order.get(item.nodeid, -1))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        _allow(PATIENCE * (1 + self._known.get(nodeid, 0.0)))
