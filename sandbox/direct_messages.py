"""Direct messages, shown where the page can show them.

The preview shows one channel. What the bot writes to someone appears there as a line that they alone
see, marked as what it is.
"""

from collections.abc import Iterable
from typing import Final

import simcord
from simcord.backend.models import EPHEMERAL_FLAG

MARK: Final = "**Direct message to you** (Discord shows it in a conversation of its own)"


class DirectMessages:
    """What the bot writes to people, repeated once to each in a channel."""

    def __init__(
        self, env: simcord.Env, channel: simcord.ChannelHandle, people: Iterable[simcord.MemberActor]
    ) -> None:
        self._env = env
        self._channel_id = channel.id
        self._people = {person.id for person in people}
        self._last_shown: dict[int, int] = {}

    def show_new(self) -> None:
        """Show what has been written since the last time; it changes the simulated Discord, so take the turn first."""
        backend = self._env.backend
        for person_id in self._people & backend.dm_channels.keys():
            messages = backend.messages.get(backend.dm_channels[person_id], {})
            last = self._last_shown.get(person_id, 0)
            for identity in sorted(each for each in messages if each > last):
                self._last_shown[person_id] = identity
                written = messages[identity]
                if written.author_id == backend.bot_user.id:
                    backend.create_message(
                        self._channel_id,
                        written.author_id,
                        "\n".join(part for part in (MARK, written.content) if part),
                        embeds=written.embeds,
                        flags=EPHEMERAL_FLAG,
                        interaction_metadata={"user": {"id": str(person_id)}},
                        broadcast=False,
                    )
