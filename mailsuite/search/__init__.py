"""Ranked word search by Whoosh: derived, disposable, in a process of its own.

The parent's side (:mod:`.service`, :mod:`.follow`) reads what changed through
``IChanges`` and asks the child (:mod:`.indexer`), which alone touches Whoosh: one
index an account. An index that is lost or broken is built again from the mail.
IMAP SEARCH is exact and asks nothing here. Serves ``house``.
"""
