"""Publishes to a Tickertape feed: in order, each update once, and through outages of the server.

One file without dependencies, for Python 3.9 and newer. Copy it beside your program.

    import os
    from tickertape import Publisher

    with Publisher("https://feeds.example.com", "stocks", key=os.environ["PUBLISH_KEY"]) as publisher:
        publisher.send({"key": "AAPL", "patch": {"price": 191.3}})  # a live value: waits for nothing
        receipt = publisher.publish({"key": "AAPL", "patch": {"price": 191.4}})  # waits until it is durable

A `Publisher` may be used by all threads. A thread of its own sends what they publish, one POST at a time, and what is
published meanwhile is gathered into the next one. A POST without an answer is repeated with the same idempotency key, and
only for as long as the feed is sure to recognise it.
"""

from __future__ import annotations

import atexit
import base64
import gzip
import http.client
import io
import json
import logging
import math
import random
import secrets
import selectors
import socket
import ssl
import string
import threading
import time
from collections import deque
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence, Union
from urllib.parse import quote, urlsplit

__all__ = [
    "Publisher",
    "PublisherClosedError",
    "PublisherFullError",
    "PublishError",
    "PublishRefusedError",
    "PublishUnknownError",
    "Receipt",
    "Status",
]

#: `{"key": ..., "set": {...}}`, or `"patch": {...}`, or `"delete": True`; and `time`, `version`, `ttl` if wanted.
Update = Mapping[str, Any]
Updates = Union[Update, Sequence[Update]]
#: A credential, or a function that gives one: called before each POST. All have to be of one principal.
Key = Union[str, Callable[[], Union[str, None]], None]

_log = logging.getLogger("tickertape")

# The server's limits of a batch.
_BATCH_UPDATES = 1_000
_BATCH_BYTES = 1024 * 1024
# Seconds. The feed remembers a batch for 600 s, and what is sent may arrive late: it is repeated for so long, and never
# sent later than that. A session that was not used for a while is left for a new one, which the feed knows for longer.
_REPEATED = 480.0
_SENT = 510.0
_SESSION_IDLE = 60.0
# Seconds: a wait is drawn from 0 up to a ceiling that doubles with every failure.
_BACKOFF_FIRST = 0.2
_BACKOFF_MAX = 10.0
# Seconds: a longer Retry-After is cut, so that it is noticed within minutes that the server is back.
_RETRY_AFTER_MAX = 300.0
# Seconds that a program that ends without `close` waits for what was published.
_AT_EXIT = 10.0
_PASSING = (408, 425, 429)
_ABOUT_THE_BATCH = (400, 409, 413, 422)
_BASE64URL = string.ascii_letters + string.digits + "-_"


class Receipt(NamedTuple):
    """The answer to a batch, once it is durable. It may have held the updates of other calls too, and counts them all."""

    feed: str
    epoch: str
    seq: int
    accepted: int
    stale: int


class Status(NamedTuple):
    """`state`: `delivering`, also while there is nothing to do; `away` while the server takes nothing; or `closed`."""

    state: str
    reason: str = ""


class PublishError(Exception):
    """Updates were not published, or it is not known whether they were."""


class PublishRefusedError(PublishError):
    """Nothing was changed, and repeated as it is it would be refused again."""

    def __init__(self, message: str, status: int | None = None, code: str | None = None, issues: Any = ()):
        super().__init__(message)
        #: The HTTP status; None if there was no answer until `give_up_after`.
        self.status = status
        #: The server's code for it, such as `invalid_update`.
        self.code = code
        #: What is wrong with which update: dicts with `index`, `path` and `message`.
        self.issues = list(issues)


class PublishUnknownError(PublishError):
    """It may have been applied: an answer was lost, and no repetition got a receipt. All was applied, or nothing."""


class PublisherFullError(PublishError):
    """There was no room for it: too much waits. It was not published."""


class PublisherClosedError(PublishError):
    """The publisher was closed before it could be sent. It was not published."""


