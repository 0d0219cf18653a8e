"""Texts that are refused, each with the line that its author has to look at."""

from __future__ import annotations

from tests.corpus.case import HEAD, Guarded, Refused

LETTER = "cannot start any token"
QUOTES = "put it in quotes"
REFERENCES = "anchors, aliases and tags"

COMMON = "x-common: &common\n  init: true\n"

REFUSED = (
    Refused("a tab for indentation", "services:\n  app:\n\timage: a\n", 3, LETTER),
    Refused("a tab in a block's indentation", HEAD + "    x-a: |\n\tb\n", 5, "tab character"),
    Refused("a key twice", HEAD + "    init: true\n    image: b\n", 5, "occur once"),
    Refused("a service twice", HEAD + "  other: {image: b}\n  app: {image: c}\n", 5, "occur once"),
    Refused(
        "a variable twice, far apart",
        HEAD + "    environment:\n      A: a\n      B: b\n      A: c\n",
        7,
        "once",
    ),
    Refused("two documents", HEAD + "---\nservices: {}\n", 4, "another document"),
    Refused("an anchor", COMMON + HEAD, 1, REFERENCES),
    Refused("a merge", HEAD + "    <<: {init: true}\n", 4, "keys are texts"),
    Refused("an alias", HEAD + "    x-a: *nowhere\n", 4, REFERENCES),
    Refused(
        "a comment after a merge alias",
        HEAD + "  other: &other {image: b}\n  third:\n    <<: *other  # comment\n",
        4,
        REFERENCES,
    ),
    Refused("a tag of Compose", HEAD + "    ports: !reset []\n", 4, REFERENCES),
    Refused("a tag of YAML", HEAD + "    x-a: !!str 12\n", 4, REFERENCES),
    Refused("an octal number", HEAD + "    environment:\n      MODE: 0755\n", 5, QUOTES),
    Refused("a new octal number", HEAD + "    x-a: 0o22\n", 4, QUOTES),
    Refused("a date", HEAD + "    labels: {day: 2024-05-01}\n", 4, QUOTES),
    Refused("a moment", HEAD + "    x-a: 2024-05-01 10:00:00\n", 4, QUOTES),
    Refused("a time, or a port on a port", HEAD + "    ports:\n      - 80:8080\n      - 22:22\n", 6, QUOTES),
    Refused("a word for false", HEAD + "    restart: no\n", 4, QUOTES),
    Refused("a word for true", HEAD + "    environment: {DEBUG: Yes}\n", 4, QUOTES),
    Refused("a word for true as a key", "on: push\n" + HEAD, 1, QUOTES),
    Refused("an exponent", HEAD + "    environment: {SHA: 12e4567}\n", 4, QUOTES),
    Refused("a hexadecimal number", HEAD + "    x-a: 0x1F\n", 4, QUOTES),
    Refused("a grouped number", HEAD + "    x-a: 1_000\n", 4, QUOTES),
    Refused("a number with a sign", HEAD + "    x-a: +49301234567\n", 4, QUOTES),
    Refused("a number that is too long", HEAD + "    x-a: 12345678901234567890\n", 4, QUOTES),
    Refused("infinity", HEAD + "    x-a: .inf\n", 4, QUOTES),
    Refused("a number as a key", HEAD + "    x-a:\n      8080: web\n", 5, "keys are texts"),
    Refused("a list as a key", HEAD + "    ? [a, b]\n    : c\n", 4, "keys are texts"),
    Refused("a quote without an end", HEAD + '    x-a: "b\n    init: true\n', 6, "begins in line 4"),
    Refused("indentation that fits nothing", HEAD + "   init: true\n", 4, "expected"),
    Refused("two colons", HEAD + "    x-a: b: c\n", 4, "mapping values"),
    Refused("a bracket without an end", HEAD + "    command: [a, b\n    init: true\n", 5, "expected"),
    Refused("an at sign first", HEAD + "    x-a: @b\n", 4, LETTER),
    Refused("a backtick first", HEAD + "    x-a: `b`\n", 4, LETTER),
    Refused("a percent sign first", HEAD + "    x-a: %b\n", 4, LETTER),
    Refused("a list at the top", "# nothing\n- services\n", 2, "not a mapping"),
    Refused("a text at the top", "just a text\n", 1, "not a mapping"),
    Refused("nothing but a comment", "# nothing\n", 1, "not a mapping"),
    Refused("a control character after umlauts", "# äöü\n" + HEAD + '    x-a: "\x07"\n', 5, "does not allow"),
    Refused("an empty command", HEAD + "    command: []\n", 4, 'write ""'),
    Refused("an interpolation inside a text", HEAD + "    x-a: https://{{ domain }}/\n", 4, "stands alone"),
    Refused("a Go template", HEAD + '    x-a: "{{.State}}"\n', 4, "unexpected '.'"),
    Refused("the length of a shell's array", HEAD + "    x-a: ${#list[@]}\n", 4, "Missing end of comment"),
)

BROKEN_FOR_COOLIFY = (
    *("a tab for indentation", "a key twice", "a service twice", "two documents", "a tag of Compose"),
    *("a comment after a merge alias", "an at sign first", "a backtick first", "a percent sign first"),
)
"""Those of `REFUSED` that Coolify 4.3.10 answers with 500 (recorded, or run through symfony/yaml)."""

GUARDED = (
    Guarded(
        "a bcrypt hash", HEAD + "    environment: {HASH: $2y$10$abcdefghijklmnopqrstuv}\n", "G26", "app: HASH"
    ),
    Guarded("a doubled bcrypt hash", HEAD + "    environment: {HASH: $$2y$$10$$abcd}\n", "G26", "app: HASH"),
    Guarded(
        "an operator that Coolify does not know", HEAD + "    environment: {A: '${A:+x}'}\n", "G26", "app: A"
    ),
    Guarded("a reference and more", HEAD + "    environment: {A: $VAR text}\n", "G26", "app: A"),
    Guarded("a list as a value", HEAD + "    environment: {A: [b]}\n", "G26", "app: A"),
    Guarded("infinity in quotes", HEAD + "    environment: {A: '.inf'}\n", "G26", "app: A"),
    Guarded("a new octal number in quotes", HEAD + "    environment: {A: '0o22'}\n", "G26", "app: A"),
    Guarded("a signed octal number", HEAD + "    environment: {A: '+0o17'}\n", "G26", "app: A"),
    Guarded("a grouped octal number", HEAD + "    environment: {A: '0o1_7'}\n", "G26", "app: A"),
    Guarded("a signed grouped number", HEAD + "    environment: {A: '+1_000'}\n", "G26", "app: A"),
    Guarded("a grouped fraction", HEAD + "    environment: {A: '1_000.5'}\n", "G26", "app: A"),
    Guarded("an octal word of a command", HEAD + "    command: [serve, '0o17']\n", "G26", "app: a text"),
    Guarded("a dollar that is not doubled", HEAD + "    labels: {price: 5 $a}\n", "G26", "not doubled"),
    Guarded("an anonymous volume", HEAD + "    volumes:\n      - /tmp\n", "G05", "app: a volume"),
    Guarded("a volume of one letter", HEAD + "    volumes: ['v:/v:ro']\n", "G05", "app: a volume"),
    Guarded("a shell in a volume", HEAD + "    volumes: ['/tmp/$(id):/x']\n", "G05", "app: a volume"),
    Guarded("no services", "volumes: {data: {}}\n", "G29", "services is not a mapping"),
)
"""What cannot be seen in a line: the rule names the service and its key."""
