"""The real daemon, killed before and after every request that changes something, comes to the same end.

The points are not listed by hand: a proxy before either upstream sees them in a run without a crash. What an
action is lives in `actions`, what counts as its end in `ending`; neither knows how the daemon works inside.
"""