class _Call:
    """Updates that are published together, as JSON with commas between them."""

    __slots__ = ("text", "count", "keys", "awaited", "done", "receipt", "error", "merged_into")

    def __init__(self, updates: Sequence[Update], awaited: bool):
        self.text = ",".join(map(_encode, updates)).encode()
        self.count = len(updates)
        self.keys = {update["key"]: None for update in updates}
        self.awaited = awaited
        self.done = False
        self.receipt: Receipt | None = None
        self.error: BaseException | None = None
        self.merged_into: _Call | None = None
        if not 0 < self.count <= _BATCH_UPDATES:
            raise ValueError(f"A batch has 1 to {_BATCH_UPDATES} updates, not {self.count}: it is never split.")
        if len(self.text) + 2 > _BATCH_BYTES:
            raise ValueError(
                f"A batch has up to {_BATCH_BYTES} bytes as JSON, not {len(self.text)}: it is never split."
            )

    @property
    def updates(self) -> list[dict[str, Any]]:
        updates: list[dict[str, Any]] = json.loads(b"[" + self.text + b"]")
        return updates


class _Sent(NamedTuple):
    """When something was sent, and by whom. One clock can be set back, the other may stand still while a machine sleeps."""

    time: float
    ticks: float
    principal: str

    @staticmethod
    def now(key: str | None = None) -> _Sent:
        return _Sent(time.time(), time.monotonic(), _principal_of(key))

    def until(self, later: _Sent) -> float:
        return max(later.time - self.time, later.ticks - self.ticks)


class _Batch:
    """Calls that are sent together."""

    def __init__(self, calls: Sequence[_Call]):
        self.calls = calls
        self.count = sum(call.count for call in calls)
        self.body = b"[" + b",".join(call.text for call in calls) + b"]"
        self.is_packed = False
        #: When it was first tried, by the clock that is never set.
        self.started: float | None = None
        self.sent: _Sent | None = None
        #: When it was first sent and may have been applied.
        self.doubt: _Sent | None = None


class _Answer(NamedTuple):
    """`accepted`, `refused` (every repetition would be), `out_of_order` or `failed` (worth repeating after so many seconds)."""

    type: str
    receipt: Receipt | None = None
    error: PublishRefusedError | None = None
    reason: str = ""
    after: float = 0.0
    doubtful: bool = False


