"""One file a command: ``add_parser`` declares its options, and what it calls does the work.

Heavy imports happen inside a command, never at the top of these files, so that help and lists are quick.
"""
