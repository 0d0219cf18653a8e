"""Texts of several lines in every way YAML has for them."""

from __future__ import annotations

from tests.corpus.case import HEAD, Taken, app

LINES = [
    line
    for number in range(50)
    for line in (
        f"# model {number}: „groß“ – costs ${number / 10}",
        f"- model_name: model-{number}",
        f'  params: {{api_base: "https://m{number}.example.org/v1", key: os.environ/KEY_{number}}}',
        f"  timeout: {number}   # seconds, 'soft'",
    )
]
"""Two hundred lines of somebody's configuration, with comments, quotes, braces and dollars."""

SCRIPT = r"""set -eu
trap 'echo "stopping"; exit 0' TERM
for f in /etc/app/*.conf; do
	printf '%s\n' "$${f##*/}"   # a tab begins this line
done
cat <<'EOF' > /tmp/x
a: b
--- not a new document
EOF
exec app --config=/tmp/x
"""


def indented(text: str, by: int) -> str:
    """The text with that many blanks before each line that is not empty."""
    return "".join(" " * by + line if line.strip() else line for line in text.splitlines(keepends=True))


TAKEN = (
    Taken(
        "literal blocks: clipped, stripped, kept",
        HEAD
        + """    x-one: |
      a
      b

    x-two: |-
      a
      b

    x-three: |+
      a

    init: true
""",
        app(**{"x-one": "a\nb\n", "x-two": "a\nb", "x-three": "a\n\n", "init": True}),
    ),
    Taken(
        "folded blocks: clipped, stripped, with indented and empty lines",
        HEAD
        + """    x-one: >
      one
      line
    x-two: >-
      a
      b

      new
        kept
      c
    init: true
""",
        app(**{"x-one": "one line\n", "x-two": "a b\nnew\n  kept\nc", "init": True}),
    ),
    Taken(
        "a block whose first line is indented, with an indicator",
        HEAD + "    x-one: |2\n        first\n      second\n    x-two: |1-\n     only\n",
        app(**{"x-one": "  first\nsecond\n", "x-two": "only"}),
    ),
    Taken(
        "hashes, trailing blanks, colons and dashes inside a block are text",
        HEAD
        + """    x-one: |
      # no comment
      key: value  \x20
      - item
      '"{[&*!%@`
    init: true # a comment
""",
        app(**{"x-one": "# no comment\nkey: value   \n- item\n'\"{[&*!%@`\n", "init": True}),
    ),
    Taken(
        "a plain text over several lines",
        HEAD + "    x-one: one\n      two\n\n      three\n    init: true\n",
        app(**{"x-one": "one two\nthree", "init": True}),
    ),
    Taken(
        "quoted texts over several lines",
        HEAD + "    x-one: \"one\n      two \\\n      three\n\n      four\"\n    x-two: 'one\n      two'\n",
        app(**{"x-one": "one two three\nfour", "x-two": "one two"}),
    ),
    Taken(
        "a command folded over several lines",
        HEAD + "    command: >-\n      serve --host 0.0.0.0\n      --port 8080\n      --title 'A, B & C'\n",
        app(command="serve --host 0.0.0.0 --port 8080 --title 'A, B & C'"),
    ),
    Taken(
        "a shell script with quotes, a tab and a here document",
        HEAD + "    entrypoint:\n      - sh\n      - -c\n      - |\n" + indented(SCRIPT, 8),
        app(entrypoint=["sh", "-c", SCRIPT]),
    ),
    Taken(
        "two hundred lines of embedded configuration",
        HEAD + "configs:\n  models:\n    content: |\n" + indented("\n".join(LINES) + "\n", 6),
        app() | {"configs": {"models": {"content": "\n".join(LINES) + "\n"}}},
    ),
    Taken(
        "embedded JSON in one line and in a block",
        HEAD
        + """    x-one: '{"a": [1, "two"], "b": {"c": null}}'
    x-two: |
      {
        "a": "\\u00e4\\n",
      }
""",
        app(**{"x-one": '{"a": [1, "two"], "b": {"c": null}}', "x-two": '{\n  "a": "\\u00e4\\n",\n}\n'}),
    ),
    Taken(
        "a certificate",
        HEAD
        + """    x-ca: |
      -----BEGIN CERTIFICATE-----
      RkFLRSBmYWtlIEZBS0Ugbm90IGEgY2VydA==
      -----END CERTIFICATE-----
""",
        app(
            **{
                "x-ca": "-----BEGIN CERTIFICATE-----\nRkFLRSBmYWtlIEZBS0Ugbm90IGEgY2VydA==\n"
                "-----END CERTIFICATE-----\n"
            }
        ),
    ),
    Taken(
        "a line of two thousand characters",
        HEAD + f'    x-one: {"word " * 400}end\n    x-two: "{"ä" * 2000}"\n',
        app(**{"x-one": f"{'word ' * 400}end", "x-two": "ä" * 2000}),
    ),
    Taken(
        "a Go template kept from Jinja",
        HEAD + "    x-format: '{% raw %}{{.State.Health}} {% endraw %}'\n",
        app(**{"x-format": "{{.State.Health}} "}),
    ),
)
