"""The one seam: probing and analysing without decoding, which is proven elsewhere.

The rule of real media is kept: the bytes of a file that is not whole are not media. What is read is read through the
storage, in the version that was claimed, and what was read is kept, so that it can be compared with what was there.
Poison raises what no decoder should, or ends the process, when it is probed or only when it is analysed.
"""

from __future__ import annotations

from automation_engine.analyzers.protocol import Analysis, Media, MediaFacts, Prompt, Segment
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import MediaError
from tests.simulation.process import PROCESS, Died
from tests.simulation.storage import Bucket, SimulatedStore

_HEAD = 48


async def _token(source: PinnedReader, reader: str) -> str:
    info = source._info
    length = min(_HEAD, info.size)
    data = await source._store.read_range(info.key, version=info.version, start=0, length=length)
    state, _, rest = data.partition(b":")
    if state == b"torn":
        raise MediaError(f"{source.name}: the file ends in the middle")
    if state.decode() == f"{reader} dies":
        bucket = _bucket(source)
        bucket.hurt("file that ends the process")
        bucket.live[source._info.key].victims += 1
        process = PROCESS.get()
        if process is not None:
            process.die()
        raise Died
    if state.decode() == f"{reader} fails":
        _bucket(source).hurt("file that nobody foresaw")
        raise IndexError("tuple index out of range")
    return rest.partition(b":")[0].decode()


def _bucket(source: PinnedReader) -> Bucket:
    store = source._store
    if not isinstance(store, SimulatedStore):
        raise TypeError("only simulated storages are read here")
    return store.bucket


async def probe(source: PinnedReader) -> MediaFacts:
    """Tell which version was read. Raises ``MediaError`` for the bytes of a torn file."""
    token = await _token(source, "probe")
    return MediaFacts(media_type="video", container="simulated", size=source.size, duration=10.0, video_codec=token)


class Reading:
    """An analyzer that reads and says what it read."""

    name = "reading"

    async def analyze(self, media: Media, prompt: Prompt, segment: Segment) -> Analysis:  # noqa: ARG002 - of the protocol
        """Return the version that was read."""
        if not isinstance(media.source, PinnedReader):
            raise TypeError("only pinned sources are read here")
        return Analysis(metadata={"version": await _token(media.source, "analysis")})
