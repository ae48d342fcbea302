"""Pictures for replies, drawn by a process of their own, so that the bot's own never waits for one."""
