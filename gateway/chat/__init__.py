"""What a message is besides its text: read from stanzas, rendered into them, said in words where a network has no more."""
