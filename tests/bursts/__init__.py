"""Bursts of creates with the daemon killed in the middle: nothing lost, nothing made twice."""
