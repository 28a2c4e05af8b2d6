"""The builder: its page, its forms, and what its canvas and its outline talk to."""
