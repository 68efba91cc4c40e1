"""The product as a whole: its command line, its server, and real peers."""