class Publisher:
    """Publishes to one feed.

    `url` is the server's address, and `key` a credential that may publish, or a function that gives one.

    `max_pending`: the most updates that may wait for their receipts. `when_full` says what becomes of what is sent (`send`)
    while so many wait: by `conflate` all updates of one key become one with the effect of all, and only if that is not
    enough the oldest are given up; by `drop-oldest` the oldest are given up; by `wait` the caller waits.

    `on_error(error, updates)` is told of what was sent and not published, in whatever thread that is noticed; if it is not
    given, the log (`tickertape`) is. `on_status(status)` is told of each change.

    Seconds: an answer may take `timeout`, and a batch that the server does not take is given up after `give_up_after`
    (never if not given). Bodies of more than `gzip_over` bytes are compressed. `context` is for TLS.
    """

    def __init__(
        self,
        url: str,
        feed: str,
        key: Key = None,
        *,
        max_pending: int = 10_000,
        when_full: str = "conflate",
        on_error: Callable[[Exception, list[Any]], None] | None = None,
        on_status: Callable[[Status], None] | None = None,
        timeout: float = 10.0,
        give_up_after: float = math.inf,
        gzip_over: float = 8_192,
        batch_updates: int = _BATCH_UPDATES,
        batch_bytes: int = _BATCH_BYTES,
        context: ssl.SSLContext | None = None,
    ):
        if when_full not in ("conflate", "drop-oldest", "wait"):
            raise ValueError(f"when_full is none of conflate, drop-oldest, wait: {when_full}")
        numbers = {
            "max_pending": max_pending,
            "timeout": timeout,
            "give_up_after": give_up_after,
            "gzip_over": gzip_over,
            "batch_updates": batch_updates,
            "batch_bytes": batch_bytes,
        }
        for name, value in numbers.items():
            if not value > 0:
                raise ValueError(f"{name} is not above 0: {value}")
        self.feed = feed
        self._key = key if callable(key) else key or None
        self._max_pending = max_pending
        self._when_full = when_full
        self._on_error = on_error or _log_error
        self._on_status = on_status
        self._give_up_after = give_up_after
        self._gzip_over = gzip_over
        # What is sent can be neither merged nor given up any more: no more than half may be.
        self._batch_updates = min(batch_updates, _BATCH_UPDATES, math.ceil(max_pending / 2))
        self._batch_bytes = min(batch_bytes, _BATCH_BYTES)
        self._connection = _Connection(url, f"v1/feeds/{quote(feed, safe='')}", timeout, context)

        self._lock = threading.Lock()
        #: The sender waits for work, and callers for what becomes of theirs, and for room.
        self._work = threading.Condition(self._lock)
        self._finished = threading.Condition(self._lock)
        self._aborted = threading.Event()
        self._thread: threading.Thread | None = None
        self._queue = _Queue()
        #: Taken from the queue; only the first is ever sent, and only when it is done the next.
        self._batches: deque[_Batch] = deque()
        self._ended: PublishError | None = None
        self._first_error: Exception | None = None
        self._dropped = 0
        self._is_full_told = False
        self._status = Status("delivering")
        # Of the sender alone.
        self._session = _new_session()
        self._number = 1
        self._used: _Sent | None = None
        self._failures = 0
        self._may_ask_again = True

    # What callers use.

    def send(self, updates: Updates) -> None:
        """Publishes one update, or a batch (all of it or none), without waiting. What fails goes to `on_error`."""
        told: list[tuple[Exception, list[Any]]] = []
        try:
            call = _Call(_listed(updates), awaited=False)
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            with self._lock:
                self._note(error, _listed(updates), told)
        else:
            with self._lock:
                self._take(call, told)
        self._tell(told)

    def publish(self, updates: Updates, timeout: float | None = None) -> Receipt:
        """Publishes one update, or a batch (all of it or none), and returns once it is durable.

        Waits for room first if too much waits. Raises `PublishRefusedError` (nothing was changed), `PublishUnknownError` (it
        may have been applied), `PublisherClosedError`, `TypeError` or `ValueError` (nothing was published), and
        `TimeoutError` after `timeout` seconds: then it is not published if there was no room, and is still tried otherwise.
        """
        call = _Call(_listed(updates), awaited=True)
        until = _deadline(timeout)
        with self._lock:
            self._wait(lambda: self._ended or self._make_room(call.count), until)
            if self._ended:
                raise self._ended
            self._add(call)
            self._wait(lambda: call.done, until)
        if call.error:
            raise call.error
        assert call.receipt
        return call.receipt

    def ready(self, count: int = 1, timeout: float | None = None) -> None:
        """Waits until there is room for so many updates. Raises `TimeoutError`, or `PublisherClosedError`."""
        with self._lock:
            self._wait(lambda: self._ended or self._has_room(count), _deadline(timeout))
            if self._ended:
                raise self._ended

    def flush(self, timeout: float | None = None) -> None:
        """Waits until all that was published before is durable. Raises the first error of what was sent since the last one."""
        with self._lock:
            self._flush(_deadline(timeout))

    def close(self, timeout: float | None = None) -> list[dict[str, Any]]:
        """Takes nothing more, and waits until all is durable; raises as `flush` does.

        After `timeout` seconds it gives up, and returns the updates without a receipt. Those that were sent may still be
        applied.
        """
        left: list[dict[str, Any]] | None = None
        with self._lock:
            self._ended = self._ended or PublisherClosedError("The publisher is closed.")
            self._work.notify_all()
            self._finished.notify_all()
            try:
                self._flush(_deadline(timeout))
            except TimeoutError:
                left = [update for call in self._unfinished() for update in call.updates]
                self._give_up(self._ended)
            finally:
                self._aborted.set()
                self._work.notify_all()
                thread = self._thread
        self._connection.abort()
        # What was given up may hang, e.g. in a function that gives the key.
        if thread and left is None:
            thread.join()
        atexit.unregister(self._at_exit)
        self._set_status(Status("closed", str(self._ended)))
        return left or []

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error:
            self._at_exit()
        else:
            self.close()

    @property
    def pending(self) -> int:
        """Updates that wait for their receipts."""
        with self._lock:
            return self._pending()

    @property
    def dropped(self) -> int:
        """Updates that were sent and given up for lack of room: see `when_full`."""
        return self._dropped

    @property
    def status(self) -> Status:
        return self._status

    # With the lock held.

    def _pending(self) -> int:
        return self._queue.count + sum(batch.count for batch in self._batches)

    def _has_room(self, count: int) -> bool:
        # A batch larger than all that may wait has room when nothing waits: it could never be published otherwise.
        pending = self._pending()
        return pending == 0 or pending + count <= self._max_pending

    def _make_room(self, count: int) -> bool:
        if not self._has_room(count) and self._when_full == "conflate":
            self._queue.merge_all()
        return self._has_room(count)

    def _take(self, call: _Call, told: list[Any]) -> None:
        if self._when_full == "wait":
            self._wait(lambda: self._ended or self._has_room(call.count), None)
        if self._ended:
            self._note(self._ended, call.updates, told)
            return
        had_room = self._make_room(call.count)
        call = self._add(call)
        while not had_room and self._pending() > max(self._max_pending, call.count):
            dropped = self._queue.oldest_unawaited(call) or call
            self._queue.remove(dropped)
            error = PublisherFullError(
                f"There is no room for {dropped.count} more: {self._pending()} updates wait, "
                f"and max_pending is {self._max_pending}."
            )
            self._finish([dropped], told, error=error)
            if dropped is call:
                return

    def _add(self, call: _Call) -> _Call:
        call = self._queue.add(call)
        if not self._thread:
            self._thread = threading.Thread(target=self._deliver, name=f"tickertape {self.feed}", daemon=True)
            self._thread.start()
            atexit.register(self._at_exit)
        self._work.notify()
        return call

    def _finish(
        self,
        calls: Iterable[_Call],
        told: list[Any],
        receipt: Receipt | None = None,
        error: PublishError | None = None,
    ) -> None:
        sent: list[Any] = []
        for call in calls:
            call.done, call.receipt, call.error = True, receipt, error
            if error and not call.awaited:
                sent += call.updates
        if error and sent:
            self._note(error, sent, told)
        if self._queue.count == 0:
            self._is_full_told = False
        self._finished.notify_all()

    def _note(self, error: Exception, updates: list[Any], told: list[Any]) -> None:
        """Nobody waits for these: `on_error` is told after the lock is released. That there is no room, once."""
        self._first_error = self._first_error or error
        if isinstance(error, PublisherFullError):
            self._dropped += len(updates)
            if self._is_full_told:
                return
            self._is_full_told = True
        told.append((error, updates))

    def _unfinished(self) -> list[_Call]:
        return [call for batch in self._batches for call in batch.calls] + list(self._queue.calls)

    def _flush(self, until: float | None) -> None:
        waiting = self._unfinished()

        def all_done() -> bool:
            while waiting:
                while waiting[-1].merged_into:
                    waiting[-1] = waiting[-1].merged_into
                if not waiting[-1].done:
                    return False
                waiting.pop()
            return True

        self._wait(all_done, until)
        error, self._first_error = self._first_error, None
        if error:
            raise error

    def _give_up(self, error: PublishError) -> None:
        unknown = PublishUnknownError("It may have been applied: closed before the answer.")
        told: list[Any] = []  # Dropped: whoever closed it is told of all of them at once.
        for batch in self._batches:
            self._finish(batch.calls, told, error=unknown if batch.doubt or batch.sent else error)
        self._batches.clear()
        self._finish(self._queue.take(math.inf, math.inf), told, error=error)
        self._first_error = None

    def _wait(self, is_over: Callable[[], Any], until: float | None) -> None:
        while not is_over():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("the time is up")
            self._finished.wait(left)

    # Without the lock.

    def _tell(self, told: list[tuple[Exception, list[Any]]]) -> None:
        for error, updates in told:
            try:
                self._on_error(error, updates)
            except Exception:
                _log.exception("on_error has failed")

    def _set_status(self, status: Status) -> None:
        if status == self._status or self._status.state == "closed":
            return
        self._status = status
        if self._on_status:
            try:
                self._on_status(status)
            except Exception:
                _log.exception("on_status has failed")

    def _at_exit(self) -> None:
        try:
            left = self.close(_AT_EXIT)
        except PublishError:
            return
        if left:
            _log.error("the program ended before %d updates of %s were published", len(left), self.feed)

    # In the sender's thread.

    def _deliver(self) -> None:
        while not self._aborted.is_set():
            with self._lock:
                while not self._batches and self._queue.count == 0:
                    if self._ended:
                        return
                    self._work.wait()
                if not self._batches:
                    self._batches.append(_Batch(self._queue.take(self._batch_updates, self._batch_bytes)))
                batch = self._batches[0]
            try:
                answer = self._post(batch)
            except Exception as error:  # Whatever it is: this thread must go on.
                _log.exception("a batch could not be sent")
                answer = _Answer("failed", reason=repr(error), doubtful=True)
            if self._aborted.is_set():
                return
            told: list[Any] = []
            wait = self._settle(batch, answer, told)
            self._tell(told)
            if wait is None:
                self._set_status(Status("delivering"))
            else:
                if wait > 0:
                    self._set_status(Status("away", answer.reason))
                self._aborted.wait(wait)

    def _post(self, batch: _Batch) -> _Answer:
        batch.started = batch.started or time.monotonic()
        batch.sent = None
        try:
            key = self._key() if callable(self._key) else self._key
            key = key and key.strip()  # As from a file, with the end of its line.
        except Exception as error:
            return _Answer("failed", reason=f"there is no key: {error or type(error).__name__}")
        now = _Sent.now(key)
        if batch.doubt:
            # The feed might not recognise it as a repetition, and apply it as well.
            if batch.doubt.until(now) > _SENT:
                return _refused("the server may have forgotten the first attempt")
            if batch.doubt.principal != now.principal:
                return _refused("the key is of another identity than that of the first attempt")
        elif self._used and (self._used.principal != now.principal or self._used.until(now) > _SESSION_IDLE):
            self._begin_session()
        self._used = self._used or now
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"~session/{self._session}/{self._number}",
        }
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if len(batch.body) > self._gzip_over and not batch.is_packed:
            batch.body, batch.is_packed = gzip.compress(batch.body, 6), True
        if batch.is_packed:
            headers["Content-Encoding"] = "gzip"
        try:
            self._connection.open()
        except (OSError, ValueError) as error:
            return _Answer("failed", reason=f"cannot connect: {error or type(error).__name__}")
        batch.sent = now
        try:
            status, answered, body = self._connection.post(batch.body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _Answer("failed", reason=str(error) or type(error).__name__, doubtful=True)
        return _read(status, answered, body)

    def _settle(self, batch: _Batch, answer: _Answer, told: list[Any]) -> float | None:
        """What becomes of a batch, and seconds to wait before anything else; None if the server is well."""
        if answer.type == "accepted":
            # The feed may have accepted it when it was first sent, and counts the session as used then.
            self._used = batch.doubt or batch.sent
            self._number += 1
            self._failures = 0
            self._may_ask_again = True
            self._replace(batch, [], told, receipt=answer.receipt)
            return None
        if answer.type == "failed":
            self._may_ask_again = True
            if answer.doubtful:
                batch.doubt = batch.doubt or batch.sent
            return self._repeat(batch, answer, told)
        if answer.type == "out_of_order":
            # The feed has forgotten the session, or some of it.
            if batch.doubt:
                self._drop(batch, PublishRefusedError(answer.reason), told)
                return 0.0
            if self._number == 1:
                # A new session's first batch is refused so by no feed that knows sessions.
                return self._repeat(batch, answer, told)
            self._begin_session()
            return 0.0
        assert answer.error
        return self._refuse(batch, answer.error, told)

    def _repeat(self, batch: _Batch, answer: _Answer, told: list[Any]) -> float:
        assert batch.started is not None
        left = batch.started + self._give_up_after - time.monotonic()
        if batch.doubt:
            left = min(left, _REPEATED - batch.doubt.until(_Sent.now()))
        if left <= 0:
            self._drop(batch, PublishRefusedError(answer.reason), told)
            return 0.0
        ceiling = min(_BACKOFF_FIRST * 2.0 ** min(self._failures, 10), _BACKOFF_MAX)
        self._failures += 1
        # The last attempt begins when the time is just up, and is not left out because the wait would have been longer.
        return min(answer.after + random.random() * ceiling, left)

    def _refuse(self, batch: _Batch, error: PublishRefusedError, told: list[Any]) -> float | None:
        if error.status in (401, 403):
            if not callable(self._key):
                self._stop(batch, error, told)
                return None
            if self._may_ask_again:
                self._may_ask_again = False
                return 0.0
        self._may_ask_again = True
        middle = len(batch.calls) // 2
        if not batch.doubt and middle and error.status in _ABOUT_THE_BATCH:
            # One caller's bad update must not fail the others' calls: each half by itself, until the bad one is alone.
            self._replace(batch, [_Batch(batch.calls[:middle]), _Batch(batch.calls[middle:])], told)
        else:
            self._drop(batch, error, told)
        return None

    def _drop(self, batch: _Batch, error: PublishRefusedError, told: list[Any]) -> None:
        """It is not sent again. Its number is free, unless a copy of it may still arrive."""
        if batch.doubt:
            self._begin_session()
        self._replace(batch, [], told, error=_unless_doubtful(batch, error))

    def _replace(self, batch: _Batch, parts: list[_Batch], told: list[Any], **outcome: Any) -> None:
        with self._lock:
            if not self._batches or self._batches[0] is not batch:
                return  # `close` gave it up.
            self._batches.popleft()
            self._batches.extendleft(reversed(parts))
            if not parts:
                self._finish(batch.calls, told, **outcome)

    def _stop(self, batch: _Batch, error: PublishRefusedError, told: list[Any]) -> None:
        """The credential is refused, and there is no other: nothing more will be delivered."""
        self._replace(batch, [], told, error=_unless_doubtful(batch, error))
        with self._lock:
            self._ended = self._ended or error
            for other in self._batches:
                self._finish(other.calls, told, error=error)
            self._batches.clear()
            self._finish(self._queue.take(math.inf, math.inf), told, error=error)
        self._set_status(Status("closed", str(error)))

    def _begin_session(self) -> None:
        self._session, self._number, self._used = _new_session(), 1, None


class _Queue:
    """Calls that wait to be sent, oldest first."""

    def __init__(self) -> None:
        self.calls: dict[_Call, None] = {}
        self.count = 0
        #: By key, the last call that has it.
        self._last: dict[str, _Call] = {}
        #: Calls that nobody waits for are merged, until all that wait have been taken.
        self._is_merging = False

    def add(self, call: _Call) -> _Call:
        """At the end, also if it is merged with others: what came between them stays before it. Returns what waits now."""
        merged = self._merged(call) if self._is_merging and not call.awaited else None
        added = merged or call
        for key in added.keys:
            self._last[key] = added
        self.calls[added] = None
        self.count += added.count
        return added

    def remove(self, call: _Call) -> None:
        del self.calls[call]
        self.count -= call.count
        for key in call.keys:
            if self._last.get(key) is call:
                del self._last[key]

    def merge_all(self) -> None:
        """Merges what nobody waits for, by key; and goes on so."""
        if self._is_merging:
            return
        calls = self.take(math.inf, math.inf)
        self._is_merging = bool(calls)
        for call in calls:
            self.add(call)

    def oldest_unawaited(self, but: _Call) -> _Call | None:
        return next((call for call in self.calls if call is not but and not call.awaited), None)

    def take(self, most_updates: float, most_bytes: float) -> list[_Call]:
        """As many calls as one batch may carry: at least one, if there is any."""
        taken: list[_Call] = []
        updates, size = 0, 1
        for call in self.calls:
            updates += call.count
            size += len(call.text) + 1
            if taken and (updates > most_updates or size > most_bytes):
                break
            taken.append(call)
        for call in taken:
            self.remove(call)
        if not self.calls:
            self._is_merging = False
        return taken

    def _merged(self, call: _Call) -> _Call | None:
        """One call in place of all that share keys with this one, if nothing else that waits has their keys."""
        earlier = {self._last[key]: None for key in call.keys if key in self._last}
        if not earlier or any(
            before.awaited or any(self._last.get(key) is not before for key in before.keys) for before in earlier
        ):
            return None
        # Those of the last call come first.
        merged: dict[str, dict[str, Any] | None] = dict.fromkeys(call.keys)
        for update in [update for before in (*earlier, call) for update in before.updates]:
            first = merged.get(update["key"])
            both = _merge_updates(first, update) if first else update
            if both is None:
                return None
            merged[update["key"]] = both
        try:
            result = _Call([update for update in merged.values() if update], awaited=False)
        except ValueError:
            return None  # More than one batch may have.
        for before in earlier:
            self.remove(before)
            before.merged_into = result
        call.merged_into = result
        return result


class _Connection:
    """One connection to the server, kept while it is used. `abort` may be called from any thread."""

    def __init__(self, url: str, path: str, timeout: float, context: ssl.SSLContext | None):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is not an http address: {url}")
        self._path = f"{parts.path.rstrip('/')}/{path}"
        self._timeout = timeout
        if parts.scheme == "https":
            context = context or ssl.create_default_context()
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=context
            )
        else:
            self._http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self._until = 0.0
        self._http.response_class = self._response  # type: ignore[assignment]

    def open(self) -> None:
        """Connects, unless there is a connection that the server has not closed meanwhile."""
        if self._http.sock:
            with selectors.DefaultSelector() as selector:
                selector.register(self._http.sock, selectors.EVENT_READ)
                if selector.select(0):
                    self._http.close()
        if not self._http.sock:
            self._http.connect()
            self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Message, bytes]:
        self._until = time.monotonic() + self._timeout
        self._http.sock.settimeout(self._timeout)
        try:
            self._http.request("POST", self._path, body, dict(headers))
            response = self._http.getresponse()
            return response.status, response.headers, response.read()
        except BaseException:
            self._http.close()
            raise

    def abort(self) -> None:
        sock = self._http.sock
        try:
            if sock:
                sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def _response(self, sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(_Timed(sock, self._until), *args, **options)  # type: ignore[arg-type]


class _Timed(io.RawIOBase):
    """What comes over a socket until then. A socket's own time-out is for each read: an answer may trickle in for ever."""

    def __init__(self, sock: socket.socket, until: float):
        self._sock = sock
        self._raw = sock.makefile("rb", 0)
        self._until = until

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _read(status: int, headers: Message, body: bytes) -> _Answer:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    if 200 <= status < 300:
        try:
            receipt = Receipt(*(answer[name] for name in Receipt._fields))
        except KeyError:
            return _Answer("failed", reason="the answer is not a receipt", doubtful=True)
        return _Answer("accepted", receipt=receipt)
    code, detail, issues = answer.get("code"), answer.get("detail"), answer.get("issues")
    reason = " ".join(str(part) for part in (status, code, detail) if part)
    if isinstance(issues, list) and issues and isinstance(issues[0], dict):
        reason += " [{index}] {path} {message}".format_map({"index": "", "path": "", "message": "", **issues[0]})
    if code in ("out_of_order", "unknown_session"):
        return _Answer("out_of_order", reason=reason)
    if status < 500 and status not in _PASSING:
        return _refused(reason, status, code, issues if isinstance(issues, list) else ())
    # The feed's own `outcome_unknown` says so itself; an answer without a code is that of a proxy, which does not know.
    is_known = code in ("rate_limited", "overloaded") or status == 429
    after = min(_seconds(headers.get("Retry-After")), _RETRY_AFTER_MAX)
    return _Answer("failed", reason=reason, after=after, doubtful=not is_known)


def _seconds(retry_after: str | None) -> float:
    """Retry-After is seconds or a date."""
    try:
        return max(0.0, float(retry_after or 0))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after or "").timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _refused(reason: str, status: int | None = None, code: str | None = None, issues: Any = ()) -> _Answer:
    return _Answer("refused", error=PublishRefusedError(reason, status, code, issues), reason=reason)


