"""Twisted mechanics that every room above needs: tasks, lanes, endpoints, timers.

Deferreds and threads are met here, so that other rooms write plain coroutines.
"""
