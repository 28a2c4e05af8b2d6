"""An app such as somebody else would write: one kind of step, in one file."""
