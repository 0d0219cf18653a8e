"""Who may do what: every collection x person x verb, over REST, batch and realtime, on real PocketBase.

`matrix.py` is the claim, as data; `world.py` the people and their rows; the tests compare both and know no
rule's text. One PocketBase runs per shape of database, and every test leaves its rows as they were.
"""
