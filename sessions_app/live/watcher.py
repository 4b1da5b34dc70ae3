"""What no bus tells: looks at the database for all open streams of a process at once, and keeps their clocks."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from sessions_app.lease import Policy
from sessions_app.live import bus, lease
from sessions_app.live.channel import Channel
from sessions_app.live.database import Database
from sessions_app.live.stream import Stream
from sessions_app.services import following
from sessions_app.services.attending import extend_attended
from sessions_app.services.credentials import Credential, still_hold
from sessions_app.services.outages import is_outage

log = logging.getLogger(__name__)

#: All in seconds. The tick is what the others are measured with.
TICK_S = 0.5
#: How old what a stream knows may be: another process has no bus to this one on a single machine.
LOOK_EVERY_S = 1.5
#: After how long a silence a comment is sent.
HEARTBEAT_S = 14.75
#: How often an open stream extends an ephemeral session, at least.
EXTEND_EVERY_S = 10.0
#: How often it is asked whether those who watch still may, and when they wish to be given notice.
CHECK_EVERY_S = 15.0


class Watcher:
    """Runs while there are streams."""

    def __init__(
        self,
        channels: dict[uuid.UUID, Channel],
        streams: set[Stream],
        *,
        reading: Database,
        watching: Database,
        drop: Callable[[Channel], None],
    ) -> None:
        self._channels = channels
        self._streams = streams
        #: The journal is read where the streams read it; what is asked for all of them never waits for that.
        self._reading = reading
        self._watching = watching
        self._drop = drop
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = self._extending = self._checking = False
        self._looked_at = self._extended_at = 0.0
        self._checked_at = self._loop.time()
        self._left: set[uuid.UUID] = set()

    # --- from the hub ---------------------------------------------------------------------------------

    def attend(self, channel: Channel) -> None:
        """Somebody came, or left: an ephemeral session's idle time counts from now."""
        if channel.policy is Policy.EPHEMERAL and not channel.ended:
            self._left.add(channel.session_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def look_soon(self) -> None:
        """Something happened that only the database knows."""
        self._looked_at = 0.0
        self._look(self._loop.time())

    def catch_up(self, channel: Channel) -> None:
        """Read the journal once for all streams of a session, from where they are."""
        if channel.reading:
            channel.read_again = True
        else:
            channel.reading = True
            self._start(self._catch_up(channel))

    # --- the clock ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._streams or self._left:
            self._tick(self._loop.time(), timezone.now())
            await asyncio.sleep(TICK_S)

    def _tick(self, at: float, now: datetime) -> None:
        overdue = False
        for channel in list(self._channels.values()):
            channel.tell_deadline(at=at)
            channel.notify(now=now)
            overdue = overdue or channel.expires_at <= now
        for stream in self._streams:
            if at - stream.sent_at >= HEARTBEAT_S:
                stream.sent_at = at
                stream.beat()
        if overdue or at - self._looked_at >= LOOK_EVERY_S:
            self._look(at)
        self._extend(at, now)
        if at - self._checked_at >= CHECK_EVERY_S and not self._checking:
            self._checking, self._checked_at = True, at
            self._start(self._check_now(now))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, work: Callable[..., Any], *args: Any, database: Database | None = None, **kwargs: Any) -> Any:
        """Ask the database; None when it does not answer, or not as it should: it is asked again soon."""
        try:
            return await (database or self._watching).run(work, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  (whatever it is, the streams go on)
            if not is_outage(error):
                # The class alone: the text of an unforeseen error may quote content.
                log.warning("live_watch_failed work=%s error=%s", work.__name__, type(error).__name__)
            return None

    # --- what changed ---------------------------------------------------------------------------------

    def _look(self, at: float) -> None:
        if not self._looking and self._channels:
            self._looking, self._looked_at = True, at
            self._start(self._look_now(at))

    async def _look_now(self, at: float) -> None:
        try:
            channels, now = dict(self._channels), timezone.now()
            overdue = [channel.session_id for channel in channels.values() if channel.expires_at <= now]
            seen = await self._ask(_settle_and_look, list(channels), overdue, now)
            for session_id, channel in channels.items() if seen is not None else ():
                self._compare(channel, seen.get(session_id), at, now)
        finally:
            self._looking = False

    def _compare(self, channel: Channel, glance: following.Glance | None, at: float, now: datetime) -> None:
        if glance is None or glance.closed or glance.expires_at <= now:
            self._finish(channel)
            return
        channel.reach(glance.epoch)
        # A deadline that was heard of after this look began is newer than what it found.
        if channel.moved_at < at:
            channel.move(glance.expires_at, at=self._loop.time())
        if glance.last_seq > channel.seq:
            self.catch_up(channel)

    async def _catch_up(self, channel: Channel) -> None:
        try:
            more = True
            while (more or channel.read_again) and channel.streams:
                channel.read_again = False
                page = await self._read(channel)
                if page is None:
                    return  # the next look finds it again
                channel.accept(page.first_seq, page.events)
                more = not page.whole
        finally:
            channel.reading = False

    async def _read(self, channel: Channel) -> following.Page | None:
        page: following.Page | None = await self._ask(
            following.read_after,
            database=self._reading,
            owner_id=channel.owner_id,
            session_id=channel.session_id,
            after=channel.seq,
            now=timezone.now(),
        )
        return page

    # --- the end --------------------------------------------------------------------------------------

    def _finish(self, channel: Channel) -> None:
        if not channel.ended:
            channel.ended = True
            self._drop(channel)
            bus.local.forget(channel.session_id)
            self._start(self._tell_end(channel))

    async def _tell_end(self, channel: Channel) -> None:
        """The last events, if any were missed, and how it ended."""
        while True:
            ending = await self._ask(_read_ending, channel.owner_id, channel.session_id, timezone.now())
            if ending is not None or not channel.streams:
                break
            await asyncio.sleep(LOOK_EVERY_S)
        end = ending[0] if ending else None
        if end is None:
            frame = lease.closed("removed")
        elif not await self._has_caught_up(channel, end.last_seq):
            # Not an end after which something is missing. Who comes back is told how it ended, and where the rest is.
            frame = lease.closed("unavailable")
        else:
            frame = lease.told(
                "end",
                expires_at=end.expires_at,
                hard_expires_at=end.hard_expires_at,
                close_reason=end.close_reason,
                ended_because=end.ended_because,
                snapshot=end.snapshot,
            )
        for stream in tuple(channel.streams):
            stream.finish(frame)

    async def _has_caught_up(self, channel: Channel, last_seq: int) -> bool:
        """Pass on what is kept up to this number. False: it can't be read now."""
        more = last_seq > channel.seq
        while more and (page := await self._read(channel)) is not None:
            channel.accept(page.first_seq, page.events)
            more = not page.whole
        return not more

    # --- who watches ----------------------------------------------------------------------------------

    async def _check_now(self, now: datetime) -> None:
        """Of all streams at once: does what let them in still hold, and when do they wish to be given notice?"""
        try:
            channels, streams = list(self._channels.values()), list(self._streams)
            asked = list({(s.channel.owner_id, s.credential) for s in streams if s.credential})
            answered = await self._ask(_hold_and_leads, asked, {c.owner_id for c in channels}, now)
            if answered is None:
                return
            holding, leads = answered
            refused = {pair for pair, holds in zip(asked, holding, strict=True) if not holds}
            for channel in channels:
                channel.lead = leads[channel.owner_id]
            for stream in streams if refused else ():
                if (stream.channel.owner_id, stream.credential) in refused:
                    stream.stop(lease.closed("revoked"))
        finally:
            self._checking = False

    # --- ephemeral sessions ---------------------------------------------------------------------------

    def _extend(self, at: float, now: datetime) -> None:
        if self._extending:
            return
        attended = [channel for channel in self._channels.values() if channel.policy is Policy.EPHEMERAL]
        # A third of the shortest idle time, so that one try may fail.
        every = min([EXTEND_EVERY_S, *(channel.idle_timeout.total_seconds() / 3 for channel in attended)])
        if at - self._extended_at >= every:
            self._extended_at = at
            self._left.update(channel.session_id for channel in attended)
        if self._left:
            self._extending = True
            wanted, self._left = self._left, set()
            self._start(self._extend_now(wanted, at, now))

    async def _extend_now(self, wanted: set[uuid.UUID], at: float, now: datetime) -> None:
        try:
            extended = await self._ask(extend_attended, wanted, now=now)
            if extended is None:
                # The last of their viewers may be gone: nothing else would remember them.
                self._left |= wanted
                return
            for session_id, expires_at in extended.items():
                if session_id in self._channels:
                    self._channels[session_id].move(expires_at, at=at)
        finally:
            self._extending = False


def _settle_and_look(
    session_ids: list[uuid.UUID], overdue: list[uuid.UUID], now: datetime
) -> dict[uuid.UUID, following.Glance]:
    if overdue:
        following.settle_found(overdue, now=now)
    return following.look(session_ids)


def _hold_and_leads(
    asked: list[tuple[int, Credential]], owner_ids: set[int], now: datetime
) -> tuple[list[bool], dict[int, timedelta]]:
    return still_hold(asked, now=now) if asked else [], following.notice_leads(owner_ids)


def _read_ending(owner_id: int, session_id: uuid.UUID, now: datetime) -> tuple[following.Ending | None]:
    """In a tuple, to tell a session that is gone from a database that does not answer."""
    return (following.read_ending(owner_id=owner_id, session_id=session_id, now=now),)
