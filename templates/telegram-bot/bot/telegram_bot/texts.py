"""What the bot says, in the languages it speaks."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "hello": "Hello! Send me a message and I pass it on to the model.\n\n"
        "/reset starts a new conversation\n/ping shows that I am awake\n/help shows this text",
        "pong": "pong",
        "reset": "A new conversation begins.",
        "denied": "You are not on this bot's list. Your Telegram id is {user}: whoever runs the bot can add"
        " it to ALLOWED_USER_IDS.",
        "text_only": "I only understand text.",
        "too_long": "That is too long: {limit} characters at most.",
        "wait": "That was a lot. Please wait {minutes} min.",
        "key": "The Router does not accept this bot's key. Whoever runs the bot has to look at it.",
        "busy": "The Router is busy or the budget is used up. Please try again later.",
        "failed": "I got no answer. Please try again in a moment.",
        "cut": "[The answer broke off here.]",
        "length": "[The answer reached its longest length.]",
    },
    "de": {
        "hello": "Hallo! Schreib mir, ich gebe es an das Modell weiter.\n\n"
        "/reset beginnt ein neues Gespräch\n/ping zeigt, dass ich wach bin\n/help zeigt diesen Text",
        "pong": "pong",
        "reset": "Ein neues Gespräch beginnt.",
        "denied": "Du stehst nicht auf der Liste dieses Bots. Deine Telegram-ID ist {user}: Wer den Bot"
        " betreibt, kann sie in ALLOWED_USER_IDS eintragen.",
        "text_only": "Ich verstehe nur Text.",
        "too_long": "Das ist zu lang: höchstens {limit} Zeichen.",
        "wait": "Das war viel. Bitte warte {minutes} min.",
        "key": "Der Router nimmt den Schlüssel dieses Bots nicht an. Wer ihn betreibt, muss danach sehen.",
        "busy": "Der Router ist ausgelastet oder das Budget verbraucht. Bitte versuche es später wieder.",
        "failed": "Ich habe keine Antwort bekommen. Bitte versuche es gleich noch einmal.",
        "cut": "[Hier brach die Antwort ab.]",
        "length": "[Die Antwort hat ihre größte Länge erreicht.]",
    },
}


def say(language: str, key: str, **fields: object) -> str:
    """The text in the person's language if the bot speaks it, else in English."""
    texts = TEXTS["de" if language.lower().startswith("de") else "en"]
    return texts[key].format(**fields)
