"""IMAP's commands carried out against the interfaces; one file a family."""
