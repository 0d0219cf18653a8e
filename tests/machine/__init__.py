"""The state machine: people, Coolify, faults, restarts, two listeners in any order, and what always holds.

`stage` is the world, `wire` lets things go wrong on both wires, `witness` knows everything and notes what
must never happen, the mixins of rules are what happens, `calm` is how it ends, `mutants` are to be found.
"""
