"""Values: what looks like something else, and characters from everywhere."""

from __future__ import annotations

from tests.corpus.case import HEAD, Taken, app, environment

TAKEN = (
    Taken(
        "octal-, date-, time- and number-like texts in quotes",
        HEAD
        + """    environment:
      MODE: "0755"
      DAY: "2024-01-02"
      MOMENT: '2024-01-02T03:04:05Z'
      TIME: "12:30"
      SWITCH: "yes"
      NORWAY: 'no'
      EXPONENT: "1e3"
      COLOUR: '0x1F'
      GROUPED: "1_000"
      VERSION: "1.10"
      PHONE: "+49301234567"
      LONG: "12345678901234567890"
      TRUTH: "true"
      NOTHING: "null"
      TILDE: "~"
      ZERO: "007"
""",
        environment(
            MODE="0755",
            DAY="2024-01-02",
            MOMENT="2024-01-02T03:04:05Z",
            TIME="12:30",
            SWITCH="yes",
            NORWAY="no",
            EXPONENT="1e3",
            COLOUR="0x1F",
            GROUPED="1_000",
            VERSION="1.10",
            PHONE="+49301234567",
            LONG="12345678901234567890",
            TRUTH="true",
            NOTHING="null",
            TILDE="~",
            ZERO="007",
        ),
    ),
    Taken(
        "plain numbers and truth values",
        HEAD
        + """    cpus: 0.50
    pids_limit: 100
    oom_score_adj: -500
    init: true
    read_only: True
    tty: FALSE
    stop_signal: null
    mem_swappiness: 0
""",
        app(
            cpus=0.5,
            pids_limit=100,
            oom_score_adj=-500,
            init=True,
            read_only=True,
            tty=False,
            mem_swappiness=0,
        ),
    ),
    Taken(
        "plain texts that begin like numbers",
        HEAD
        + """    user: 1000:1000
    dns: [1.1.1.1, 2606:4700::1111]
    ports: [8080:80, 53:53/udp]
    mem_limit: 1.5G
    stop_grace_period: 1m30s
    environment: {TAG: 3.12-slim, VERSION: 1.2.3, DAYS: 7d, HEX: 0xyz, MONTH: 2024-01, LETTER: y, E: e3}
""",
        app(
            user="1000:1000",
            dns=["1.1.1.1", "2606:4700::1111"],
            ports=["8080:80", "53:53/udp"],
            mem_limit="1.5G",
            stop_grace_period="1m30s",
            environment={
                "TAG": "3.12-slim",
                "VERSION": "1.2.3",
                "DAYS": "7d",
                "HEX": "0xyz",
                "MONTH": "2024-01",
                "LETTER": "y",
                "E": "e3",
            },
        ),
    ),
    Taken(
        "umlauts, typographic and other scripts, in values, keys and comments",
        """# Für Müller & Söhne – „so wie früher“
services:
  app:
    image: example/app:1.2   # größer
    environment:
      GREETING: Grüße aus Köln – „Schön, dass du da bist“ …
      NAMES: 'Łódź, Čapek, Ñandú, İstanbul'
      SCRIPTS: 你好, שלום, नमस्ते
      COMBINED: "e\u0301 is not \u00e9"
    labels: {"büro.größe": "3½ m²", "ключ": "значение"}
""",
        app(
            environment={
                "GREETING": "Grüße aus Köln – „Schön, dass du da bist“ …",
                "NAMES": "Łódź, Čapek, Ñandú, İstanbul",
                "SCRIPTS": "你好, שלום, नमस्ते",
                "COMBINED": "e\u0301 is not \u00e9",
            },
            labels={"büro.größe": "3½ m²", "ключ": "значение"},
        ),
    ),
    Taken(
        "emoji beyond the basic plane",
        HEAD + '    environment: {PLAIN: "🚀 go", FAMILY: 👩‍👩‍👧‍👦, FLAG: "🇩🇪", ESCAPED: "\\U0001F600"}\n',
        environment(PLAIN="🚀 go", FAMILY="👩‍👩‍👧‍👦", FLAG="🇩🇪", ESCAPED="\U0001f600"),
    ),
    Taken(
        "quotes inside quotes, and backslashes",
        HEAD
        + r"""    environment:
      SINGLE: 'it''s "fine"'
      DOUBLE: "she said \"no\" and 'yes'"
      PATH: 'C:\Temp\new'
      ESCAPES: "tab\there\\n is two characters\nthis is a new line"
      REGEX: ^\d+\.\w*$
      UNICODE: "\u00e4\x41\e[31mred"
""",
        environment(
            SINGLE='it\'s "fine"',
            DOUBLE="she said \"no\" and 'yes'",
            PATH="C:\\Temp\\new",
            ESCAPES="tab\there\\n is two characters\nthis is a new line",
            REGEX="^\\d+\\.\\w*$",
            UNICODE="äA\x1b[31mred",
        ),
    ),
    Taken(
        "texts that begin with an indicator, in quotes",
        HEAD
        + """    command: ["@a", '`id`', "%b", "!c", "&d", "*e", "|f", ">g",
      "?h", "- i", "[j]", "{k}", "#l", ",m", ": n"]
""",
        app(
            command=[
                *("@a", "`id`", "%b", "!c", "&d", "*e", "|f", ">g"),
                *("?h", "- i", "[j]", "{k}", "#l", ",m", ": n"),
            ]
        ),
    ),
    Taken(
        "plain texts with colons, hashes and dashes inside",
        HEAD
        + """    environment:
      URL: https://example.org/a?b=c&d=e#part
      DSN: postgres://app:pass@db:5432/app
      HASH: a#b
      DASHES: --flag=-1
      TIME: at 12:30:00
      BRACKETS: a[1]{2}
""",
        environment(
            URL="https://example.org/a?b=c&d=e#part",
            DSN="postgres://app:pass@db:5432/app",
            HASH="a#b",
            DASHES="--flag=-1",
            TIME="at 12:30:00",
            BRACKETS="a[1]{2}",
        ),
    ),
    Taken(
        "blanks at both ends, empty texts, and what YAML takes for a line break",
        HEAD
        + """    environment:
      BLANKS: "  two before, two after  "
      TAB: "\\tend\\t"
      EMPTY: ""
      EMPTY_TOO: ''
      BREAKS: "a\\Nb\\_c\\Ld\\Pe\\rf"
""",
        environment(
            BLANKS="  two before, two after  ",
            TAB="\tend\t",
            EMPTY="",
            EMPTY_TOO="",
            BREAKS="a\x85b\xa0c\u2028d\u2029e\rf",
        ),
    ),
    Taken(
        "dollars: references, doubled ones, and a bcrypt hash that does not stand first",
        HEAD
        + """    environment:
      SAME: ${SAME}
      DEFAULT: ${PORT:-8080}
      EMPTY: "${KEY:-}"
      DASHES: "${NODE_OPTIONS:---max-old-space-size=1536}"
      NESTED: ${OUTER:-${INNER:-x}}
      PRICE: costs 5 $$
      LOGIN: admin:$$2y$$10$$abcdefghijklmnopqrstuv
      MIDDLE: pre${A}post
    command: ["sh", "-c", "echo $$HOME $$(date)"]
    labels: {"auth.users": "admin:$$2y$$05$$FAKEfakeFAKEfakeFAKEfa"}
""",
        app(
            environment={
                "SAME": "${SAME}",
                "DEFAULT": "${PORT:-8080}",
                "EMPTY": "${KEY:-}",
                "DASHES": "${NODE_OPTIONS:---max-old-space-size=1536}",
                "NESTED": "${OUTER:-${INNER:-x}}",
                "PRICE": "costs 5 $$",
                "LOGIN": "admin:$$2y$$10$$abcdefghijklmnopqrstuv",
                "MIDDLE": "pre${A}post",
            },
            command=["sh", "-c", "echo $$HOME $$(date)"],
            labels={"auth.users": "admin:$$2y$$05$$FAKEfakeFAKEfakeFAKEfa"},
        ),
    ),
)
