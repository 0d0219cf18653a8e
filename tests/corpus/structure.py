"""Shapes of whole files: comments, line ends, markers, indentation, keys."""

from __future__ import annotations

from typing import Any

from tests.corpus.case import HEAD, Taken, app


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else "end"


TAKEN = (
    Taken(
        "comments before, beside, between and after everything",
        """# ------------------------------------------------------------
# A template of somebody.
#
#   documentation: https://example.org/docs
#   slogan: "It's easy: just say 'go'"
#   tags: a, b: c, [d]
#   logo: svgs/a.svg
#   port: 8080
# \ttabs and trailing blanks   \n# ------------------------------------------------------------

services: # the services
  # the only one
  app: # its name
    image: example/app:1.2 # pinned
    # between
    command: # before a list
      # inside a list
      - "serve" # beside an entry
      # between entries
      - "#no comment" # a comment
      - a#b
    # after the list
    init: true
    #init: false
# at the end
""",
        app(command=["serve", "#no comment", "a#b"], init=True),
    ),
    Taken("no newline at the end", HEAD + "    init: true", app(init=True)),
    Taken("a comment at the end without a newline", HEAD + "    init: true # yes", app(init=True)),
    Taken(
        "line ends of Windows",
        (HEAD + "    x-text: |\n      a\n      b\n    init: true\n").replace("\n", "\r\n"),
        app(**{"x-text": "a\nb\n", "init": True}),
    ),
    Taken("a byte order mark", "\ufeff" + HEAD, app()),
    Taken("a start and an end marker, with a directive", "%YAML 1.1\n---\n" + HEAD + "...\n", app()),
    Taken(
        "blank lines with blanks everywhere",
        "\n   \n" + HEAD.replace("\n", "\n\n") + "      \n\n    init: true\n\n\n",
        app(init=True),
    ),
    Taken(
        "JSON on one line",
        '{"services": {"app": {"image": "example/app:1.2", "command": ["a", "b"], "init": true}}}',
        app(command=["a", "b"], init=True),
    ),
    Taken(
        "flow style over several lines with commas at the ends",
        HEAD
        + """    command: [
      serve,   # a comment
      '--port', "8080",
    ]
    labels: {
      a: b,
    }
""",
        app(command=["serve", "--port", "8080"], labels={"a": "b"}),
    ),
    Taken(
        "lists that are not indented, and indentation by one, three and eight",
        """services:
 app:
    image: example/app:1.2
    command:
    - a
    - b
    labels:
            c: d
""",
        app(command=["a", "b"], labels={"c": "d"}),
    ),
    Taken(
        "a version key, a name and extensions at the top",
        "version: '3.8'\nname: my-stack\nx-note:\n  owner: somebody\n  since: '2024-05-01'\nx-list: [1, 2]\n"
        + HEAD,
        {
            "version": "3.8",
            "name": "my-stack",
            "x-note": {"owner": "somebody", "since": "2024-05-01"},
            "x-list": [1, 2],
        }
        | app(),
    ),
    Taken("a version as a number", "version: 3.8\n" + HEAD, {"version": 3.8} | app()),
    Taken(
        "quoted keys, keys with dots, dashes, blanks, dollars and colons",
        HEAD
        + """    labels:
      "a.b-c/d": '1'
      'with blank': '2'
      a:b: '3'
      $key: '4'
      "ü: ö": '5'
""",
        app(labels={"a.b-c/d": "1", "with blank": "2", "a:b": "3", "$key": "4", "ü: ö": "5"}),
    ),
    Taken(
        "empty lists and maps say nothing and are left out",
        HEAD + """    cap_drop: []
    environment: {}
    volumes:
    tmpfs: [ ]
    healthcheck: {test: [CMD, 'true'], x: {}}
"""
        "volumes:\n  data:\n  more: {}\n",
        app(healthcheck={"test": ["CMD", "true"]}) | {"volumes": {"data": None, "more": {}}},
    ),
    Taken(
        "fourteen levels",
        HEAD + "    x-deep: " + "{a: " * 12 + "end" + "}" * 12 + "\n",
        app(**{"x-deep": _nested(12)}),
    ),
    Taken(
        "lists in lists, and maps in lists",
        HEAD
        + """    x-m:
      - - 1
        - 2
      - - 3
      - a: b
        c: d
      -
        e: f
""",
        app(**{"x-m": [[1, 2], [3], {"a": "b", "c": "d"}, {"e": "f"}]}),
    ),
)
