"""Submissions marked by several processes, in the order in which they came."""

from __future__ import annotations

import itertools
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from attncli.checking.marking import Marker, Submission
from attncli.common.errors import AttnError
from attncli.readers.folders import Piece

CHUNK = 50
"""Submissions per chunk: smaller chunks take longer to send than to mark."""
AHEAD = 3
"""Chunks that wait for each process; the others are not read yet."""

_marker: Marker
"""The marker of this process, if it is one of several."""


def submissions(
    make: Callable[[], Marker], pieces: Iterable[Piece], jobs: int, done: Callable[[float], None]
) -> Iterator[Submission]:
    """Yield submissions marked by several processes, each with a marker that `make` returns.

    `done` is called with the share of each piece. Raises AttnError if a process ends before its work.
    """
    marker = make()  # in this process too: errors in the problem appear before others start
    if jobs == 1:
        for piece in pieces:
            yield from marker.submissions(piece)
            done(piece.share)
        return
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(make,)) as pool:
        try:
            for marked, share in _in_order(pool, pieces, jobs * AHEAD):
                yield from marked
                done(share)
        except BrokenProcessPool:
            msg = "a process that marks submissions ended before its work was done"
            raise AttnError(msg, hint="there may be too little memory: use fewer --jobs") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, pieces: Iterable[Piece], ahead: int
) -> Iterator[tuple[list[Submission], float]]:
    waiting: deque[tuple[Future[list[Submission]], float]] = deque()
    source = iter(pieces)
    while chunk := list(itertools.islice(source, CHUNK)):
        waiting.append((pool.submit(_marked, chunk), sum(piece.share for piece in chunk)))
        if len(waiting) > ahead:
            first, share = waiting.popleft()
            yield first.result(), share
    for future, share in waiting:
        yield future.result(), share


def _start(make: Callable[[], Marker]) -> None:
    """Prepare a process: it has a marker, and leaves Ctrl-C to the process that waits for it."""
    global _marker  # noqa: PLW0603 (the state of a process of the pool)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _marker = make()


def _marked(chunk: Sequence[Piece]) -> list[Submission]:
    return [submission for piece in chunk for submission in _marker.submissions(piece)]
