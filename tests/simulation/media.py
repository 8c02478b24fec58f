"""The one seam: probing and analysing without decoding, which is proven elsewhere.

The rule of real media is kept: the bytes of a file that is not whole are not media. What is read is read through the
storage, in the version that was claimed, and what was read is kept, so that it can be compared with what was there.
"""

from __future__ import annotations

from automation_engine.analyzers.protocol import Analysis, Media, MediaFacts, Prompt, Segment
from automation_engine.connectors.reader import PinnedReader
from automation_engine.errors import MediaError

_HEAD = 48


async def _token(source: PinnedReader) -> str:
    info = source._info
    length = min(_HEAD, info.size)
    data = await source._store.read_range(info.key, version=info.version, start=0, length=length)
    state, _, rest = data.partition(b":")
    if state != b"whole":
        raise MediaError(f"{source.name}: the file ends in the middle")
    return rest.partition(b":")[0].decode()


async def probe(source: PinnedReader) -> MediaFacts:
    """Tell which version was read. Raises ``MediaError`` for the bytes of a torn file."""
    token = await _token(source)
    return MediaFacts(media_type="video", container="simulated", size=source.size, duration=10.0, video_codec=token)


class Reading:
    """An analyzer that reads and says what it read."""

    name = "reading"

    async def analyze(self, media: Media, prompt: Prompt, segment: Segment) -> Analysis:  # noqa: ARG002 - of the protocol
        """Return the version that was read."""
        if not isinstance(media.source, PinnedReader):
            raise TypeError("only pinned sources are read here")
        return Analysis(metadata={"version": await _token(media.source)})
