"""The simulated guild: its channel, its members, and the ids by which the exchange knows them after a restart.

The simulated Discord forgets everything when it stops; the exchange does not. What joins the two
again are these ids, so they must never change.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import simcord
from simcord.backend.cdn import CDN_BASE
from simcord.backend.models import User

BOT_NAME: Final = "BetJee"
BOT_AVATAR: Final = "betjee"
CHANNEL_NAME: Final = "betjee"
GUILD_ID: Final = 1_450_000_000_000_000_000
GUILD_NAME: Final = "JEE 2026"


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the simulated guild."""

    discord_id: int
    username: str
    display_name: str


YOU: Final = Person(GUILD_ID + 1, "you", "You")
MODERATOR: Final = Person(GUILD_ID + 2, "meera", "Meera (moderator)")
FRIENDS: Final = (Person(GUILD_ID + 3, "priya", "Priya"), Person(GUILD_ID + 4, "arjun", "Arjun"))
TRADERS: Final = (
    Person(GUILD_ID + 11, "aarav", "Aarav"),
    Person(GUILD_ID + 12, "diya", "Diya"),
    Person(GUILD_ID + 13, "kabir", "Kabir"),
    Person(GUILD_ID + 14, "ananya", "Ananya"),
    Person(GUILD_ID + 15, "rohan", "Rohan"),
    Person(GUILD_ID + 16, "ishita", "Ishita"),
)
PEOPLE: Final = (YOU, MODERATOR, *FRIENDS, *TRADERS)


@dataclass(frozen=True, slots=True)
class Guild:
    """What the page shows of the guild: its channel, seen through the eyes of some of its members."""

    channel: simcord.ChannelHandle
    viewers: tuple[simcord.MemberActor, ...]
    pictures: dict[str, tuple[str, bytes]]
    """File name and content of each picture, by the address at which the page looks for it."""


def found_guild(env: simcord.Env) -> Guild:
    """Create the guild, owned by the moderator, before the bot connects to it."""
    bot = env.backend.edit_bot_profile(BOT_NAME)
    bot.avatar = BOT_AVATAR
    picture = ("bot-avatar.png", files("sandbox").joinpath("bot-avatar.png").read_bytes())
    owner = _create_user(env, MODERATOR)
    guild = env.create_guild(GUILD_NAME, id=GUILD_ID, owner=owner)
    moderator = guild.add_member(owner)
    you = guild.add_member(_create_user(env, YOU))
    friends = [guild.add_member(_create_user(env, friend)) for friend in FRIENDS]
    for trader in TRADERS:
        guild.add_member(_create_user(env, trader))
    return Guild(
        channel=guild.create_text_channel(CHANNEL_NAME),
        viewers=(you, *friends, moderator),
        pictures={f"{CDN_BASE}/avatars/{bot.id}/{BOT_AVATAR}.png": picture},
    )


def members_by_name() -> dict[str, int]:
    """The members' ids by the names that people call them; where two share a name, it is left out."""
    names = [name for person in PEOPLE for name in {person.display_name.casefold(), person.username}]
    return {
        name: person.discord_id
        for person in PEOPLE
        for name in (person.display_name, person.username)
        if names.count(name.casefold()) == 1
    }


def _create_user(env: simcord.Env, person: Person) -> simcord.UserHandle:
    """Create a user with an id of our choice, which simcord's own `create_user` would choose by its clock."""
    user = User(
        id=env.backend.reserve_id(person.discord_id), name=person.username, global_name=person.display_name
    )
    env.backend.users[user.id] = user
    return simcord.UserHandle(env, user)