def _unless_doubtful(batch: _Batch, error: PublishRefusedError) -> PublishError:
    if not batch.doubt:
        return error
    return PublishUnknownError(f"It may have been applied: an answer was lost; then: {error}")


def _listed(updates: Any) -> list[Any]:
    return list(updates) if isinstance(updates, (list, tuple)) else [updates]


def _encode(update: Any) -> str:
    if not isinstance(update, Mapping) or not isinstance(update.get("key"), str):
        raise TypeError(f"An update is a dict with a key and one of set, patch and delete, not {update!r:.100}.")
    # A NaN is no JSON, and a lone surrogate no UTF-8: both are a ValueError.
    text = json.dumps(dict(update), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()
    return text


def _merge_updates(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any] | None:
    """An update with the effect of both, whatever there was before; None if there is none."""
    old, new = first.get("version"), second.get("version")
    if old is not None or new is not None:
        # One that may turn out to be stale must not replace one that is not; and a version guards the key ever after.
        is_above = old is not None and new is not None and old < new
        return second if is_above and "patch" not in second else None
    if "patch" not in second:
        return second
    rest = {name: value for name, value in second.items() if name != "patch"}
    is_patch = "patch" in first
    into = first["patch"] if is_patch else first.get("set", {})
    if not _patch(into, second["patch"], is_patch):
        return None
    return {**rest, "patch" if is_patch else "set": into}


def _patch(into: dict[str, Any], patch: dict[str, Any], is_patch: bool) -> bool:
    """Merges a patch into a value, or into an earlier patch (RFC 7396). False if no patch says what both do."""
    for name, value in patch.items():
        before = into.get(name)
        if isinstance(value, dict):
            if is_patch and name not in into:
                into[name] = value
            elif isinstance(before, dict):
                if not _patch(before, value, is_patch):
                    return False
            elif is_patch:
                return False
            else:
                into[name] = {}
                _patch(into[name], value, False)
        elif value is None and not is_patch:
            into.pop(name, None)
        else:
            into[name] = value
    return True


def _principal_of(key: str | None) -> str:
    """The feed keeps each principal's publishes apart: a token's subject, or the token; static keys count as one."""
    if not key or "." not in key:
        return ""
    try:
        payload = key.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return ""
    if not isinstance(claims, dict):
        return ""
    return json.dumps([claims.get("iss"), claims["sub"]]) if claims.get("sub") else key


def _new_session() -> str:
    return "".join(secrets.choice(_BASE64URL) for _ in range(22))


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _log_error(error: Exception, updates: list[Any]) -> None:
    _log.error("%d updates were not published: %s", len(updates), error)
