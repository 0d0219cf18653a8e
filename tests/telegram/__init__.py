"""The Telegram bot as a process, against a Bot API and a Router that are played on loopback."""
