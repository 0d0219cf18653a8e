"""A Telegram bot in front of an OpenAI-compatible Router, on the standard library alone.

One process, one bot. `poll` asks Telegram for messages, `lanes` lets each chat take its turn, `conversation`
decides what to answer, `router` asks the model, `draft` shows the answer while it grows. Nothing is stored.
"""
